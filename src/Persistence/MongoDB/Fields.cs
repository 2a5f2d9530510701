namespace PxBackup.Persistence.MongoDB;

/// <summary>Names in a record's document. They rest in databases: never changed.</summary>
internal static class Fields
{
    /// <summary><c>org/uid</c>.</summary>
    public const string Id = "_id";

    /// <summary>Organization; like all that follows from the index, a tombstone has none.</summary>
    public const string Org = "org", Uid = "uid";

    /// <summary>The fence.</summary>
    public const string Version = "version";

    /// <summary>Version of this layout.</summary>
    public const string Schema = "schema";

    /// <summary>Full protobuf name of the body's type, and the body.</summary>
    public const string Message = "message", Body = "body";

    /// <summary>Ids of the last writes, the one that made the current version last.</summary>
    public const string Writes = "writes";

    /// <summary>What lists see.</summary>
    public const string Name = "name", Owner = "owner", Created = "created", Updated = "updated", Status = "status", Type = "type",
        ClusterName = "cluster_name", ClusterUid = "cluster_uid", Size = "size", BackupName = "backup_name", Labels = "labels",
        References = "references", Readers = "readers", Due = "due";

    /// <summary>When the record was deleted; only tombstones have it.</summary>
    public const string Deleted = "deleted";

    /// <summary>When the server may remove the tombstone.</summary>
    public const string Expires = "expires";

    /// <summary>While a tombstone must still be taken out of the counters: what <see cref="Expires"/> becomes afterwards.</summary>
    public const string KeepUntil = "keep_until";

    /// <summary>Where the record is to be counted (a <c>Place</c>), and where it is counted.</summary>
    public const string Place = "place", Counted = "counted";

    /// <summary>Where a record that is counted nowhere will be counted next, whatever becomes of it meanwhile.</summary>
    public const string Target = "target";

    /// <summary>The organization, while <see cref="Place"/> and <see cref="Counted"/> may differ.</summary>
    public const string Pending = "pending";

    /// <summary>How often the record was moved in the counters: fences the next move.</summary>
    public const string Fold = "fold";
}

/// <summary>Names in a counter's document: how many records one audience of a kind and organization sees.</summary>
internal static class CounterFields
{
    /// <summary>Kind and organization.</summary>
    public const string Scope = "scope";

    /// <summary>The readers.</summary>
    public const string Members = "members";

    /// <summary>All records, and by bucket.</summary>
    public const string Total = "total", Buckets = "buckets";

    /// <summary>Fences the next batch.</summary>
    public const string Sequence = "sequence";

    /// <summary>The batch that is in the numbers already but perhaps not noted in all its records.</summary>
    public const string Folding = "folding";

    /// <summary>One record of a batch: its _id, its <see cref="Fields.Fold"/>, and where it is counted from now on (nothing: nowhere).</summary>
    public const string Record = "id", Fold = "fold", To = "to";
}
