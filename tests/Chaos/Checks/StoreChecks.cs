using MongoDB.Bson;
using MongoDB.Driver;
using PxBackup.Chaos.Load;
using PxBackup.Chaos.Programs;

namespace PxBackup.Chaos.Checks;

/// <summary>The database itself, past the product: what was promised is in it, what was deleted is a tombstone, and nothing else is there (N1, N2, N9).</summary>
internal sealed class StoreChecks(Installation installation, World world)
{
    // As the product's documents are written; docs/operations/mongodb.md describes them.
    private const string Id = "_id", Name = "name", Deleted = "deleted", Status = "status";

    public async Task<IReadOnlyList<Violation>> RunAsync(CancellationToken cancellationToken)
    {
        using var client = new MongoClient(installation.Database.Direct);
        var database = client.GetDatabase(installation.Database.Name);
        var wrong = new List<Violation>();
        foreach (var (kind, collection) in ((TrackedKind, string)[])[(TrackedKind.Backup, "backup"), (TrackedKind.Restore, "restore")])
        {
            var documents = await database.GetCollection<BsonDocument>(collection).Find(FilterDefinition<BsonDocument>.Empty).ToListAsync(cancellationToken);
            Check(kind, documents.Where(document => !document.Contains(Deleted)).ToList(), documents.Where(document => document.Contains(Deleted)).Select(UidOf).ToHashSet(), wrong);
        }

        return wrong;
    }

    // The id is org/uid; a tombstone keeps nothing else.
    private static string UidOf(BsonDocument document) => document[Id].AsString[(document[Id].AsString.LastIndexOf('/') + 1)..];

    private void Check(TrackedKind kind, List<BsonDocument> live, HashSet<string> tombstones, List<Violation> wrong)
    {
        foreach (var twice in live.GroupBy(document => document[Name].AsString).Where(group => group.Count() > 1))
            wrong.Add(new("N2", twice.Key, $"the database has it {twice.Count()} times"));
        var byUid = live.GroupBy(UidOf).ToDictionary(group => group.Key, group => group.First());
        foreach (var tracked in world.Of(kind).Where(tracked => tracked.IsAccepted))
        {
            var document = byUid.GetValueOrDefault(tracked.Uid);
            if (tracked.IsDeleteAccepted && document is not null)
                wrong.Add(new("N9", tracked.Name, $"deleted, but the database has it as {document.GetValue(Status, "?")}"));
            else if (tracked is { IsGone: true } && !tombstones.Contains(tracked.Uid))
                wrong.Add(new("N9", tracked.Name, "deleted, but the database has no tombstone: a late writer could bring it back"));
            else if (!tracked.IsDeleteSent && document is null)
                wrong.Add(new("N1", tracked.Name, "accepted, but not in the database"));
            else if (!tracked.IsDeleteSent && tracked.Ended.Length > 0 && document!.GetValue(Status, "?").ToString() != tracked.Ended)
                wrong.Add(new("N9", tracked.Name, $"a client saw {tracked.Ended}, the database has {document.GetValue(Status, "?")}"));
        }

        foreach (var document in live.Where(document => !world.Objects.ContainsKey(document[Name].AsString)))
            wrong.Add(new("N2", document[Name].AsString, "is in the database, but nobody asked for it"));
    }
}
