using System.Globalization;
using PxBackup.Grains.Interfaces;

namespace PxBackup.Persistence.Relational;

/// <summary>Digests under which records are found and kept apart, whatever length the texts have.</summary>
internal static class RecordTags
{
    /// <summary>All labels and references of a record.</summary>
    public static Guid[] Of(ObjectKind kind, string org, IndexRow row) =>
        [.. row.Labels.Select(label => OfLabel(kind, org, label.Key, label.Value)).Concat(row.References.Select(uid => OfReference(kind, org, uid))).Order()];

    /// <summary>A label with its value.</summary>
    public static Guid OfLabel(ObjectKind kind, string org, string key, string value) => PostgresText.Digest("label", Number(kind), org, key, value);

    /// <summary>A reference.</summary>
    public static Guid OfReference(ObjectKind kind, string org, string uid) => PostgresText.Digest("reference", Number(kind), org, uid);

    /// <summary>A reader of records of a kind and organization.</summary>
    public static Guid OfReader(ObjectKind kind, string org, string reader) => PostgresText.Digest("reader", Number(kind), org, reader);

    /// <summary>A set of readers.</summary>
    public static Guid OfAudience(ObjectKind kind, string org, string members) => PostgresText.Digest("audience", Number(kind), org, members);

    /// <summary>A name and its owner.</summary>
    public static Guid OfName(ObjectKind kind, string org, string owner, string name) => PostgresText.Digest("name", Number(kind), org, owner, name);

    private static string Number(ObjectKind kind) => ((int)kind).ToString(CultureInfo.InvariantCulture);
}
