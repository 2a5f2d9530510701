namespace PxBackup.FleetSimulator.ObjectStore;

/// <summary>One request that the store answered (or cut): ground truth for tests.</summary>
/// <param name="At">By the store's clock.</param>
/// <param name="Operation">S3 operation.</param>
/// <param name="Bucket">Bucket; empty for the list of buckets.</param>
/// <param name="Key">Key, or the prefix of a listing.</param>
/// <param name="AccessKey">Who; empty when the signature was not good.</param>
/// <param name="Status">HTTP status; 0 when the connection was cut.</param>
/// <param name="Code">S3 error code; empty for success.</param>
/// <param name="TookEffect">Whether the operation was carried out, whatever the answer says.</param>
public sealed record ObjectStoreLogEntry(
    DateTimeOffset At, string Operation, string Bucket, string Key, string AccessKey, int Status, string Code, bool TookEffect);

/// <summary>The last operations, oldest first.</summary>
public sealed class ObjectStoreLog
{
    /// <summary>Entries kept; 100,000 take some 20 MB.</summary>
    public const int Capacity = 100_000;

    private readonly Queue<ObjectStoreLogEntry> entries = new();

    /// <summary>Number of operations since the start, also those no longer kept.</summary>
    public long Total { get; private set; }

    /// <summary>A copy of what is kept.</summary>
    public IReadOnlyList<ObjectStoreLogEntry> Entries
    {
        get
        {
            lock (entries)
                return [.. entries];
        }
    }

    internal void Add(ObjectStoreLogEntry entry)
    {
        lock (entries)
        {
            Total++;
            entries.Enqueue(entry);
            if (entries.Count > Capacity)
                entries.Dequeue();
        }
    }
}
