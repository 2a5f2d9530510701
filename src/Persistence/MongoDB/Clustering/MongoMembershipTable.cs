using Microsoft.Extensions.Options;
using MongoDB.Bson;
using MongoDB.Driver;
using Orleans;
using Orleans.Configuration;
using Orleans.Runtime;
using PxBackup.Grains.Records;
using PxBackup.Persistence.Clustering;

namespace PxBackup.Persistence.MongoDB.Clustering;

/// <summary>
/// The members of a cluster in one document, so that members and table version change together without transactions. Every
/// change names in its filter the versions that it was decided on; the database applies it to exactly those or not at all.
/// </summary>
public sealed class MongoMembershipTable : MembershipTable
{
    /// <summary>The collection; one document per cluster id.</summary>
    public const string Collection = "orleans.clusters";

    private const string Id = "_id", Version = "version", ETag = "etag", Silos = "silos";

    /// <summary>A cleanup that lost against so many changes in a row is left to the next one, an hour later.</summary>
    private const int CleanupAttempts = 10;

    private static readonly FilterDefinitionBuilder<BsonDocument> Where = Builders<BsonDocument>.Filter;
    private static readonly UpdateDefinitionBuilder<BsonDocument> Change = Builders<BsonDocument>.Update;

    private readonly OrleansCollection clusters;
    private readonly string cluster;

    /// <summary>Names the table; nothing is asked of the database yet.</summary>
    /// <param name="database">The installation's database.</param>
    /// <param name="options">Whose <see cref="ClusterOptions.ClusterId"/> is the document's id.</param>
    public MongoMembershipTable(IMongoDatabase database, IOptions<ClusterOptions> options)
    {
        clusters = new OrleansCollection(database, Collection);
        cluster = options.Value.ClusterId;
    }

    private FilterDefinition<BsonDocument> ThisCluster => Where.Eq(Id, cluster);

    /// <inheritdoc />
    public override async Task InitializeMembershipTableAsync(bool tryInitTableVersion, CancellationToken cancellationToken)
    {
        // Insert only: whoever comes second finds the document and leaves it as it is.
        if (tryInitTableVersion)
            await clusters.TryInsertAsync(Doing("creating"), NewDocument(), cancellationToken);
        else
            await FindAsync(null, cancellationToken); // Whether the database answers.
    }

    /// <inheritdoc />
    public override async Task DeleteMembershipTableEntriesAsync(string clusterId, CancellationToken cancellationToken) =>
        await clusters.RunAsync($"deleting the members of cluster '{clusterId}'", all => all.DeleteOneAsync(Where.Eq(Id, clusterId), cancellationToken));

    /// <inheritdoc />
    public override async Task CleanupDefunctSiloEntriesAsync(DateTimeOffset beforeDate, CancellationToken cancellationToken)
    {
        for (var attempt = 0; attempt < CleanupAttempts; attempt++)
        {
            var data = await ReadAllAsync(cancellationToken);
            var defunct = data.Members.Select(member => member.Item1).Where(silo => Defunct.Is(silo, beforeDate)).ToList();
            if (defunct.Count == 0)
                return;

            // As it was read, heartbeats included: a silo that has spoken since is not defunct. The version stays, for what
            // the members know about each other does not change.
            var asRead = defunct.Select(silo => Where.Eq(Path(silo.SiloAddress, SiloDocument.AliveAt), SiloDocument.DateOf(silo.IAmAliveTime)))
                .Append(ThisCluster).Append(Where.Eq(ETag, data.Version.VersionEtag));
            var removal = Change.Combine(defunct.Select(silo => Change.Unset(Path(silo.SiloAddress))));
            if (await UpdateAsync("cleaning", Where.And(asRead), removal, cancellationToken))
                return;
        }

        throw new RecordStoreException($"the members of cluster '{cluster}' in {clusters.FullName} changed during each of {CleanupAttempts} attempts to remove defunct ones; nothing was removed, the next cleanup tries again");
    }

    /// <inheritdoc />
    public override Task<MembershipTableData> ReadRowAsync(SiloAddress key, CancellationToken cancellationToken) =>
        ReadAsync(Builders<BsonDocument>.Projection.Include(Version).Include(ETag).Include(Path(key)), cancellationToken);

    /// <inheritdoc />
    public override Task<MembershipTableData> ReadAllAsync(CancellationToken cancellationToken) => ReadAsync(null, cancellationToken);

    /// <inheritdoc />
    public override Task<bool> InsertRowAsync(MembershipEntry entry, TableVersion tableVersion, CancellationToken cancellationToken) =>
        WriteAsync("adding a silo to", Where.Exists(Path(entry.SiloAddress), false), entry, tableVersion, cancellationToken);

    /// <inheritdoc />
    public override Task<bool> UpdateRowAsync(MembershipEntry entry, string etag, TableVersion tableVersion, CancellationToken cancellationToken) =>
        WriteAsync("changing a silo of", Where.Eq(Path(entry.SiloAddress, SiloDocument.ETag), etag), entry, tableVersion, cancellationToken);

    /// <inheritdoc />
    public override async Task UpdateIAmAliveAsync(MembershipEntry entry, CancellationToken cancellationToken)
    {
        var written = await UpdateAsync(
            "telling a heartbeat to",
            Where.And(ThisCluster, Where.Exists(Path(entry.SiloAddress))),
            Change.Set(Path(entry.SiloAddress, SiloDocument.AliveAt), SiloDocument.DateOf(entry.IAmAliveTime)),
            cancellationToken);
        if (!written)
            throw new RecordStoreException($"silo {entry.SiloAddress.ToParsableString()} is not among the members of cluster '{cluster}' in {clusters.FullName}: it was declared dead and cleaned up, or the document was removed; restart this silo");
    }

    private static string Path(SiloAddress silo) => $"{Silos}.{SiloDocument.KeyOf(silo)}";

    private static string Path(SiloAddress silo, string field) => $"{Path(silo)}.{field}";

    private BsonDocument NewDocument() => new() { { Id, cluster }, { Version, 0 }, { ETag, OrleansCollection.NewETag() }, { Silos, new BsonDocument() } };

    private string Doing(string verb) => $"{verb} the members of cluster '{cluster}'";

    private async Task<bool> WriteAsync(string verb, FilterDefinition<BsonDocument> row, MembershipEntry entry, TableVersion next, CancellationToken cancellationToken)
    {
        var etag = OrleansCollection.NewETag();
        return await UpdateAsync(
            verb,
            Where.And(ThisCluster, Where.Eq(ETag, next.VersionEtag), row),
            Change.Set(Version, next.Version).Set(ETag, etag).Set(Path(entry.SiloAddress), SiloDocument.Write(entry, etag)),
            cancellationToken);
    }

    private async Task<bool> UpdateAsync(string verb, FilterDefinition<BsonDocument> filter, UpdateDefinition<BsonDocument> change, CancellationToken cancellationToken)
    {
        var result = await clusters.RunAsync(Doing(verb), all => all.UpdateOneAsync(filter, change, null, cancellationToken));
        return result.MatchedCount == 1;
    }

    private Task<BsonDocument?> FindAsync(ProjectionDefinition<BsonDocument>? part, CancellationToken cancellationToken) =>
        clusters.RunAsync<BsonDocument?>(Doing("reading"), async all =>
        {
            var found = all.Find(ThisCluster);
            return await (part is null ? found : found.Project<BsonDocument>(part)).FirstOrDefaultAsync(cancellationToken);
        });

    private async Task<MembershipTableData> ReadAsync(ProjectionDefinition<BsonDocument>? part, CancellationToken cancellationToken)
    {
        var document = await FindAsync(part, cancellationToken)
            ?? throw new RecordStoreException($"{clusters.FullName} has no document '{cluster}': no silo of this cluster has started with this database yet, or the document was removed under running silos (restart them); compare the cluster id of silos and gateways");
        var fields = new StoredFields(document, $"document '{cluster}' of {clusters.FullName}");
        var version = new TableVersion(fields.Number(Version), fields.Text(ETag));
        // Of a silo that is not there a projection may leave out the whole map.
        var silos = part is not null && !document.Contains(Silos) ? [] : fields.Parts(Silos).Select(silo => SiloDocument.Read(silo.Key, silo.Value));
        return new MembershipTableData(silos.ToList(), version);
    }
}
