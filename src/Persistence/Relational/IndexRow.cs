using System.Data.Common;
using System.Security.Cryptography;
using System.Text.Json;
using PxBackup.Grains.Records;

namespace PxBackup.Persistence.Relational;

/// <summary>A <see cref="RecordIndex"/> as columns. Instants are UTC ticks (100 ns since year 1): their order is the instants' order.</summary>
internal sealed record IndexRow
{
    public required string Name { get; init; }

    public required string Owner { get; init; }

    public required long Created { get; init; }

    public required long Updated { get; init; }

    public required string Status { get; init; }

    public required string Type { get; init; }

    public required string ClusterName { get; init; }

    public required string ClusterUid { get; init; }

    public required long Size { get; init; }

    public required string BackupName { get; init; }

    public required long? Due { get; init; }

    /// <summary>Hash of labels and references: tells without reading them whether they changed.</summary>
    public required byte[] Sides { get; init; }

    public IReadOnlyDictionary<string, string> Labels { get; private init; } = new Dictionary<string, string>();

    public IReadOnlyList<string> References { get; private init; } = [];

    public IReadOnlyList<string> Readers { get; private init; } = [];

    /// <summary>The readers as one text: the same for the same set.</summary>
    public string Members { get; private init; } = "";

    public static IndexRow Of(RecordIndex index)
    {
        var readers = Distinct(index.Readers);
        var references = Distinct(index.References);
        var labels = index.Labels.OrderBy(label => label.Key, StringComparer.Ordinal).ToArray();
        return new IndexRow
        {
            Name = index.Name,
            Owner = index.Owner,
            Created = index.CreatedAt.UtcTicks,
            Updated = index.UpdatedAt.UtcTicks,
            Status = index.Status,
            Type = index.Type,
            ClusterName = index.ClusterName,
            ClusterUid = index.ClusterUid,
            Size = index.Size,
            BackupName = index.BackupName,
            Due = index.DueAt?.UtcTicks,
            Labels = index.Labels,
            References = references,
            Readers = readers,
            Members = JsonSerializer.Serialize(readers),
            Sides = SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(new { labels, references })),
        };
    }

    /// <summary>Reads the columns from <c>name</c> on, in the order of these properties.</summary>
    public static IndexRow From(DbDataReader reader, int firstColumn) => new()
    {
        Name = reader.GetString(firstColumn),
        Owner = reader.GetString(firstColumn + 1),
        Created = reader.GetInt64(firstColumn + 2),
        Updated = reader.GetInt64(firstColumn + 3),
        Status = reader.GetString(firstColumn + 4),
        Type = reader.GetString(firstColumn + 5),
        ClusterName = reader.GetString(firstColumn + 6),
        ClusterUid = reader.GetString(firstColumn + 7),
        Size = reader.GetInt64(firstColumn + 8),
        BackupName = reader.GetString(firstColumn + 9),
        Due = reader.IsDBNull(firstColumn + 10) ? null : reader.GetInt64(firstColumn + 10),
        Sides = reader.GetFieldValue<byte[]>(firstColumn + 11),
    };

    /// <summary>An instant from its column; the nearest one where a row says something impossible.</summary>
    public static DateTimeOffset InstantOf(long ticks) => new(Math.Clamp(ticks, DateTime.MinValue.Ticks, DateTime.MaxValue.Ticks), TimeSpan.Zero);

    /// <summary>The bucket of the counters by creation: 2^39 ticks are 15 hours, so a year has 574 and a million records a year 1,742 in each.</summary>
    public static long BucketOf(long created) => created >> 39;

    /// <summary>The first tick of a bucket.</summary>
    public static long StartOf(long bucket) => bucket << 39;

    /// <summary>Whether only what progress changes is different: status, last change, due time.</summary>
    public bool HasSamePlaceAs(IndexRow old) =>
        Name == old.Name && Owner == old.Owner && Created == old.Created && Type == old.Type && ClusterName == old.ClusterName
        && ClusterUid == old.ClusterUid && Size == old.Size && BackupName == old.BackupName && Sides.AsSpan().SequenceEqual(old.Sides);

    private static string[] Distinct(IReadOnlyCollection<string> values)
    {
        var sorted = values.Distinct(StringComparer.Ordinal).ToArray();
        Array.Sort(sorted, StringComparer.Ordinal);
        return sorted;
    }
}
