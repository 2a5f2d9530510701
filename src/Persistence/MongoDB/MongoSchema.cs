using MongoDB.Bson;
using PxBackup.Grains.Records;

namespace PxBackup.Persistence.MongoDB;

/// <summary>
/// The layout of documents and the steps from older ones. Step <c>n</c> (from 0) turns layout <c>n + 1</c> into <c>n + 2</c>. Documents are
/// brought up when they are read and rewritten by the next write or by <see cref="MongoMigration"/>.
/// </summary>
internal sealed class MongoSchema(params IReadOnlyList<Action<BsonDocument>> steps)
{
    /// <summary>The layout of this version of the product.</summary>
    public static readonly MongoSchema Product = new([]);

    /// <summary>The number that documents get.</summary>
    public int Current { get; } = steps.Count + 1;

    /// <summary>Brings a document to the current layout, in memory.</summary>
    /// <exception cref="FormatException">It is of a newer layout, or has none.</exception>
    public void Upgrade(BsonDocument document)
    {
        if (!document.TryGetValue(Fields.Schema, out var value) || value is not BsonInt32 { Value: >= 1 } schema)
            throw new FormatException("it has no layout version");
        if (schema.Value > Current)
            throw new FormatException($"its layout {schema.Value} is of a newer version of the product (this one knows {Current}); finish the upgrade, or restore the database that belongs to this version");
        for (var layout = schema.Value; layout < Current; layout++)
            steps[layout - 1](document);
        document[Fields.Schema] = Current;
    }
}
