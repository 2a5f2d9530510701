using PxBackup.Api;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Records;
using Xunit;

namespace PxBackup.Tests.Adapters.Persistence;

/// <summary>What every store's lists must keep to: random records and questions, checked against a naive model.</summary>
public abstract class CatalogSuite(RecordStoreFixture fixture)
{
    private const int Seed = 20260517;

    private readonly string org = A.Org();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private IRecordStore Store => fixture.Store;

    [Fact]
    public async Task Every_filter_alone_and_together_finds_what_a_plain_search_finds()
    {
        var random = new Random(Seed);
        var model = await FillAsync(random, 400);
        var found = 0L;

        for (var i = 0; i < 600; i++)
        {
            // The first ones with exactly one filter each, the later ones with any number.
            var query = RandomRecords.Query(random, org, i < 14 * 10 ? i % 14 : null);
            found += await CompareAsync(model, query);
        }

        Assert.True(found > 5_000, $"the questions found only {found} records: they test nothing");
    }

    [Theory]
    [InlineData(RecordSort.CreatedAt, true)]
    [InlineData(RecordSort.CreatedAt, false)]
    [InlineData(RecordSort.Name, true)]
    [InlineData(RecordSort.Name, false)]
    [InlineData(RecordSort.ClusterName, true)]
    [InlineData(RecordSort.ClusterName, false)]
    [InlineData(RecordSort.Size, true)]
    [InlineData(RecordSort.Size, false)]
    [InlineData(RecordSort.BackupName, true)]
    [InlineData(RecordSort.BackupName, false)]
    [InlineData(RecordSort.UpdatedAt, true)]
    [InlineData(RecordSort.UpdatedAt, false)]
    public async Task Pages_follow_each_other_without_gap_or_overlap(RecordSort sort, bool descending)
    {
        var model = await FillAsync(new Random(Seed + 1), 150);
        foreach (var readers in (string[]?[])[null, ["u:user1"], ["u:user1", "g:dev", "*"]])
        {
            var query = new RecordQuery { Kind = ObjectKind.Cluster, OrgId = org, Readers = readers, SortBy = sort, Descending = descending };
            var expected = RecordModel.Matches(model, query);

            var walked = new List<string>();
            for (var offset = 0; offset <= expected.Count; offset += 7)
            {
                var page = await Store.QueryAsync<ClusterObject>(query with { Offset = offset, Limit = 7 }, Stop);
                Assert.Equal(expected.Count, page.TotalCount);
                walked.AddRange(page.Items.Select(item => item.Key.Uid));
            }

            Assert.Equal(expected.Select(row => row.Key.Uid), walked);
        }
    }

    [Fact]
    public async Task Deep_pages_of_many_records_are_the_right_ones()
    {
        var random = new Random(Seed + 2);
        var model = new List<ModelRow>();
        var writes = new List<Task>();
        for (var i = 0; i < 6_000; i++)
        {
            var row = new ModelRow(A.Key(org), A.Index($"n{i}", $"user{i % 3}") with { CreatedAt = A.Noon.AddMilliseconds(random.Next(40_000_000)) });
            model.Add(row);
            writes.Add(Store.InsertAsync(row.Key, A.Body(row.Index.Name), row.Index));
        }

        await Task.WhenAll(writes);

        foreach (var readers in (string[]?[])[null, ["u:user1", "u:user2"], ["u:user0"]])
        {
            foreach (var offset in (int[])[0, 1_999, 2_000, 2_500, 3_333, 3_990, 5_990, 6_000, 7_000])
            {
                await CompareAsync(model, new RecordQuery { Kind = ObjectKind.Cluster, OrgId = org, Readers = readers, Offset = offset, Limit = 10, Descending = true });
                await CompareAsync(model, new RecordQuery { Kind = ObjectKind.Cluster, OrgId = org, Readers = readers, Offset = offset, Limit = 10, Descending = false });
            }
        }
    }

    [Fact]
    public async Task Nobody_sees_what_no_reader_of_theirs_may_see()
    {
        await FillAsync(new Random(Seed + 3), 50);
        var query = new RecordQuery { Kind = ObjectKind.Cluster, OrgId = org };

        Assert.Equal(0, await Store.CountAsync(query with { Readers = ["u:stranger"] }, Stop));
        Assert.Equal(0, await Store.CountAsync(query with { Readers = [] }, Stop));
        Assert.Empty((await Store.QueryAsync<ClusterObject>(query with { Readers = [] }, Stop)).Items);
        Assert.Equal(0, await Store.CountAsync(query with { OrgId = A.Org() }, Stop));
        Assert.Equal(0, await Store.CountAsync(query with { Kind = ObjectKind.Backup }, Stop));
    }

    [Fact]
    public async Task A_change_of_readers_and_every_other_field_is_seen_by_the_next_list()
    {
        var random = new Random(Seed + 4);
        var model = await FillAsync(random, 120);
        var versions = model.ToDictionary(row => row.Key, _ => 1L);

        for (var i = 0; i < 300; i++)
        {
            var at = random.Next(model.Count);
            var key = model[at].Key;
            if (random.Next(5) == 0)
            {
                await Store.DeleteAsync(key, versions[key]);
                model.RemoveAt(at);
            }
            else
            {
                model[at] = new ModelRow(key, RandomRecords.Index(random, model[at].Index.Name, random.Next(2) == 0 ? model[at].Index : null));
                await Store.UpdateAsync(key, versions[key]++, A.Body("x"), model[at].Index);
            }

            if (i % 3 == 0)
                await CompareAsync(model, RandomRecords.Query(random, org, null));
        }

        await CompareAsync(model, new RecordQuery { Kind = ObjectKind.Cluster, OrgId = org });
    }

    [Fact]
    public async Task A_negative_offset_or_limit_is_refused()
    {
        var query = new RecordQuery { Kind = ObjectKind.Cluster, OrgId = org };

        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => Store.QueryAsync<ClusterObject>(query with { Offset = -1 }, Stop));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => Store.QueryAsync<ClusterObject>(query with { Limit = -1 }, Stop));
    }

    [Fact]
    public async Task A_list_during_writes_is_of_one_moment()
    {
        var writing = Task.Run(async () =>
        {
            for (var i = 0; i < 300; i++)
                await Store.InsertAsync(A.Key(org), A.Body("x"), A.Index($"n{i}"));
        }, Stop);

        while (!writing.IsCompleted)
        {
            var page = await Store.QueryAsync<ClusterObject>(new RecordQuery { Kind = ObjectKind.Cluster, OrgId = org, Readers = ["u:alice"] }, Stop);
            Assert.Equal(page.TotalCount, page.Items.Count);
        }

        await writing;
    }

    private async Task<List<ModelRow>> FillAsync(Random random, int count)
    {
        var model = Enumerable.Range(0, count).Select(i => new ModelRow(A.Key(org, $"u{random.Next(1_000_000)}-{i}"), RandomRecords.Index(random, $"{RandomRecords.Word(random)}-{i}"))).ToList();
        await Task.WhenAll(model.Select(row => Store.InsertAsync(row.Key, A.Body(row.Index.Name, "kubeconfig"), row.Index)));
        return model;
    }

    private async Task<int> CompareAsync(List<ModelRow> model, RecordQuery query)
    {
        var matches = RecordModel.Matches(model, query);
        var expected = matches.Skip((int)query.Offset).Take(query.Limit == 0 ? int.MaxValue : query.Limit).Select(row => row.Key).ToArray();

        var page = await Store.QueryAsync<ClusterObject>(query, Stop);

        Assert.Equal(matches.Count, page.TotalCount);
        Assert.Equal(expected, page.Items.Select(item => item.Key));
        Assert.Equal(matches.Count, await Store.CountAsync(query, Stop));
        return expected.Length;
    }
}
