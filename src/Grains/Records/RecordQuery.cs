using Google.Protobuf;
using PxBackup.Grains.Interfaces;

namespace PxBackup.Grains.Records;

/// <summary>A list's question. Conditions that are null or empty do not filter; all that are set must hold.</summary>
public sealed record RecordQuery
{
    /// <summary>Which kind.</summary>
    public required ObjectKind Kind { get; init; }

    /// <summary>Which organization.</summary>
    public required string OrgId { get; init; }

    /// <summary>The caller's principals: a match needs one of them among its readers. Null sees everything.</summary>
    public IReadOnlyCollection<string>? Readers { get; init; }

    /// <summary>Exactly this name.</summary>
    public string? Name { get; init; }

    /// <summary>Part of the name, upper and lower case alike (ASCII).</summary>
    public string? NameContains { get; init; }

    /// <summary>Part of the cluster's name, upper and lower case alike (ASCII).</summary>
    public string? ClusterNameContains { get; init; }

    /// <summary>Part of the cluster's uid.</summary>
    public string? ClusterUidContains { get; init; }

    /// <summary>All these labels with these values.</summary>
    public IReadOnlyDictionary<string, string>? Labels { get; init; }

    /// <summary>Created at this instant or later.</summary>
    public DateTimeOffset? CreatedFrom { get; init; }

    /// <summary>Created at this instant or earlier.</summary>
    public DateTimeOffset? CreatedTo { get; init; }

    /// <summary>Owned by one of these user ids.</summary>
    public IReadOnlyCollection<string>? Owners { get; init; }

    /// <summary>In one of these statuses.</summary>
    public IReadOnlyCollection<string>? Statuses { get; init; }

    /// <summary>In none of these statuses.</summary>
    public IReadOnlyCollection<string>? StatusesNot { get; init; }

    /// <summary>Of one of these types.</summary>
    public IReadOnlyCollection<string>? Types { get; init; }

    /// <summary>Refers to at least one uid of every group.</summary>
    public IReadOnlyList<IReadOnlyCollection<string>>? References { get; init; }

    /// <summary>Sort field.</summary>
    public RecordSort SortBy { get; init; } = RecordSort.CreatedAt;

    /// <summary>Newest, largest or last name first. Ties are broken by uid in the same direction, so that pages never overlap.</summary>
    public bool Descending { get; init; } = true;

    /// <summary>How many matches to leave out before the page.</summary>
    public long Offset { get; init; }

    /// <summary>Size of the page; 0 for all.</summary>
    public int Limit { get; init; }

    /// <summary>
    /// The page ends before its bodies have more bytes than this together, but holds one at least, so that a walk goes on; 0 does not
    /// limit. A store may read the whole page first where it walks from the far end.
    /// </summary>
    public long MaxBytes { get; init; }

    /// <summary>Cuts a page to <see cref="MaxBytes"/>, counting from its beginning.</summary>
    public void Cut<T>(List<Stored<T>> page)
        where T : class, IMessage<T>
    {
        var left = MaxBytes;
        for (var at = 0; MaxBytes > 0 && at < page.Count; at++)
        {
            if (Fits(ref left, page[at].Body, at))
                continue;
            page.RemoveRange(at, page.Count - at);
            return;
        }
    }

    /// <summary>Whether one more body belongs to the page; takes it off what is left of <see cref="MaxBytes"/>.</summary>
    public bool Fits(ref long left, IMessage body, int before)
    {
        if (MaxBytes == 0)
            return true;
        left -= body.CalculateSize();
        return left >= 0 || before == 0;
    }
}

/// <summary>What a list can be sorted by.</summary>
public enum RecordSort
{
    /// <summary><see cref="RecordIndex.CreatedAt"/>.</summary>
    CreatedAt = 0,

    /// <summary><see cref="RecordIndex.Name"/>, ordinal.</summary>
    Name = 1,

    /// <summary><see cref="RecordIndex.ClusterName"/>, ordinal.</summary>
    ClusterName = 2,

    /// <summary><see cref="RecordIndex.Size"/>.</summary>
    Size = 3,

    /// <summary><see cref="RecordIndex.BackupName"/>, ordinal.</summary>
    BackupName = 4,

    /// <summary><see cref="RecordIndex.UpdatedAt"/>.</summary>
    UpdatedAt = 5,
}
