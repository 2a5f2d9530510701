using Orleans;
using Orleans.Runtime;
using Orleans.Storage;
using Xunit;

namespace PxBackup.Tests.Adapters.Persistence.OrleansTables;

/// <summary>
/// What Orleans expects of grain storage: a state is written only over the state that its writer has read, and a state
/// that is not there is told by <see cref="IGrainState{T}.RecordExists"/> with a new state object and no etag.
/// </summary>
public abstract class GrainStorageSuite
{
    protected const string Name = "TestGrain";

    protected static CancellationToken Stop => TestContext.Current.CancellationToken;

    /// <summary>A storage of this service in the database that all tests of the class share, ready for use.</summary>
    protected abstract Task<IGrainStorage> OpenAsync(string serviceId);

    /// <summary>A storage whose database does not answer; calls should fail within 30 s.</summary>
    protected abstract Task<IGrainStorage> OpenUnreachableAsync();

    protected Task<IGrainStorage> NewStorageAsync() => OpenAsync(Given.Id());

    protected static GrainState<SampleState> State(string? text = null, int number = 0) => new() { State = new SampleState { Text = text, Number = number } };

    protected static async Task<Reading<T>> ReadAsync<T>(IGrainStorage storage, GrainId grain, string name = Name)
        where T : class, new()
    {
        var state = new GrainState<T> { State = new T() };
        await storage.ReadStateAsync(name, grain, state, Stop);
        Assert.NotNull(state.State);
        return new Reading<T>(state.State, state.ETag, state.RecordExists);
    }

    /// <summary>What was read; the state object is always there.</summary>
    protected sealed record Reading<T>(T State, string? ETag, bool RecordExists);

    protected static Task<InconsistentStateException> RefusedAsync(Func<Task> write) => Assert.ThrowsAnyAsync<InconsistentStateException>(write);

    [Fact]
    public async Task A_state_that_was_never_written_reads_as_a_new_one_without_record_and_etag()
    {
        var storage = await NewStorageAsync();
        var state = new GrainState<SampleState> { State = new SampleState { Text = "stale", Number = 1 }, RecordExists = true };

        await storage.ReadStateAsync(Name, Given.Grain(), state, Stop);

        Assert.False(state.RecordExists);
        Assert.Null(state.ETag);
        Assert.Equal(new SampleState(), state.State);
    }

    [Fact]
    public async Task A_state_comes_back_as_it_was_written_with_its_etag()
    {
        var storage = await NewStorageAsync();
        var grain = Given.Grain();
        var written = new GrainState<SampleState>
        {
            State = new SampleState
            {
                Text = "Привет, мир \"quoted\" \u0001 🙂",
                Number = int.MinValue,
                Large = long.MaxValue,
                At = new DateTimeOffset(2030, 1, 2, 3, 4, 5, 678, TimeSpan.FromHours(2)),
                Ratio = 0.1,
                Money = 12.50m,
                Inner = new SampleState { Ratio = 1e300, Large = long.MinValue },
            },
        };

        await storage.WriteStateAsync(Name, grain, written, Stop);

        var read = await ReadAsync<SampleState>(storage, grain);
        Assert.Equal(written.State, read.State);
        Assert.Equal(written.ETag, read.ETag);
        Assert.NotNull(read.ETag);
        Assert.True(written.RecordExists && read.RecordExists);
    }

    [Fact]
    public async Task Lists_bytes_and_maps_with_any_key_come_back()
    {
        var storage = await NewStorageAsync();
        var grain = Given.Grain();
        string[] keys = ["", ".", "a.b", "$set", "$", "a$b", "%2E", "_id", "with space", "kubernetes.io/name", "ключ"];
        var written = new GrainState<CollectionState>
        {
            State = new CollectionState { Items = ["b", "a", "", "c"], Bytes = [0, 255, 1], Counts = keys.Select((key, n) => (key, n)).ToDictionary(pair => pair.key, pair => (long)pair.n) },
        };

        await storage.WriteStateAsync(Name, grain, written, Stop);

        var read = (await ReadAsync<CollectionState>(storage, grain)).State;
        Assert.Equal(written.State!.Items, read.Items);
        Assert.Equal(written.State.Bytes, read.Bytes);
        Assert.Equal(written.State.Counts.OrderBy(pair => pair.Key), read.Counts.OrderBy(pair => pair.Key));
    }

    [Theory]
    [InlineData("Привет, мир")]
    [InlineData("org/2f1c")]
    [InlineData("a.b$c%d \\#?'\"{}")]
    public async Task A_grain_key_may_contain_anything(string key)
    {
        var storage = await NewStorageAsync();
        var grain = Given.Grain(key);
        var written = State("text", 123);

        await storage.WriteStateAsync(Name, grain, written, Stop);

        Assert.Equal(written.State, (await ReadAsync<SampleState>(storage, grain)).State);
        Assert.False((await ReadAsync<SampleState>(storage, Given.Grain(key))).RecordExists);
    }

    [Fact]
    public async Task Integer_keys_keep_their_states_apart()
    {
        var storage = await NewStorageAsync();
        GrainId Grain(long key) => GrainId.Create(GrainType.Create("my-grain-type"), GrainIdKeyExtensions.CreateIntegerKey(key));
        long[] keys = [0, 1, -1, long.MinValue, long.MaxValue];

        foreach (var key in keys)
            await storage.WriteStateAsync(Name, Grain(key), new GrainState<SampleState> { State = new SampleState { Large = key } }, Stop);

        foreach (var key in keys)
            Assert.Equal(key, (await ReadAsync<SampleState>(storage, Grain(key))).State.Large);
    }

    [Theory]
    [InlineData("state")]
    [InlineData("With.dots and spaces")]
    [InlineData("$dollar/slash\\%")]
    [InlineData("system.users")]
    [InlineData("Имя состояния")]
    public async Task A_state_name_may_contain_anything(string name)
    {
        var storage = await NewStorageAsync();
        var grain = Given.Grain();

        await storage.WriteStateAsync(name, grain, State(name), Stop);

        Assert.Equal(name, (await ReadAsync<SampleState>(storage, grain, name)).State.Text);
        Assert.False((await ReadAsync<SampleState>(storage, grain, name + "2")).RecordExists);
    }

    [Fact]
    public async Task Two_state_names_of_one_grain_are_two_records()
    {
        var storage = await NewStorageAsync();
        var grain = Given.Grain();
        await storage.WriteStateAsync("first-state", grain, State("first"), Stop);
        await storage.WriteStateAsync("second-state", grain, State("second"), Stop);

        var first = State();
        await storage.ReadStateAsync("first-state", grain, first, Stop);
        await storage.ClearStateAsync("first-state", grain, first, Stop);

        Assert.False((await ReadAsync<SampleState>(storage, grain, "first-state")).RecordExists);
        Assert.Equal("second", (await ReadAsync<SampleState>(storage, grain, "second-state")).State.Text);
    }

    [Fact]
    public async Task Every_write_changes_the_etag_even_with_the_same_values()
    {
        var storage = await NewStorageAsync();
        var grain = Given.Grain();
        var state = State("same");
        var etags = new HashSet<string>();

        for (var n = 0; n < 5; n++)
        {
            await storage.WriteStateAsync(Name, grain, state, Stop);
            Assert.True(etags.Add(state.ETag!));
        }
    }

    [Fact]
    public async Task A_write_without_etag_over_a_record_is_refused_and_changes_nothing()
    {
        var storage = await NewStorageAsync();
        var grain = Given.Grain();
        var first = State("first");
        await storage.WriteStateAsync(Name, grain, first, Stop);

        await RefusedAsync(() => storage.WriteStateAsync(Name, grain, State("second"), Stop));

        var read = await ReadAsync<SampleState>(storage, grain);
        Assert.Equal(("first", first.ETag), (read.State.Text, read.ETag));
    }

    [Fact]
    public async Task A_write_with_an_old_etag_is_refused_and_leaves_record_and_writer_as_they_were()
    {
        var storage = await NewStorageAsync();
        var grain = Given.Grain();
        var current = State("initial");
        await storage.WriteStateAsync(Name, grain, current, Stop);
        var stale = new GrainState<SampleState> { State = new SampleState { Text = "stale" }, ETag = current.ETag, RecordExists = true };
        current.State = new SampleState { Text = "latest" };
        await storage.WriteStateAsync(Name, grain, current, Stop);
        var etag = stale.ETag;

        await RefusedAsync(() => storage.WriteStateAsync(Name, grain, stale, Stop));

        var read = await ReadAsync<SampleState>(storage, grain);
        Assert.Equal(("latest", current.ETag), (read.State.Text, read.ETag));
        Assert.Equal(("stale", etag), (stale.State?.Text, stale.ETag));
    }

    [Fact]
    public async Task A_clear_with_an_old_etag_is_refused_and_changes_nothing()
    {
        var storage = await NewStorageAsync();
        var grain = Given.Grain();
        var current = State("initial");
        await storage.WriteStateAsync(Name, grain, current, Stop);
        var stale = new GrainState<SampleState> { State = new SampleState(), ETag = current.ETag, RecordExists = true };
        current.State = new SampleState { Text = "latest" };
        await storage.WriteStateAsync(Name, grain, current, Stop);

        await RefusedAsync(() => storage.ClearStateAsync(Name, grain, stale, Stop));

        var read = await ReadAsync<SampleState>(storage, grain);
        Assert.True(read.RecordExists);
        Assert.Equal(("latest", current.ETag), (read.State.Text, read.ETag));
    }

    [Fact]
    public async Task A_cleared_state_has_no_record_another_etag_and_a_new_state_object()
    {
        var storage = await NewStorageAsync();
        var grain = Given.Grain();
        var state = State("text", 100);
        await storage.WriteStateAsync(Name, grain, state, Stop);
        var etag = state.ETag;

        await storage.ClearStateAsync(Name, grain, state, Stop);

        Assert.False(state.RecordExists);
        Assert.NotEqual(etag, state.ETag);
        Assert.Equal(new SampleState(), state.State);
        var read = await ReadAsync<SampleState>(storage, grain);
        Assert.False(read.RecordExists);
        Assert.Equal(new SampleState(), read.State);
    }

    [Fact]
    public async Task A_clear_before_the_first_write_works_and_gives_a_new_state()
    {
        var storage = await NewStorageAsync();
        var state = new GrainState<SampleState> { State = new SampleState { Text = "stale" }, RecordExists = true };

        await storage.ClearStateAsync(Name, Given.Grain(), state, Stop);

        Assert.False(state.RecordExists);
        Assert.Equal(new SampleState(), state.State);
    }

    [Fact]
    public async Task Clearing_twice_is_the_same_as_once()
    {
        var storage = await NewStorageAsync();
        var grain = Given.Grain();
        var state = State("text");
        await storage.WriteStateAsync(Name, grain, state, Stop);

        await storage.ClearStateAsync(Name, grain, state, Stop);
        await storage.ClearStateAsync(Name, grain, state, Stop);

        Assert.False(state.RecordExists);
        Assert.NotNull(state.State);
    }

    [Fact]
    public async Task A_cleared_state_can_be_written_again_by_its_writer()
    {
        var storage = await NewStorageAsync();
        var grain = Given.Grain();
        var state = State("first", 1);
        await storage.WriteStateAsync(Name, grain, state, Stop);
        await storage.ClearStateAsync(Name, grain, state, Stop);
        var cleared = state.ETag;
        state.State = new SampleState { Text = "second", Number = 2 };

        await storage.WriteStateAsync(Name, grain, state, Stop);

        Assert.True(state.RecordExists);
        Assert.NotEqual(cleared, state.ETag);
        var read = await ReadAsync<SampleState>(storage, grain);
        Assert.Equal((state.State, state.ETag), (read.State, read.ETag));
    }

    [Fact]
    public async Task A_cleared_state_can_be_written_again_by_who_reads_it()
    {
        var storage = await NewStorageAsync();
        var grain = Given.Grain();
        var state = State("first");
        await storage.WriteStateAsync(Name, grain, state, Stop);
        await storage.ClearStateAsync(Name, grain, state, Stop);
        var reader = State();
        await storage.ReadStateAsync(Name, grain, reader, Stop);

        await storage.WriteStateAsync(Name, grain, reader, Stop);

        Assert.Equal(new SampleState(), (await ReadAsync<SampleState>(storage, grain)).State);
    }

    [Fact]
    public async Task A_deleted_state_is_not_resurrected_by_a_stale_writer()
    {
        var storage = await NewStorageAsync();
        var grain = Given.Grain();
        var state = State("first");
        await storage.WriteStateAsync(Name, grain, state, Stop);
        var stale = new GrainState<SampleState> { State = new SampleState { Text = "risen" }, ETag = state.ETag, RecordExists = true };
        await storage.ClearStateAsync(Name, grain, state, Stop);

        await RefusedAsync(() => storage.WriteStateAsync(Name, grain, stale, Stop));

        Assert.False((await ReadAsync<SampleState>(storage, grain)).RecordExists);
    }

    [Fact]
    public async Task A_writer_from_a_states_former_life_does_not_touch_its_new_one()
    {
        var storage = await NewStorageAsync();
        var grain = Given.Grain();
        var state = State("first");
        await storage.WriteStateAsync(Name, grain, state, Stop);
        var stale = new GrainState<SampleState> { State = new SampleState { Text = "risen" }, ETag = state.ETag, RecordExists = true };
        await storage.ClearStateAsync(Name, grain, state, Stop);
        state.State = new SampleState { Text = "reborn" };
        await storage.WriteStateAsync(Name, grain, state, Stop);

        await RefusedAsync(() => storage.WriteStateAsync(Name, grain, stale, Stop));
        await RefusedAsync(() => storage.ClearStateAsync(Name, grain, stale, Stop));

        Assert.Equal("reborn", (await ReadAsync<SampleState>(storage, grain)).State.Text);
    }

    [Fact]
    public async Task Of_20_first_writes_at_once_exactly_one_succeeds()
    {
        var storage = await NewStorageAsync();
        var grain = Given.Grain();

        var accepted = await Task.WhenAll(Enumerable.Range(0, 20).Select(n => AcceptedAsync(storage, grain, State("writer", n))));

        var winner = Assert.Single(accepted.OfType<GrainState<SampleState>>());
        var read = await ReadAsync<SampleState>(storage, grain);
        Assert.Equal((winner.State, winner.ETag), (read.State, read.ETag));
    }

    [Fact]
    public async Task Of_20_writers_with_the_same_etag_exactly_one_succeeds()
    {
        var storage = await NewStorageAsync();
        var grain = Given.Grain();
        var first = State("first");
        await storage.WriteStateAsync(Name, grain, first, Stop);

        var accepted = await Task.WhenAll(Enumerable.Range(0, 20).Select(n => AcceptedAsync(
            storage, grain, new GrainState<SampleState> { State = new SampleState { Number = n }, ETag = first.ETag, RecordExists = true })));

        var winner = Assert.Single(accepted.OfType<GrainState<SampleState>>());
        Assert.Equal(winner.State, (await ReadAsync<SampleState>(storage, grain)).State);
    }

    [Fact]
    public async Task Many_grains_that_write_and_read_at_once_do_not_disturb_each_other()
    {
        var storage = await NewStorageAsync();
        await Parallel.ForEachAsync(Enumerable.Range(0, 50), new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = Stop }, async (n, _) =>
        {
            var grain = Given.Grain();
            var state = State("grain", n);
            for (var k = 0; k < 10; k++)
            {
                var before = state.ETag;
                state.State = new SampleState { Number = n, Large = k };
                await storage.WriteStateAsync(Name, grain, state, Stop);
                var read = await ReadAsync<SampleState>(storage, grain);
                Assert.Equal((state.State, state.ETag), (read.State, read.ETag));
                Assert.NotEqual(before, state.ETag);
            }
        });
    }

    [Fact]
    public async Task Two_services_in_one_database_do_not_see_each_others_states()
    {
        var (first, second) = (await NewStorageAsync(), await NewStorageAsync());
        var grain = Given.Grain();
        await first.WriteStateAsync(Name, grain, State("first"), Stop);

        Assert.False((await ReadAsync<SampleState>(second, grain)).RecordExists);
        await second.WriteStateAsync(Name, grain, State("second"), Stop);
        Assert.Equal("first", (await ReadAsync<SampleState>(first, grain)).State.Text);
    }

    [Fact]
    public async Task Random_writes_clears_and_reads_by_three_activations_agree_with_the_model() =>
        await GrainStorageModel.CheckAsync(await NewStorageAsync(), Stop);

    [Fact]
    public async Task A_database_that_does_not_answer_is_an_error_and_never_a_new_state()
    {
        var storage = await OpenUnreachableAsync();
        var limit = TimeSpan.FromSeconds(60);
        var state = State("text");

        await Assert.ThrowsAnyAsync<Exception>(() => storage.ReadStateAsync(Name, Given.Grain(), state, Stop).WaitAsync(limit, Stop));
        var write = await Assert.ThrowsAnyAsync<Exception>(() => storage.WriteStateAsync(Name, Given.Grain(), state, Stop).WaitAsync(limit, Stop));
        await Assert.ThrowsAnyAsync<Exception>(() => storage.ClearStateAsync(Name, Given.Grain(), state, Stop).WaitAsync(limit, Stop));

        Assert.IsNotType<InconsistentStateException>(write);
        Assert.False(state.RecordExists);
        Assert.Equal("text", state.State?.Text);
    }

    /// <summary>The state if it was written, null if it was refused as inconsistent.</summary>
    private static async Task<GrainState<SampleState>?> AcceptedAsync(IGrainStorage storage, GrainId grain, GrainState<SampleState> state)
    {
        try
        {
            await storage.WriteStateAsync(Name, grain, state, Stop);
            return state;
        }
        catch (InconsistentStateException)
        {
            return null;
        }
    }
}
