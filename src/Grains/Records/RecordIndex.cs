namespace PxBackup.Grains.Records;

/// <summary>
/// What lists filter and sort by: written with the record in the same write, derived from it by a pure function.
/// </summary>
public sealed record RecordIndex
{
    /// <summary>Name, unique per (kind, organization, owner) among live records.</summary>
    public required string Name { get; init; }

    /// <summary>User id of the owner.</summary>
    public required string Owner { get; init; }

    /// <summary>When the object was created (UTC, milliseconds kept).</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>When the object last changed.</summary>
    public required DateTimeOffset UpdatedAt { get; init; }

    /// <summary>Status as the enum value's name, such as <c>InProgress</c>; empty for kinds without one.</summary>
    public string Status { get; init; } = "";

    /// <summary>A second word to filter by: a backup's object type, a location's or cluster's provider.</summary>
    public string Type { get; init; } = "";

    /// <summary>Name of the cluster it belongs to; a cluster's own name.</summary>
    public string ClusterName { get; init; } = "";

    /// <summary>Uid of the cluster it belongs to; a cluster's own uid.</summary>
    public string ClusterUid { get; init; } = "";

    /// <summary>Bytes.</summary>
    public long Size { get; init; }

    /// <summary>Name of the backup that a restore restores.</summary>
    public string BackupName { get; init; } = "";

    /// <summary>The object's labels.</summary>
    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();

    /// <summary>Uids of the objects it refers to, whatever their kind.</summary>
    public IReadOnlyCollection<string> References { get; init; } = [];

    /// <summary>Who may see it: principals as <c>Access.Principals</c> writes them (<c>u:sub</c>, <c>g:group</c>, <c>*</c>).</summary>
    public IReadOnlyCollection<string> Readers { get; init; } = [];

    /// <summary>When a sweep must look at it again; null for objects at rest.</summary>
    public DateTimeOffset? DueAt { get; init; }
}
