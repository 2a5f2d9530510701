using Orleans;
using Orleans.Runtime;
using Xunit;

namespace PxBackup.Tests.Adapters.Persistence.OrleansTables;

/// <summary>What Orleans expects of a reminder table: rows by grain and name, etags that tell every write, reads by ranges of hashes.</summary>
public abstract class ReminderSuite
{
    protected static CancellationToken Stop => TestContext.Current.CancellationToken;

    /// <summary>A table of this service, not started, in the database that all tests of the class share.</summary>
    protected abstract Task<IReminderTable> OpenAsync(string serviceId);

    /// <summary>A table whose database does not answer; calls should fail within 30 s.</summary>
    protected abstract Task<IReminderTable> OpenUnreachableAsync();

    protected async Task<IReminderTable> NewTableAsync(string? serviceId = null)
    {
        var table = await OpenAsync(serviceId ?? Given.Id());
        await table.StartAsync(Stop);
        return table;
    }

    [Fact]
    public async Task A_reminder_that_was_never_written_is_not_there()
    {
        var table = await NewTableAsync();

        Assert.Null(await table.ReadRow(Given.Grain(), "daily", Stop));
        Assert.Empty((await table.ReadRows(Given.Grain(), Stop)).Reminders);
        Assert.Empty((await table.ReadRows(0, uint.MaxValue, Stop)).Reminders);
    }

    [Theory]
    [InlineData("daily")]
    [InlineData("foo/bar\\#b_a_z?")]
    [InlineData("with space, dot.dollar$ percent% quote'\" <tag> {brace} [bracket] |pipe;")]
    [InlineData("Привет, мир · 日本語 · 🙂")]
    [InlineData("$set")]
    public async Task A_reminder_comes_back_as_it_was_written_whatever_its_name_and_key_contain(string name)
    {
        var table = await NewTableAsync();
        var grain = GrainId.Create("my-grain-type", name + "/" + Guid.NewGuid());
        var reminder = Given.Reminder(grain, name);
        reminder.Period = new TimeSpan(40, 1, 2, 3, 4);

        var etag = await table.UpsertRow(reminder, Stop);

        var stored = await table.ReadRow(grain, name, Stop);
        Assert.Equal((grain, name, reminder.StartAt, reminder.Period, etag), (stored!.GrainId, stored.ReminderName, stored.StartAt, stored.Period, stored.ETag));
        Assert.NotNull(etag);
        Assert.Equal(grain, Assert.Single((await table.ReadRows(grain, Stop)).Reminders).GrainId);
    }

    [Fact]
    public async Task Keys_of_every_kind_that_Orleans_makes_come_back()
    {
        var table = await NewTableAsync();
        var type = GrainType.Create("my-remindable-grain");
        GrainId[] grains =
        [
            GrainId.Create(type, GrainIdKeyExtensions.CreateGuidKey(Guid.NewGuid(), "foo/bar\\#baz?")),
            GrainId.Create(type, GrainIdKeyExtensions.CreateGuidKey(Guid.NewGuid())),
            GrainId.Create(type, GrainIdKeyExtensions.CreateIntegerKey(long.MinValue)),
            GrainId.Create(type, GrainIdKeyExtensions.CreateIntegerKey(7, "foo/bar\\#baz?")),
        ];

        foreach (var grain in grains)
            await table.UpsertRow(Given.Reminder(grain, "r"), Stop);

        foreach (var grain in grains)
            Assert.Equal(grain, (await table.ReadRow(grain, "r", Stop))!.GrainId);
        Assert.Equal(grains.ToHashSet(), (await table.ReadRows(0, 0, Stop)).Reminders.Select(reminder => reminder.GrainId).ToHashSet());
    }

    [Fact]
    public async Task Writing_a_reminder_again_replaces_it_and_changes_its_etag()
    {
        var table = await NewTableAsync();
        var reminder = Given.Reminder(Given.Grain(), "r");
        var first = await table.UpsertRow(reminder, Stop);
        reminder.StartAt = reminder.StartAt.AddHours(1);
        reminder.Period = TimeSpan.FromHours(3);

        var second = await table.UpsertRow(reminder, Stop);

        var stored = Assert.Single((await table.ReadRows(reminder.GrainId, Stop)).Reminders);
        Assert.Equal((second, reminder.StartAt, reminder.Period), (stored.ETag, stored.StartAt, stored.Period));
        Assert.NotEqual(first, second);
    }

    [Fact]
    public async Task Only_the_reminder_with_this_name_and_this_etag_is_removed_and_only_once()
    {
        var table = await NewTableAsync();
        var reminder = Given.Reminder(Given.Grain(), "foo/bar\\#b_a_z?");
        var old = await table.UpsertRow(reminder, Stop);
        var current = await table.UpsertRow(reminder, Stop);

        Assert.False(await table.RemoveRow(reminder.GrainId, reminder.ReminderName, old!, Stop));
        Assert.False(await table.RemoveRow(reminder.GrainId, "other", current!, Stop));
        Assert.False(await table.RemoveRow(Given.Grain(), reminder.ReminderName, current!, Stop));
        Assert.NotNull(await table.ReadRow(reminder.GrainId, reminder.ReminderName, Stop));
        Assert.True(await table.RemoveRow(reminder.GrainId, reminder.ReminderName, current!, Stop));
        Assert.False(await table.RemoveRow(reminder.GrainId, reminder.ReminderName, current!, Stop));

        Assert.Null(await table.ReadRow(reminder.GrainId, reminder.ReminderName, Stop));
    }

    [Fact]
    public async Task Removing_one_reminder_leaves_the_others_of_the_grain()
    {
        var table = await NewTableAsync();
        var grain = Given.Grain();
        var first = await table.UpsertRow(Given.Reminder(grain, "first"), Stop);
        await table.UpsertRow(Given.Reminder(grain, "second"), Stop);
        await table.UpsertRow(Given.Reminder(Given.Grain(), "first"), Stop);

        await table.RemoveRow(grain, "first", first!, Stop);

        Assert.Equal("second", Assert.Single((await table.ReadRows(grain, Stop)).Reminders).ReminderName);
        Assert.Equal(2, (await table.ReadRows(0, 0, Stop)).Reminders.Count);
    }

    [Fact]
    public async Task Upserts_of_one_reminder_at_once_all_succeed_with_etags_of_their_own()
    {
        var table = await NewTableAsync();

        var etags = await Task.WhenAll(Enumerable.Range(0, 5).Select(async n =>
        {
            var (grain, at) = (Given.Grain(), Given.Now);
            return await Task.WhenAll(Enumerable.Range(1, 5).Select(async k =>
            {
                var reminder = Given.Reminder(grain, n.ToString());
                reminder.StartAt = at.AddSeconds(k);
                return await RetriedAsync(() => table.UpsertRow(reminder, Stop));
            }));
        }));

        Assert.All(etags, ofOne => Assert.Equal(5, ofOne.Distinct().Count()));
        var stored = (await table.ReadRows(0, 0, Stop)).Reminders;
        Assert.Equal(5, stored.Count);
        Assert.All(stored, reminder => Assert.Contains(reminder.ETag, etags.SelectMany(ofOne => ofOne)));
    }

    [Fact]
    public async Task A_range_holds_the_hashes_above_its_begin_up_to_its_end_and_wraps_around()
    {
        const int Count = 1000;
        var table = await NewTableAsync();
        await Parallel.ForEachAsync(Enumerable.Range(0, Count), new ParallelOptions { MaxDegreeOfParallelism = 16, CancellationToken = Stop }, async (n, _) =>
            await RetriedAsync(() => table.UpsertRow(Given.Reminder(Given.Grain(), n.ToString()), Stop)));

        Assert.Equal(Count, (await table.ReadRows(0, uint.MaxValue, Stop)).Reminders.Count);
        var all = (await table.ReadRows(0, 0, Stop)).Reminders;
        Assert.Equal(Count, all.Count);
        var hashes = all.Select(reminder => reminder.GrainId.GetUniformHashCode()).ToArray();

        await Parallel.ForEachAsync(Enumerable.Range(0, Count), new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = Stop }, async (n, _) =>
        {
            // Ends that are themselves hashes of reminders tell "above" from "from".
            var (begin, end) = n % 4 == 0
                ? (hashes[n], hashes[^(n + 1)])
                : ((uint)Random.Shared.NextInt64(1L << 32), (uint)Random.Shared.NextInt64(1L << 32));
            var expected = hashes.Where(hash => begin < end ? hash > begin && hash <= end : hash > begin || hash <= end).Order();
            var found = (await table.ReadRows(begin, end, Stop)).Reminders.Select(reminder => reminder.GrainId.GetUniformHashCode()).Order();
            Assert.True(expected.SequenceEqual(found), $"({begin}, {end}]");
        });
    }

    [Fact]
    public async Task Two_services_in_one_database_do_not_see_each_others_reminders()
    {
        var (first, second) = (await NewTableAsync(), await NewTableAsync());
        var reminder = Given.Reminder(Given.Grain(), "r");
        var etag = await first.UpsertRow(reminder, Stop);

        Assert.Null(await second.ReadRow(reminder.GrainId, "r", Stop));
        Assert.Empty((await second.ReadRows(reminder.GrainId, Stop)).Reminders);
        Assert.Empty((await second.ReadRows(0, 0, Stop)).Reminders);
        Assert.False(await second.RemoveRow(reminder.GrainId, "r", etag!, Stop));
        await second.TestOnlyClearTable(Stop);
        Assert.NotNull(await first.ReadRow(reminder.GrainId, "r", Stop));
    }

    [Fact]
    public async Task Clearing_the_table_removes_every_reminder_of_the_service()
    {
        var table = await NewTableAsync();
        await table.UpsertRow(Given.Reminder(Given.Grain(), "r"), Stop);
        await table.UpsertRow(Given.Reminder(Given.Grain(), "r"), Stop);

        await table.TestOnlyClearTable(Stop);

        Assert.Empty((await table.ReadRows(0, 0, Stop)).Reminders);
    }

    [Fact]
    public async Task A_database_that_does_not_answer_is_an_error_and_never_an_empty_table()
    {
        var table = await OpenUnreachableAsync();
        var limit = TimeSpan.FromSeconds(60);

        await Assert.ThrowsAnyAsync<Exception>(() => table.ReadRow(Given.Grain(), "r", Stop).WaitAsync(limit, Stop));
        await Assert.ThrowsAnyAsync<Exception>(() => table.ReadRows(Given.Grain(), Stop).WaitAsync(limit, Stop));
        await Assert.ThrowsAnyAsync<Exception>(() => table.ReadRows(0, 0, Stop).WaitAsync(limit, Stop));
        await Assert.ThrowsAnyAsync<Exception>(() => table.UpsertRow(Given.Reminder(Given.Grain(), "r"), Stop).WaitAsync(limit, Stop));
        await Assert.ThrowsAnyAsync<Exception>(() => table.RemoveRow(Given.Grain(), "r", "1", Stop).WaitAsync(limit, Stop));
    }

    // As upstream: a database may refuse an upsert that ran into another one, and the reminder service tries again.
    private static async Task<string?> RetriedAsync(Func<Task<string?>> upsert)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await upsert();
            }
            catch (Exception failure) when (attempt < 10 && failure is not OperationCanceledException)
            {
                await Task.Yield();
            }
        }
    }
}
