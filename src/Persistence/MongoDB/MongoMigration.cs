using MongoDB.Bson;
using MongoDB.Driver;
using PxBackup.Grains.Interfaces;

namespace PxBackup.Persistence.MongoDB;

/// <summary>
/// Rewrites documents of older layouts while the product works. Reading does not need it (<see cref="MongoSchema.Upgrade"/>); it is what
/// lets a later version forget an old layout, and filters find fields that an old layout did not have. Run it when no process of the
/// older version is left. Any number of processes may run it at once, and it may be stopped at any time.
/// </summary>
internal sealed class MongoMigration(RecordCollections collections, RecordDocument documents, MongoSchema schema)
{
    /// <summary>Rewrites what is left of a kind; how many documents.</summary>
    public async Task<long> RunAsync(ObjectKind kind, CancellationToken cancellationToken)
    {
        var migrated = 0L;
        if (schema.Current == 1)
            return migrated;
        try
        {
            var older = new BsonDocument(Fields.Schema, new BsonDocument("$lt", schema.Current));
            using var cursor = await collections.Raw(kind).Find(older).ToCursorAsync(cancellationToken);
            while (await cursor.MoveNextAsync(cancellationToken))
            {
                foreach (var raw in cursor.Current)
                {
                    using (raw)
                        migrated += await MigrateAsync(kind, documents.Open(raw, kind)) ? 1 : 0;
                }
            }

            return migrated;
        }
        catch (Exception failure) when (MongoFailures.IsOfDriver(failure))
        {
            throw collections.Explain(failure, $"migrating '{kind.Slug()}'");
        }
    }

    /// <summary>Writes only the fields that the steps have changed, where version and layout are still the same; the version stays, for the content does.</summary>
    private async Task<bool> MigrateAsync(ObjectKind kind, BsonDocument before)
    {
        var after = before.DeepClone().AsBsonDocument;
        try
        {
            schema.Upgrade(after);
        }
        catch (FormatException failure)
        {
            throw documents.Damaged(before.GetValue(Fields.Id, "").ToString()!, kind, failure);
        }

        var update = new BsonDocument("$set", new BsonDocument(after.Where(element => before.GetValue(element.Name, BsonNull.Value) != element.Value)));
        if (before.Names.Except(after.Names).ToArray() is { Length: > 0 } gone)
            update["$unset"] = new BsonDocument(gone.ToDictionary(name => name, _ => (object)""));
        var fence = new BsonDocument { { Fields.Id, before[Fields.Id] }, { Fields.Version, before[Fields.Version] }, { Fields.Schema, before[Fields.Schema] } };
        return (await collections.Of(kind).UpdateOneAsync(fence, update)).MatchedCount == 1;
    }
}
