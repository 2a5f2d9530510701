namespace PxBackup.Grains.Records;

/// <summary>The store failed: unreachable, read-only, corrupt. After a write the outcome is unknown.</summary>
public class RecordStoreException : Exception
{
    /// <summary>Says what failed and, where known, the cure.</summary>
    public RecordStoreException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }

    /// <summary>Set where the store answered and it is this one record that cannot be read.</summary>
    public RecordFault? Fault { get; init; }
}

/// <summary>The store's disk is full: nothing was written, what was accepted is kept, reads go on.</summary>
public sealed class StoreFullException(string message, Exception? inner = null)
    : RecordStoreException(message, inner);

/// <summary>A fence held: the record is not at the version that the writer had read. Nothing was written.</summary>
public sealed class RecordConflictException(RecordKey key, long version)
    : RecordStoreException($"record {key} is no longer at version {version}")
{
    /// <summary>Which record.</summary>
    public RecordKey Key { get; } = key;
}

/// <summary>An insert met a live record with the same key. Nothing was written.</summary>
public sealed class RecordExistsException(RecordKey key)
    : RecordStoreException($"record {key} exists")
{
    /// <summary>Which record.</summary>
    public RecordKey Key { get; } = key;
}

/// <summary>The owner has another live record of this kind with this name. Nothing was written.</summary>
public sealed class NameTakenException(RecordKey key, string name, RecordKey holder)
    : RecordStoreException($"record {key}: the name '{name}' is taken by {holder}")
{
    /// <summary>The name.</summary>
    public string Name { get; } = name;

    /// <summary>Who holds it.</summary>
    public RecordKey Holder { get; } = holder;
}

/// <summary>A secret in a record cannot be opened: the key is lost or the record was tampered with. Never plaintext instead.</summary>
public sealed class SecretUnreadableException(string message, Exception? inner = null)
    : RecordStoreException(message, inner);
