using Microsoft.Data.Sqlite;
using MongoDB.Bson;
using MongoDB.Driver;
using PxBackup.Api;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Records;
using PxBackup.Persistence.Secrets;
using PxBackup.Tests.Adapters.Peers;
using PxBackup.Tests.Adapters.Persistence.Postgres;
using Xunit;
using ClusterStatus = PxBackup.Api.ClusterInfo.Types.StatusInfo.Types.Status;

namespace PxBackup.Tests.Adapters.Persistence;

/// <summary>Somebody writes into the database: one row that cannot be believed is one broken object, named and Failed, and nothing else is.</summary>
public abstract class BrokenRowSuite(RecordStoreFixture fixture)
{
    private readonly string org = A.Org();

    /// <summary>What can be done to a row.</summary>
    public static TheoryData<string> Harms => ["negative version", "version zero", "broken body", "other message"];

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    /// <summary>The store as the product uses it.</summary>
    private SealingRecordStore Store { get; } = new(fixture.Store, new FixedKeys());

    [Theory]
    [MemberData(nameof(Harms))]
    public async Task A_broken_row_is_one_broken_object_in_lists_is_counted_walked_and_can_be_deleted(string harm)
    {
        var (sound, broken) = (A.Key(org, "1-sound"), A.Key(org, "2-broken"));
        foreach (var key in (RecordKey[])[sound, broken, A.Key(org, "3-sound")])
            await Store.InsertAsync(key, A.Body(key.Uid, "secret"), A.Index(key.Uid) with { DueAt = A.Noon });
        await HarmAsync(broken, harm);
        var query = new RecordQuery { Kind = ObjectKind.Cluster, OrgId = org, Readers = ["u:alice"], SortBy = RecordSort.Name, Descending = false };

        var page = await Store.QueryAsync<ClusterObject>(query, Stop);
        var second = await Store.QueryAsync<ClusterObject>(query with { Offset = 1, Limit = 1 }, Stop);
        var count = await Store.CountAsync(query, Stop);
        var due = await Store.ListDueAsync(ObjectKind.Cluster, A.Noon, 1000, Stop);
        var keys = await Store.ListKeysAsync(ObjectKind.Cluster, A.Key(org, ""), 3, Stop);
        var found = await Assert.ThrowsAnyAsync<RecordStoreException>(() => Store.FindAsync<ClusterObject>(broken, Stop));
        var looked = await Assert.ThrowsAnyAsync<RecordStoreException>(() => Store.LookAsync<ClusterObject>(broken, Stop));

        Assert.Equal(["1-sound", "2-broken", "3-sound"], page.Items.Select(item => item.Key.Uid));
        Assert.Equal((3, 3), (page.TotalCount, count));
        Assert.Equal("secret", page.Items[0].Body.ClusterInfo.Kubeconfig);
        foreach (var item in (Stored<ClusterObject>[])[page.Items[1], Assert.Single(second.Items)])
        {
            Assert.Equal(("2-broken", "2-broken", "alice"), (item.Body.Metadata.Name, item.Body.Metadata.Uid, item.Body.Metadata.Ownership.Owner));
            Assert.Equal(ClusterStatus.Failed, item.Body.ClusterInfo.Status.Status);
            Assert.Contains(broken.ToString(), item.Body.ClusterInfo.Status.Reason);
            Assert.Equal(A.Noon, item.Fault!.CreatedAt);
        }

        Assert.Contains(broken, due);
        Assert.Equal(3, keys.Count);
        Assert.Equal((page.Items[1].Fault, page.Items[1].Fault), (found.Fault, looked.Fault));
        if (harm == "broken body" || harm == "other message")
        {
            await Store.DeleteAsync(broken, found.Fault!.Version);
            Assert.Equal(2, await Store.CountAsync(query, Stop));
            Assert.Null(await Store.FindAsync<ClusterObject>(broken, Stop));
        }
    }

    [Fact]
    public async Task A_body_that_is_another_objects_is_not_shown_as_this_ones()
    {
        var (mine, victims, none) = (A.Key(org, "mine", ObjectKind.Organization), A.Key(org, "victims", ObjectKind.Organization), A.Key(org, "none", ObjectKind.Organization));
        await Store.InsertAsync(victims, Named("victims"), A.Index("victims"));
        await Store.InsertAsync(mine, Named("victims"), A.Index("mine"));
        await Store.InsertAsync(none, new OrganizationInspectResponse(), A.Index("none"));

        var page = await Store.QueryAsync<OrganizationInspectResponse>(new RecordQuery { Kind = ObjectKind.Organization, OrgId = org, SortBy = RecordSort.Name, Descending = false }, Stop);

        Assert.Equal([true, true, false], page.Items.Select(item => item.Fault is not null));
        Assert.Equal(["mine", "none", "victims"], page.Items.Select(item => item.Body.Organization.Metadata.Uid));
        foreach (var key in (RecordKey[])[mine, none])
            Assert.NotNull((await Assert.ThrowsAnyAsync<RecordStoreException>(() => Store.FindAsync<OrganizationInspectResponse>(key, Stop))).Fault);

        static OrganizationInspectResponse Named(string uid) => new() { Organization = new() { Metadata = new() { Uid = uid, Name = uid } } };
    }

    /// <summary>Changes the row behind the product's back.</summary>
    protected abstract Task HarmAsync(RecordKey key, string harm);

    private sealed class FixedKeys : IMasterKeys
    {
        public MasterKey Current { get; } = new(new byte[MasterKey.Length]);

        public string Source => "the test";

        public MasterKey? Find(string id) => id == Current.Id ? Current : null;
    }
}

public sealed class SqliteBrokenRowTests(SqliteFixture fixture) : BrokenRowSuite(fixture), IClassFixture<SqliteFixture>
{
    protected override Task HarmAsync(RecordKey key, string harm)
    {
        using var connection = new SqliteConnection($"Data Source={Path.Combine(fixture.Folder, "records.db")};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = harm switch
        {
            "negative version" => "UPDATE records SET version=-5 WHERE org=$org AND uid=$uid",
            "version zero" => "UPDATE records SET version=0 WHERE org=$org AND uid=$uid",
            "broken body" => "UPDATE bodies SET body=x'ffffffff' WHERE rid=(SELECT rid FROM records WHERE org=$org AND uid=$uid)",
            _ => "UPDATE bodies SET message='Theirs' WHERE rid=(SELECT rid FROM records WHERE org=$org AND uid=$uid)",
        };
        command.Parameters.AddWithValue("$org", key.OrgId);
        command.Parameters.AddWithValue("$uid", key.Uid);
        Assert.Equal(1, command.ExecuteNonQuery());
        return Task.CompletedTask;
    }
}

public sealed class PostgresBrokenRowTests(PostgresFixture fixture, PostgresPeer peer) : BrokenRowSuite(fixture), IClassFixture<PostgresFixture>
{
    protected override Task HarmAsync(RecordKey key, string harm)
    {
        var change = harm switch
        {
            "negative version" => "version=-5",
            "version zero" => "version=0",
            "broken body" => "body='\\xffffffff'",
            _ => "message='Theirs'",
        };
        return peer.RunAsync($"UPDATE {fixture.Options.Schema}.records SET {change} WHERE org='{key.OrgId}' AND uid='{key.Uid}'");
    }
}

public sealed class MongoBrokenRowTests(MongoFixture fixture) : BrokenRowSuite(fixture), IClassFixture<MongoFixture>
{
    protected override async Task HarmAsync(RecordKey key, string harm)
    {
        var (field, value) = harm switch
        {
            "negative version" => ("version", (BsonValue)new BsonInt64(-5)),
            "version zero" => ("version", new BsonInt64(0)),
            "broken body" => ("body", "text"),
            _ => ("message", "Theirs"),
        };
        var result = await fixture.Database.GetCollection<BsonDocument>(key.Kind.Slug()).UpdateOneAsync(
            new BsonDocument("_id", $"{key.OrgId}/{key.Uid}"), new BsonDocument("$set", new BsonDocument(field, value)));
        Assert.Equal(1, result.ModifiedCount);
    }
}
