using System.Net;
using Orleans;
using Orleans.Runtime;
using Orleans.Storage;
using PxBackup.Api;
using PxBackup.Grains.Records;
using Xunit;

namespace PxBackup.Tests.Adapters.Persistence.OrleansTables;

/// <summary>What our own membership tables promise beyond Orleans' interface.</summary>
public abstract class StrictMembershipSuite : MembershipSuite
{
    [Fact]
    public async Task A_heartbeat_of_a_silo_that_is_not_in_the_table_is_an_error()
    {
        var table = await NewTableAsync();

        var refused = await Assert.ThrowsAsync<RecordStoreException>(() => table.UpdateIAmAliveAsync(Given.Silo(), Stop));

        Assert.Contains("restart", refused.Message);
        Assert.Empty((await table.ReadAllAsync(Stop)).Members);
    }

    [Fact]
    public async Task A_table_that_no_silo_has_made_is_an_error_and_not_an_empty_one()
    {
        var table = await OpenAsync(Given.Id());

        var missing = await Assert.ThrowsAsync<RecordStoreException>(() => table.ReadAllAsync(Stop));

        Assert.Contains("no silo", missing.Message);
    }

    [Fact]
    public async Task The_cleanup_keeps_a_silent_silo_that_was_declared_dead_just_now()
    {
        var table = await NewTableAsync();
        var silo = Given.Silo(SiloStatus.Dead, TimeSpan.FromDays(10));
        silo.SuspectTimes = [Tuple.Create(Given.Address(), Given.Now)];
        await InsertAsync(table, silo);

        await table.CleanupDefunctSiloEntriesAsync(Given.Now - TimeSpan.FromDays(7), Stop);

        Assert.Single((await table.ReadAllAsync(Stop)).Members);
    }

    [Fact]
    public async Task A_silo_that_was_cleaned_up_cannot_be_updated_any_more()
    {
        var table = await NewTableAsync();
        var silo = Given.Silo(SiloStatus.Dead, TimeSpan.FromDays(10));
        var etag = await InsertAsync(table, silo);
        await table.CleanupDefunctSiloEntriesAsync(Given.Now - TimeSpan.FromDays(7), Stop);

        Assert.False(await table.UpdateRowAsync(silo, etag, (await table.ReadAllAsync(Stop)).Version.Next(), Stop));

        Assert.Empty((await table.ReadAllAsync(Stop)).Members);
    }

    [Fact]
    public async Task Cleanups_and_heartbeats_at_once_leave_the_silo_that_spoke()
    {
        var table = await NewTableAsync();
        var silo = Given.Silo(SiloStatus.Joining, TimeSpan.FromDays(10));
        await InsertAsync(table, silo);
        var beats = Task.Run(
            async () =>
            {
                for (var n = 0; n < 20; n++)
                    await table.UpdateIAmAliveAsync(new MembershipEntry { SiloAddress = silo.SiloAddress, IAmAliveTime = Given.Now.AddSeconds(n) }, Stop);
            },
            Stop);

        await table.UpdateIAmAliveAsync(new MembershipEntry { SiloAddress = silo.SiloAddress, IAmAliveTime = Given.Now }, Stop);
        for (var n = 0; n < 10; n++)
            await table.CleanupDefunctSiloEntriesAsync(Given.Now - TimeSpan.FromDays(7), Stop);
        await beats;

        Assert.Single((await table.ReadAllAsync(Stop)).Members);
    }

    [Theory]
    [InlineData("10.1.2.3")]
    [InlineData("::1")]
    [InlineData("fe80::1:2")]
    [InlineData("::ffff:10.1.2.3")]
    public async Task A_silo_may_have_an_address_of_any_kind(string address)
    {
        var table = await NewTableAsync();
        var silo = Given.Silo(SiloStatus.Active);
        silo.SiloAddress = SiloAddress.New(IPAddress.Parse(address), 11111, 7);
        var etag = await InsertAsync(table, silo);

        await table.UpdateIAmAliveAsync(silo, Stop);
        Assert.True(await table.UpdateRowAsync(silo, etag, (await table.ReadAllAsync(Stop)).Version.Next(), Stop));

        Assert.Equal(silo.SiloAddress, (await table.ReadRowAsync(silo.SiloAddress, Stop)).Members.Single().Item1.SiloAddress);
    }

    [Fact]
    public async Task The_old_forms_without_a_token_do_the_same()
    {
        var (cluster, silo) = (Given.Id(), Given.Silo(SiloStatus.Dead));
        var table = await OpenAsync(cluster);

#pragma warning disable CS0618, CS0612 // Orleans still declares them.
        await table.InitializeMembershipTable(true);
        Assert.True(await table.InsertRow(silo, (await table.ReadAll()).Version.Next()));
        var row = await table.ReadRow(silo.SiloAddress);
        Assert.True(await table.UpdateRow(silo, row.Members.Single().Item2, row.Version.Next()));
        await table.UpdateIAmAlive(silo);
        await table.CleanupDefunctSiloEntries(Given.Now.AddDays(1));
        Assert.Empty((await table.ReadAll()).Members);
        await table.DeleteMembershipTableEntries(cluster);
#pragma warning restore CS0618, CS0612

        await Assert.ThrowsAsync<RecordStoreException>(() => table.ReadAllAsync(Stop));
    }
}

/// <summary>What our own grain storages promise beyond Orleans' interface.</summary>
public abstract class StrictGrainStorageSuite : GrainStorageSuite
{
    [Fact]
    public async Task A_cleared_state_leaves_no_etag()
    {
        var storage = await NewStorageAsync();
        var grain = Given.Grain();
        var state = State("text");
        await storage.WriteStateAsync(Name, grain, state, Stop);

        await storage.ClearStateAsync(Name, grain, state, Stop);

        Assert.Null(state.ETag);
        Assert.Null((await ReadAsync<SampleState>(storage, grain)).ETag);
    }

    [Fact]
    public async Task A_clear_without_etag_does_not_remove_what_another_has_written()
    {
        var storage = await NewStorageAsync();
        var grain = Given.Grain();
        await storage.WriteStateAsync(Name, grain, State("text"), Stop);

        await RefusedAsync(() => storage.ClearStateAsync(Name, grain, State(), Stop));

        Assert.Equal("text", (await ReadAsync<SampleState>(storage, grain)).State.Text);
    }

    [Fact]
    public async Task A_write_with_an_etag_never_makes_a_record()
    {
        var storage = await NewStorageAsync();
        var grain = Given.Grain();

        await RefusedAsync(() => storage.WriteStateAsync(Name, grain, new GrainState<SampleState> { State = new SampleState(), ETag = "1", RecordExists = true }, Stop));

        Assert.False((await ReadAsync<SampleState>(storage, grain)).RecordExists);
    }

    [Fact]
    public async Task An_API_message_is_a_state_too()
    {
        var storage = await NewStorageAsync();
        var grain = Given.Grain();
        var message = A.Body("prod", "apiVersion: v1", "token");

        await storage.WriteStateAsync(Name, grain, new GrainState<ClusterObject> { State = message }, Stop);

        Assert.Equal(message, (await ReadAsync<ClusterObject>(storage, grain)).State);
    }

    [Fact]
    public async Task A_state_of_another_type_is_refused_and_the_readers_state_stays()
    {
        var storage = await NewStorageAsync();
        var grain = Given.Grain();
        await storage.WriteStateAsync(Name, grain, new GrainState<CollectionState> { State = new CollectionState { Items = ["a"] } }, Stop);
        var reader = new GrainState<List<int>> { State = [1] };

        var refused = await Assert.ThrowsAsync<RecordStoreException>(() => storage.ReadStateAsync(Name, grain, reader, Stop));

        Assert.Contains(grain.ToString(), refused.Message);
        Assert.Equal((false, 1), (reader.RecordExists, reader.State!.Count));
    }

    [Fact]
    public async Task Numbers_keep_their_last_digit()
    {
        var storage = await NewStorageAsync();
        var grain = Given.Grain();
        var numbers = new NumberState
        {
            Reals = [0, -0.0, 0.1, 1e300, double.Epsilon, double.MaxValue, 1.0 / 3, double.NaN, double.PositiveInfinity],
            Decimals = [0, 1.10m, 12.50m, decimal.MaxValue, decimal.MinValue, 0.0000000000000000000000000001m],
            Integers = [0, -1, int.MaxValue, 1L << 53, (1L << 53) + 1, long.MaxValue, long.MinValue],
            Naturals = [0, ulong.MaxValue],
        };

        await storage.WriteStateAsync(Name, grain, new GrainState<NumberState> { State = numbers }, Stop);

        var read = (await ReadAsync<NumberState>(storage, grain)).State;
        Assert.Equal(numbers.Reals.Select(BitConverter.DoubleToInt64Bits), read.Reals.Select(BitConverter.DoubleToInt64Bits));
        Assert.Equal(numbers.Decimals.Select(number => number.ToString()), read.Decimals.Select(number => number.ToString()));
        Assert.Equal(numbers.Integers, read.Integers);
        Assert.Equal(numbers.Naturals, read.Naturals);
    }
}
