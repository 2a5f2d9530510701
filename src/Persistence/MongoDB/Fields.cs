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
}
