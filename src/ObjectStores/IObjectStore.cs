namespace PxBackup.ObjectStores;

/// <summary>
/// One bucket. Every call fails with <see cref="ObjectStoreException"/>, which carries the store's own code and text and the cure.
/// What a listing says is the store's word, not ours: see <see cref="StoredObject.IsOrdinary"/>.
/// </summary>
public interface IObjectStore : IAsyncDisposable
{
    /// <summary>
    /// Finds out whether backups can be written here: endpoint reached, signed in, bucket there, listed, and a small object below
    /// <c>.pxbackup-probe/</c> written with the encryption asked for, read back and removed.
    /// </summary>
    Task<StoreCheck> ValidateAsync(CancellationToken cancellationToken = default);

    /// <summary>Makes the bucket; one that is ours already is no error. (Stork makes a missing bucket when it first writes.)</summary>
    Task CreateBucketAsync(CancellationToken cancellationToken = default);

    /// <summary>Whether the bucket promises to keep objects; read from the bucket.</summary>
    Task<ObjectLockState> ReadObjectLockAsync(CancellationToken cancellationToken = default);

    /// <summary>Every current object below the prefix, page by page, in the store's order.</summary>
    IAsyncEnumerable<StoredObject> ListAsync(string prefix, CancellationToken cancellationToken = default);

    /// <summary>
    /// The names of the folders directly below the prefix (empty, or ending in '/'). Names that could mislead (see
    /// <see cref="StoreKey.IsOrdinary"/>) are left out and logged.
    /// </summary>
    Task<IReadOnlyList<string>> ListFoldersAsync(string prefix, CancellationToken cancellationToken = default);

    /// <summary>The object's content; null when there is none.</summary>
    /// <param name="key">An ordinary key.</param>
    /// <param name="maxBytes">A larger object fails with <see cref="StoreFailure.ObjectTooLarge"/> before it is taken in.</param>
    /// <param name="cancellationToken">Ends the request.</param>
    Task<ReadOnlyMemory<byte>?> ReadAsync(string key, int maxBytes, CancellationToken cancellationToken = default);

    /// <summary>Whether any current object is below the prefix.</summary>
    Task<bool> AnyAsync(string prefix, CancellationToken cancellationToken = default);

    /// <summary>Writes an object with the encryption and storage class of the settings.</summary>
    /// <param name="key">An ordinary key.</param>
    /// <param name="content">The whole content.</param>
    /// <param name="onlyIfAbsent">Leave an object that is there alone.</param>
    /// <param name="cancellationToken">Ends the request.</param>
    /// <returns>False when <paramref name="onlyIfAbsent"/> was asked for and there is one.</returns>
    Task<bool> PutAsync(string key, ReadOnlyMemory<byte> content, bool onlyIfAbsent = false, CancellationToken cancellationToken = default);

    /// <summary>
    /// Removes everything below the prefix for good: in a bucket with versions, every version and delete marker. What the store
    /// refuses is reported, not thrown; asking again goes on where it stopped.
    /// </summary>
    /// <param name="prefix">Ends in '/', so that <c>ns/name/1</c> does not take <c>ns/name/10</c> along.</param>
    /// <param name="cancellationToken">Stops between two batches.</param>
    Task<DeleteResult> DeletePrefixAsync(string prefix, CancellationToken cancellationToken = default);
}

/// <summary>Opens object stores.</summary>
public interface IObjectStoreFactory
{
    /// <summary>A store with these settings; nothing is sent before the first call.</summary>
    /// <exception cref="ObjectStoreException"><see cref="StoreFailure.InvalidSettings"/>, naming the setting.</exception>
    IObjectStore Open(S3StoreSettings settings);
}

/// <summary>An object as a listing shows it.</summary>
/// <param name="Key">Its key, as stored: it may hold anything.</param>
/// <param name="Size">Bytes.</param>
/// <param name="LastModifiedAt">By the store's clock.</param>
/// <param name="ETag">The store's mark of this content, without quotes.</param>
public sealed record StoredObject(string Key, long Size, DateTimeOffset LastModifiedAt, string ETag)
{
    /// <summary>False for keys that must not become a path, a name or a line of a log: see <see cref="StoreKey.IsOrdinary"/>.</summary>
    public bool IsOrdinary => StoreKey.IsOrdinary(Key);
}

/// <summary>What the bucket promises about its objects.</summary>
/// <param name="Enabled">Object lock is on; it cannot be switched off again.</param>
/// <param name="Mode">Default mode of new objects; null when the bucket has no default retention.</param>
/// <param name="RetentionDays">Default retention in days (a year counts 365); 0 when the bucket has none.</param>
public sealed record ObjectLockState(bool Enabled, ObjectLockMode? Mode, int RetentionDays)
{
    /// <summary>No object lock.</summary>
    public static ObjectLockState None { get; } = new(false, null, 0);
}

/// <summary>Who may remove a locked object.</summary>
public enum ObjectLockMode
{
    /// <summary>Those with a particular right.</summary>
    Governance,

    /// <summary>Nobody, before its time.</summary>
    Compliance,
}

/// <summary>A passed validation.</summary>
/// <param name="ObjectLock">What the bucket promises; null when the keys may not ask (then <paramref name="Notes"/> says so).</param>
/// <param name="ProbeRemoved">Whether nothing of the probe object is left in the bucket.</param>
/// <param name="Notes">What the user should know although backups work; empty when there is nothing.</param>
public sealed record StoreCheck(ObjectLockState? ObjectLock, bool ProbeRemoved, IReadOnlyList<string> Notes);

/// <summary>What became of a deletion.</summary>
/// <param name="Deleted">Objects, versions and delete markers removed by this call.</param>
/// <param name="Locked">Versions that object lock keeps; they go when their time has come. At most a hundred of them.</param>
/// <param name="Refused">What the store kept for another reason. At most a hundred.</param>
public sealed record DeleteResult(int Deleted, IReadOnlyList<RefusedDelete> Locked, IReadOnlyList<RefusedDelete> Refused)
{
    /// <summary>How many object lock keeps.</summary>
    public int LockedCount { get; init; } = Locked.Count;

    /// <summary>How many were kept for another reason.</summary>
    public int RefusedCount { get; init; } = Refused.Count;

    /// <summary>Nothing is left.</summary>
    public bool IsComplete => LockedCount == 0 && RefusedCount == 0;
}

/// <summary>An object that the store would not remove.</summary>
/// <param name="Key">Its key, as stored.</param>
/// <param name="VersionId">Its version; null in a bucket without versions.</param>
/// <param name="StoreCode">The store's error code.</param>
/// <param name="Message">The store's words.</param>
/// <param name="RetainUntil">When the lock ends; null for a legal hold, or when there is no lock.</param>
public sealed record RefusedDelete(string Key, string? VersionId, string StoreCode, string Message, DateTimeOffset? RetainUntil);
