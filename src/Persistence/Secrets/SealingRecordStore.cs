using Google.Protobuf;
using PxBackup.Api;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Records;

namespace PxBackup.Persistence.Secrets;

/// <summary>
/// Seals every field marked <c>(pxbackup.secure)</c> on the way to the store and opens it on the way back (DESIGN D10). Bodies
/// of types without such fields pass as they are. What cannot be opened is never passed on:
/// <see cref="SecretUnreadableException"/>. In lists such a record is one item that says so (<see cref="Stored{T}.Fault"/>), with what is known
/// of it as a body; so is one that the store itself could not read.
/// </summary>
public sealed class SealingRecordStore(IRecordStore inner, IMasterKeys keys) : IRecordStore
{
    /// <inheritdoc />
    public async Task<Stored<T>?> FindAsync<T>(RecordKey key, CancellationToken cancellationToken)
        where T : class, IMessage<T>, new() =>
        await inner.FindAsync<T>(key, cancellationToken) is { } stored ? Open(stored) : null;

    /// <inheritdoc />
    public async Task<(Stored<T>? Record, long Tombstone)> LookAsync<T>(RecordKey key, CancellationToken cancellationToken)
        where T : class, IMessage<T>, new() =>
        await inner.LookAsync<T>(key, cancellationToken) is var (stored, tombstone) && stored is not null ? (Open(stored), 0) : (null, tombstone);

    /// <inheritdoc />
    public Task<long> InsertAsync<T>(RecordKey key, T body, RecordIndex index, long after = 0)
        where T : class, IMessage<T>, new() => inner.InsertAsync(key, Seal(key, body), index, after);

    /// <inheritdoc />
    public Task UpdateAsync<T>(RecordKey key, long version, T body, RecordIndex index)
        where T : class, IMessage<T>, new() => inner.UpdateAsync(key, version, Seal(key, body), index);

    /// <inheritdoc />
    public Task DeleteAsync(RecordKey key, long version) => inner.DeleteAsync(key, version);

    /// <inheritdoc />
    public Task<long> TombstoneAsync(RecordKey key, CancellationToken cancellationToken) => inner.TombstoneAsync(key, cancellationToken);

    /// <inheritdoc />
    public async Task<RecordPage<T>> QueryAsync<T>(RecordQuery query, CancellationToken cancellationToken)
        where T : class, IMessage<T>, new()
    {
        var page = await inner.QueryAsync<T>(query, cancellationToken);
        return page with { Items = [.. page.Items.Select(Listed)] };
    }

    /// <inheritdoc />
    public Task<long> CountAsync(RecordQuery query, CancellationToken cancellationToken) => inner.CountAsync(query, cancellationToken);

    /// <inheritdoc />
    public Task<IReadOnlyList<RecordKey>> ListDueAsync(ObjectKind kind, DateTimeOffset now, int limit, CancellationToken cancellationToken) =>
        inner.ListDueAsync(kind, now, limit, cancellationToken);

    /// <inheritdoc />
    public Task<IReadOnlyList<RecordKey>> ListKeysAsync(ObjectKind kind, RecordKey? after, int limit, CancellationToken cancellationToken) =>
        inner.ListKeysAsync(kind, after, limit, cancellationToken);

    /// <summary>Seals a record anew if any of its secrets is under an older key; false when it is gone, current, or was just changed.</summary>
    internal async Task<bool> ResealAsync<T>(RecordKey key, Func<T, RecordIndex> index, CancellationToken cancellationToken)
        where T : class, IMessage<T>, new()
    {
        if (!HasSecrets<T>() || await inner.FindAsync<T>(key, cancellationToken) is not { } stored)
            return false;
        var current = keys.Current.Id;
        var isOld = false;
        SecretFields.Transform(stored.Body, (_, text) =>
        {
            isOld |= SealedText.KeyIdOf(text) != current || SealedText.IsFormer(text);
            return text;
        });
        if (!isOld)
            return false;

        var opened = Open(stored).Body;
        try
        {
            await inner.UpdateAsync(key, stored.Version, Seal(key, opened), index(opened));
            return true;
        }
        catch (RecordConflictException)
        {
            // Whoever was faster has sealed it under the current key, or deleted it; the walk's next round checks.
            return false;
        }
    }

    private static bool HasSecrets<T>()
        where T : class, IMessage<T>, new() => SecretsOf<T>.Any;

    private T Seal<T>(RecordKey key, T body)
        where T : class, IMessage<T>, new()
    {
        if (!HasSecrets<T>())
            return body;
        var master = keys.Current;
        var record = key.ToString();
        var copy = body.Clone();
        var owner = RecordFaults.OwnerOf(body);
        SecretFields.Transform(copy, (path, secret) => SealedText.Seal(master, record, path, owner, secret));
        return copy;
    }

    private Stored<T> Open<T>(Stored<T> stored)
        where T : class, IMessage<T>, new()
    {
        if (!HasSecrets<T>())
            return stored;
        var record = stored.Key.ToString();
        var owner = RecordFaults.OwnerOf(stored.Body);
        var copy = stored.Body.Clone();
        try
        {
            SecretFields.Transform(copy, (path, text) => SealedText.Open(keys, record, path, owner, text));
        }
        catch (SecretUnreadableException e)
        {
            throw new SecretUnreadableException(e.Message, e) { Fault = RecordFaults.Of(stored, RecordFaults.Reason(stored.Key, "has a secret that cannot be opened: it was changed or copied there, or its master key is missing")) };
        }

        return stored with { Body = copy };
    }

    private Stored<T> Listed<T>(Stored<T> stored)
        where T : class, IMessage<T>, new()
    {
        var fault = stored.Fault;
        if (fault is null)
        {
            try
            {
                return Open(stored);
            }
            catch (RecordStoreException e) when (e.Fault is not null)
            {
                fault = e.Fault;
            }
        }

        return stored with { Body = RecordFaults.BodyFor<T>(stored.Key, fault), Fault = fault };
    }

    private static class SecretsOf<T>
        where T : class, IMessage<T>, new()
    {
        public static readonly bool Any = SecretFields.HasAny(new T().Descriptor);
    }
}
