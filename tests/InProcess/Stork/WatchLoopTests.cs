using PxBackup.Stork;
using Xunit;
using static PxBackup.Tests.InProcess.Stork.WatchFixture;

namespace PxBackup.Tests.InProcess.Stork;

public class WatchLoopTests
{
    [Fact]
    public void Above_its_budget_a_cluster_waits_as_long_as_its_debt_lasts()
    {
        var time = new Microsoft.Extensions.Time.Testing.FakeTimeProvider();
        var budget = new RateBudget(perSecond: 10, burst: 100, time);

        Assert.Equal(TimeSpan.Zero, budget.Spend(100));
        Assert.Equal(TimeSpan.FromSeconds(2), budget.Spend(20));
        time.Advance(TimeSpan.FromSeconds(3));
        Assert.Equal(TimeSpan.Zero, budget.Spend(10));
        time.Advance(TimeSpan.FromHours(1));
        Assert.Equal(TimeSpan.FromSeconds(1), budget.Spend(110));
    }

    [Fact]
    public async Task It_lists_page_by_page_then_watches_from_the_lists_version_with_selector_bookmarks_and_a_time_limit()
    {
        await using var fixture = await WatchFixture.StartAsync();

        var first = await fixture.Api.NextAsync("the first page");
        await first.AnswerAsync(200, $$"""{"metadata":{"resourceVersion":"10","continue":"more+/="},"items":[{{Backup("b-1", 5)}}]}""");
        var second = await fixture.Api.NextAsync("the second page");
        await second.ListAsync("10", Backup("b-2", 6));
        var watch = await fixture.Api.NextAsync("the watch");

        Assert.Equal("/apis/stork.libopenstorage.org/v1alpha1/namespaces/kube-system/applicationbackups", first.Path);
        Assert.Equal(("500", "by=px,x!=y", null), (first.Query("limit"), first.Query("labelSelector"), first.Query("continue")));
        Assert.Equal("more+/=", second.Query("continue"));
        Assert.Equal(("true", "true", "10", "450", "by=px,x!=y"),
            (watch.Query("watch"), watch.Query("allowWatchBookmarks"), watch.Query("resourceVersion"), watch.Query("timeoutSeconds"), watch.Query("labelSelector")));
        await fixture.Observer.ExpectAsync("listed ApplicationBackup [b-1@5]", "listed ApplicationBackup [b-2@6]");
        fixture.Observer.ExpectNothingMore();
    }

    [Fact]
    public async Task It_tells_connected_with_the_headers_and_then_every_change()
    {
        await using var fixture = await WatchFixture.StartAsync();
        var watch = await fixture.ConnectedAsync();

        await watch.EventAsync("MODIFIED", Backup("b-1", 11, "Final", "Successful"));
        await watch.EventAsync("ADDED", Backup("b-2", 12, "", ""));
        await watch.EventAsync("BOOKMARK", Bookmark(13));
        await watch.EventAsync("NEWS", Backup("b-9", 14));
        await watch.EventAsync("DELETED", Backup("b-1", 15));

        await fixture.Observer.ExpectAsync("changed b-1@11 Final/Successful u-b-1", "changed b-2@12 / u-b-2", "deleted b-1@15");
        Assert.Equal("HTTP/2", watch.Protocol);
        Assert.Equal("Bearer token-1", watch.Header("Authorization"));
    }

    [Fact]
    public async Task Both_kinds_share_one_connection_and_the_state_is_told_once()
    {
        await using var fixture = await WatchFixture.StartAsync(null, StorkKind.ApplicationBackup, StorkKind.ApplicationRestore);
        var connections = new HashSet<string>();
        var accepted = 0;
        while (accepted < 2)
        {
            var request = await fixture.Api.NextAsync("lists and watches of two kinds");
            connections.Add(request.ConnectionId);
            if (request.Query("watch") is null)
            {
                await request.ListAsync("10");
            }
            else
            {
                await request.AcceptAsync();
                accepted++;
            }
        }

        // The two lists are under way together.
        string[] listed = [await fixture.Observer.NextAsync("a list"), await fixture.Observer.NextAsync("the other list")];
        await fixture.Observer.ExpectAsync("connected");
        Assert.Equal(["listed ApplicationBackup []", "listed ApplicationRestore []"], listed.Order(StringComparer.Ordinal));
        Assert.Single(connections);
    }

    [Fact]
    public async Task A_normal_end_is_resumed_from_the_last_version_without_a_word()
    {
        await using var fixture = await WatchFixture.StartAsync();
        var watch = await fixture.ConnectedAsync();
        await watch.EventAsync("MODIFIED", Backup("b-1", 20));
        await watch.EventAsync("BOOKMARK", Bookmark(33));
        await watch.EventAsync("MODIFIED", Backup("b-1", 34));
        await fixture.Observer.ExpectAsync("changed b-1@20 Volumes/Pending u-b-1", "changed b-1@34 Volumes/Pending u-b-1");

        fixture.Time.Advance(TimeSpan.FromSeconds(450));
        watch.End();

        var resumed = await fixture.Api.NextAsync("the resumed watch");
        Assert.Equal(("true", "34"), (resumed.Query("watch"), resumed.Query("resourceVersion")));
        await resumed.AcceptAsync();
        await resumed.EventAsync("MODIFIED", Backup("b-1", 35));
        await fixture.Observer.ExpectAsync("changed b-1@35 Volumes/Pending u-b-1");
    }

    [Fact]
    public async Task A_watch_that_ends_at_once_is_followed_by_a_backoff_and_no_busy_loop()
    {
        await using var fixture = await WatchFixture.StartAsync();
        (await fixture.ConnectedAsync()).End();

        Assert.Equal(TimeSpan.FromSeconds(0.5), await fixture.Time.PassBackoffAsync());
        var again = await fixture.Api.NextAsync("the second watch");
        await again.AcceptAsync();
        again.End();
        Assert.Equal(TimeSpan.FromSeconds(1), await fixture.Time.PassBackoffAsync());
    }

    [Fact]
    public async Task A_cut_inside_a_line_is_resumed_from_the_last_whole_line()
    {
        await using var fixture = await WatchFixture.StartAsync();
        var watch = await fixture.ConnectedAsync();
        await watch.EventAsync("MODIFIED", Backup("b-1", 11));
        await watch.SendAsync("""{"type":"MODIFIED","object":{"metadata":{"name":"b-""");
        await fixture.Observer.ExpectAsync("changed b-1@11 Volumes/Pending u-b-1");

        watch.Abort();
        await fixture.Time.PassBackoffAsync();

        Assert.Equal("11", (await fixture.Api.NextAsync("the resumed watch")).Query("resourceVersion"));
        fixture.Observer.ExpectNothingMore();
    }

    [Fact]
    public async Task A_line_that_is_no_JSON_leads_to_a_list()
    {
        await using var fixture = await WatchFixture.StartAsync();
        var watch = await fixture.ConnectedAsync();

        await watch.SendAsync("<html>\n");
        await fixture.Time.PassBackoffAsync();

        Assert.Null((await fixture.Api.NextAsync("the list")).Query("watch"));
    }

    [Theory, InlineData(true), InlineData(false)]
    public async Task Gone_leads_to_a_list_at_once_and_is_no_loss(bool asLine)
    {
        await using var fixture = await WatchFixture.StartAsync();
        var watch = await fixture.ConnectedAsync();
        if (asLine)
        {
            await watch.EventAsync("ERROR", """{"kind":"Status","status":"Failure","reason":"Expired","message":"too old resource version","code":410}""");
        }
        else
        {
            fixture.Time.Advance(TimeSpan.FromSeconds(450));
            watch.End();
            await (await fixture.Api.NextAsync("the resumed watch")).RefuseAsync(410, "Expired");
        }

        var list = await fixture.Api.NextAsync("the list after 410");
        Assert.Null(list.Query("watch"));
        await list.ListAsync("50", Backup("b-7", 49));
        Assert.Equal("50", (await fixture.Api.NextAsync("the watch after the list")).Query("resourceVersion"));
        await fixture.Observer.ExpectAsync("listed ApplicationBackup [b-7@49]");
        fixture.Observer.ExpectNothingMore();
    }

    [Fact]
    public async Task Gone_again_and_again_waits()
    {
        await using var fixture = await WatchFixture.StartAsync();
        var watch = await fixture.ConnectedAsync();
        await watch.EventAsync("ERROR", """{"code":410}""");
        await (await fixture.Api.NextAsync("the list")).ListAsync("50");
        await (await fixture.Api.NextAsync("the watch")).RefuseAsync(410, "Expired");

        Assert.Equal(TimeSpan.FromSeconds(1), await fixture.Time.PassBackoffAsync());
        Assert.Null((await fixture.Api.NextAsync("the second list")).Query("watch"));
    }

    [Fact]
    public async Task A_continue_token_that_expires_starts_the_list_again_and_what_was_told_is_told_anew()
    {
        await using var fixture = await WatchFixture.StartAsync();
        await (await fixture.Api.NextAsync("page 1")).AnswerAsync(200, $$"""{"metadata":{"resourceVersion":"10","continue":"c"},"items":[{{Backup("old", 5)}}]}""");
        await (await fixture.Api.NextAsync("page 2")).RefuseAsync(410, "Expired");

        var again = await fixture.Api.NextAsync("page 1 again");
        await again.ListAsync("20", Backup("new", 19));

        Assert.Null(again.Query("continue"));
        await fixture.Observer.ExpectAsync("listed ApplicationBackup [old@5]", "listed ApplicationBackup [new@19]");
    }

    [Fact]
    public async Task Silence_is_ended_by_the_watchdog_and_the_watch_resumed()
    {
        await using var fixture = await WatchFixture.StartAsync();
        var watch = await fixture.ConnectedAsync();
        await watch.EventAsync("BOOKMARK", Bookmark(40));
        await watch.EventAsync("MODIFIED", Backup("b-1", 41));
        await fixture.Observer.ExpectAsync("changed b-1@41 Volumes/Pending u-b-1");

        // The first look finds a line of a moment ago at the latest; a later one comes a full silence after it. Each step leaves the
        // watchdog real time to set its next look, and all of them stay below the next full list.
        var next = fixture.Api.NextAsync("the resumed watch");
        for (var step = 0; step < 5 && !next.IsCompleted; step++)
        {
            fixture.Time.Advance(TimeSpan.FromMinutes(4));
            await Task.WhenAny(next, Task.Delay(TimeSpan.FromMilliseconds(300), TestContext.Current.CancellationToken));
        }

        var resumed = await next;
        Assert.Equal("41", resumed.Query("resourceVersion"));
        fixture.Observer.ExpectNothingMore();
    }

    [Fact]
    public async Task Versions_that_run_backwards_lead_to_a_list_and_the_line_is_not_told()
    {
        await using var fixture = await WatchFixture.StartAsync();
        var watch = await fixture.ConnectedAsync();
        await watch.EventAsync("MODIFIED", Backup("b-1", 11));
        await watch.EventAsync("MODIFIED", Backup("b-1", 3));

        await fixture.Time.PassBackoffAsync();
        var list = await fixture.Api.NextAsync("the list");

        Assert.Null(list.Query("watch"));
        await list.ListAsync("4", Backup("b-1", 3));
        Assert.Equal("4", (await fixture.Api.NextAsync("the watch")).Query("resourceVersion"));
        await fixture.Observer.ExpectAsync("changed b-1@11 Volumes/Pending u-b-1", "listed ApplicationBackup [b-1@3]");
    }

    [Fact]
    public async Task Throttling_is_told_and_its_Retry_After_is_honoured()
    {
        await using var fixture = await WatchFixture.StartAsync();

        await (await fixture.Api.NextAsync("the list")).RefuseAsync(429, "TooManyRequests", ("Retry-After", "17"));
        Assert.Equal(TimeSpan.FromSeconds(17.5), await fixture.Time.PassBackoffAsync());
        await (await fixture.Api.NextAsync("the list again")).RefuseAsync(429, "TooManyRequests", ("Retry-After", "86400"));
        Assert.Equal(TimeSpan.FromSeconds(301), await fixture.Time.PassBackoffAsync());

        await fixture.Observer.ExpectAsync("lost Throttled");
        fixture.Observer.ExpectNothingMore();
    }

    [Fact]
    public async Task Backoff_doubles_up_to_a_minute()
    {
        await using var fixture = await WatchFixture.StartAsync();
        var waits = new List<double>();
        for (var i = 0; i < 9; i++)
        {
            await (await fixture.Api.NextAsync("the list")).RefuseAsync(500, "InternalError");
            waits.Add((await fixture.Time.PassBackoffAsync()).TotalSeconds);
        }

        Assert.Equal([0.5, 1, 2, 4, 8, 16, 30, 30, 30], waits);
        await fixture.Observer.ExpectAsync("lost ApiUnavailable");
    }

    [Fact]
    public async Task A_sign_in_that_expires_is_told_and_the_next_token_is_used()
    {
        var tokens = new RotatingTokens();
        await using var fixture = await WatchFixture.StartAsync(tokens);
        var watch = await fixture.ConnectedAsync();
        fixture.Time.Advance(TimeSpan.FromSeconds(450));
        watch.End();
        var refused = await fixture.Api.NextAsync("the resumed watch");
        await refused.RefuseAsync(401, "Unauthorized");
        await fixture.Time.PassBackoffAsync();
        var accepted = await fixture.Api.NextAsync("the watch with a new token");
        await accepted.AcceptAsync();

        Assert.Equal(("Bearer token-1", "Bearer token-2", "10"), (refused.Header("Authorization"), accepted.Header("Authorization"), accepted.Query("resourceVersion")));
        await fixture.Observer.ExpectAsync("lost Unauthorized", "connected");
    }

    [Fact]
    public async Task An_observer_that_fails_is_given_the_full_picture_again()
    {
        await using var fixture = await WatchFixture.StartAsync();
        var watch = await fixture.ConnectedAsync();
        fixture.Observer.FailNext = new InvalidOperationException("the grain is busy");
        await watch.EventAsync("MODIFIED", Backup("b-1", 11));

        await fixture.Time.PassBackoffAsync();
        await (await fixture.Api.NextAsync("the list")).ListAsync("12", Backup("b-1", 11));

        await fixture.Observer.ExpectAsync("listed ApplicationBackup [b-1@11]");
    }

    [Fact]
    public async Task A_full_list_comes_again_when_its_time_has_come()
    {
        await using var fixture = await WatchFixture.StartAsync();
        var watch = await fixture.ConnectedAsync();
        fixture.Time.Advance(TimeSpan.FromHours(4));
        watch.End();

        var list = await fixture.Api.NextAsync("the periodic list");

        Assert.Null(list.Query("watch"));
    }

    [Fact]
    public async Task A_missing_definition_is_told_as_missing_Stork()
    {
        await using var fixture = await WatchFixture.StartAsync();

        await (await fixture.Api.NextAsync("the list")).AnswerAsync(404, "404 page not found", "text/plain");

        await fixture.Observer.ExpectAsync("lost StorkMissing");
    }

    private sealed class RotatingTokens : IBearerTokenSource
    {
        private int _rotation = 1;

        public ValueTask<string> GetTokenAsync(CancellationToken cancellationToken) => new($"token-{_rotation}");

        public void Rejected(string token) => _rotation++;
    }
}
