using System.Diagnostics;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using PxBackup.Stork;
using PxBackup.Stork.Resources;
using Xunit;

namespace PxBackup.Tests.Adapters.Stork;

/// <summary>What the Stork adapter relies on in every Kubernetes API server. Stork itself does not run: the tests write its status.</summary>
public abstract class StorkAdapterSuite
{
    protected const string Namespace = "kube-system";
    protected const string Label = "pxbackup.example.com/run";

    /// <summary>Separates this test's resources from those of others.</summary>
    protected string Run { get; } = Guid.NewGuid().ToString("N")[..12];

    protected static CancellationToken Token => TestContext.Current.CancellationToken;

    private string Selector => $"{Label}={Run}";

    [Fact]
    public async Task What_was_created_is_found_and_cannot_be_created_twice()
    {
        await using var cluster = await OpenAsync();

        var created = await cluster.CreateAsync(Rule("a"), Token);
        var found = await cluster.FindAsync<StorkRule>(Namespace, Name("a"), Token);
        var again = await Assert.ThrowsAsync<ApiException>(() => cluster.CreateAsync(Rule("a"), Token));

        Assert.NotEmpty(created.Metadata.Uid);
        Assert.NotEmpty(created.Metadata.ResourceVersion);
        Assert.NotNull(created.Metadata.CreationTimestamp);
        Assert.Equal((created.Metadata.Uid, "sync", Run), (found!.Metadata.Uid, found.Rules[0].Actions[0].Value, found.Metadata.Labels[Label]));
        Assert.True(again.IsAlreadyExists, again.Message);
        Assert.False(again.IsConflict);
    }

    [Fact]
    public async Task What_is_not_there_is_told_without_an_error_where_that_is_an_answer()
    {
        await using var cluster = await OpenAsync();

        Assert.Null(await cluster.FindAsync<StorkRule>(Namespace, Name("none"), Token));
        Assert.False(await cluster.DeleteAsync<StorkRule>(Namespace, Name("none"), null, Token));
        var patch = await Assert.ThrowsAsync<ApiException>(() => cluster.MergePatchAsync<StorkRule>(Namespace, Name("none"), new JsonObject { ["rules"] = null }, Token));
        Assert.True(patch.IsNotFound && !patch.IsUnknownType, patch.Message);
    }

    [Fact]
    public async Task A_merge_patch_changes_what_it_names_removes_nulls_and_leaves_the_rest()
    {
        await using var cluster = await OpenAsync();
        var backup = await cluster.CreateAsync(Backup("a"), Token);

        var patched = await cluster.MergePatchAsync<ApplicationBackup>(Namespace, Name("a"),
            new JsonObject { ["spec"] = new JsonObject { ["reclaimPolicy"] = "Retain", ["selectors"] = null }, ["status"] = new JsonObject { ["stage"] = "Volumes" } }, Token);

        Assert.Equal(("Retain", "s3", "Volumes"), (patched.Spec.ReclaimPolicy, patched.Spec.BackupLocation, patched.Status.Stage));
        Assert.Equal(["shop"], patched.Spec.Namespaces);
        Assert.Empty(patched.Spec.Selectors);
        Assert.NotEqual(backup.Metadata.ResourceVersion, patched.Metadata.ResourceVersion);
    }

    [Fact]
    public async Task A_patch_of_an_older_version_is_a_conflict()
    {
        await using var cluster = await OpenAsync();
        var old = (await cluster.CreateAsync(Rule("a"), Token)).Metadata.ResourceVersion;
        await cluster.MergePatchAsync<StorkRule>(Namespace, Name("a"), Annotation("1"), Token);

        var stale = Annotation("2");
        stale["metadata"]!["resourceVersion"] = old;
        var conflict = await Assert.ThrowsAsync<ApiException>(() => cluster.MergePatchAsync<StorkRule>(Namespace, Name("a"), stale, Token));

        Assert.True(conflict.IsConflict, conflict.Message);
        Assert.False(conflict.IsAlreadyExists);
    }

    [Fact]
    public async Task A_delete_meant_for_another_object_of_the_name_does_nothing()
    {
        await using var cluster = await OpenAsync();
        var created = await cluster.CreateAsync(Rule("a"), Token);

        Assert.False(await cluster.DeleteAsync<StorkRule>(Namespace, Name("a"), Guid.NewGuid().ToString(), Token));
        Assert.NotNull(await cluster.FindAsync<StorkRule>(Namespace, Name("a"), Token));
        Assert.True(await cluster.DeleteAsync<StorkRule>(Namespace, Name("a"), created.Metadata.Uid, Token));
        Assert.Null(await cluster.FindAsync<StorkRule>(Namespace, Name("a"), Token));
    }

    [Fact]
    public async Task A_finalizer_keeps_a_deleted_object_until_it_is_taken_away()
    {
        await using var cluster = await OpenAsync();
        var rule = Rule("a");
        rule.Metadata.Finalizers = ["pxbackup.example.com/test"];
        await cluster.CreateAsync(rule, Token);

        Assert.True(await cluster.DeleteAsync<StorkRule>(Namespace, Name("a"), null, Token));
        var kept = await cluster.FindAsync<StorkRule>(Namespace, Name("a"), Token);
        await cluster.MergePatchAsync<StorkRule>(Namespace, Name("a"), new JsonObject { ["metadata"] = new JsonObject { ["finalizers"] = null } }, Token);

        Assert.NotNull(kept?.Metadata.DeletionTimestamp);
        Assert.Null(await cluster.FindAsync<StorkRule>(Namespace, Name("a"), Token));
    }

    [Fact]
    public async Task A_list_gathers_its_pages_and_keeps_to_the_selector()
    {
        await using var cluster = await OpenAsync(new ClusterConnectionOptions { PageSize = 3 });
        var names = Enumerable.Range(0, 7).Select(i => $"r{i}").ToList();
        foreach (var name in names)
            await cluster.CreateAsync(Rule(name), Token);
        var other = Rule("other");
        other.Metadata.Labels.Clear();
        await cluster.CreateAsync(other, Token);

        var list = await cluster.ListAsync<StorkRule>(Namespace, Selector, Token);
        var everywhere = await cluster.ListAsync<StorkRule>(null, Selector, Token);

        Assert.Equal(names.Select(Name), list.Items.Select(item => item.Metadata.Name).Order(StringComparer.Ordinal));
        Assert.Equal(7, everywhere.Items.Count);
        Assert.NotEmpty(list.ResourceVersion);
        Assert.Contains((await cluster.ListAsync<StorkRule>(Namespace, null, Token)).Items, item => item.Metadata.Name == Name("other"));
    }

    [Fact]
    public async Task A_watch_tells_what_is_there_then_every_change_and_nothing_of_others()
    {
        await using var cluster = await OpenAsync();
        await cluster.CreateAsync(Backup("before"), Token);
        await using var watch = Watch(cluster);

        await watch.Told.UntilAsync("listed", resource => resource.Name == Name("before") && resource.OwnerUid == Run);
        await watch.Told.UntilAsync("connected");
        var foreign = Backup("foreign");
        foreign.Metadata.Labels.Clear();
        await cluster.CreateAsync(foreign, Token);
        await cluster.CreateAsync(Restore("restore"), Token);
        await cluster.CreateAsync(Backup("new"), Token);
        await cluster.MergePatchAsync<ApplicationBackup>(Namespace, Name("new"), Status("Final", "Successful"), Token);
        await cluster.MergePatchAsync<ApplicationBackup>(Namespace, Name("before"), new JsonObject { ["metadata"] = new JsonObject { ["labels"] = null } }, Token);

        var passed = (await watch.Told.UntilAsync("changed", resource => resource.Name == Name("new") && resource is { Finished: true, ResourceCount: 3, Reason: "because" }))
            .Concat(await watch.Told.UntilAsync("deleted", resource => resource.Name == Name("before"))).ToList();
        await cluster.DeleteAsync<ApplicationBackup>(Namespace, Name("new"), null, Token);
        passed.AddRange(await watch.Told.UntilAsync("deleted", resource => resource.Name == Name("new")));
        Assert.Contains($"changed {Name("restore")} ", passed);
        Assert.DoesNotContain(passed, told => told.Contains("foreign", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_watch_that_the_server_ends_is_resumed_without_a_gap_a_loss_or_a_new_list()
    {
        await using var cluster = await OpenAsync(new ClusterConnectionOptions { WatchMinimum = TimeSpan.FromSeconds(1), WatchMaximum = TimeSpan.FromSeconds(1.5) });
        await cluster.CreateAsync(Backup("a"), Token);
        await using var watch = Watch(cluster);
        await watch.Told.UntilAsync("connected");

        // Changes over several lives of a watch, each awaited: not one may be missing.
        var started = Stopwatch.GetTimestamp();
        var passed = new List<string>();
        for (var i = 1; Stopwatch.GetElapsedTime(started) < TimeSpan.FromSeconds(5); i++)
        {
            var number = i;
            await cluster.MergePatchAsync<ApplicationBackup>(Namespace, Name("a"), new JsonObject { ["status"] = new JsonObject { ["resourceCount"] = i } }, Token);
            passed.AddRange(await watch.Told.UntilAsync("changed", resource => resource.ResourceCount == number));
        }

        Assert.DoesNotContain(passed, told => told.StartsWith("list", StringComparison.Ordinal) || told.StartsWith("lost", StringComparison.Ordinal));
    }

    protected abstract Task<ClusterEndpoint> EndpointAsync();

    protected async Task<IClusterConnection> OpenAsync(ClusterConnectionOptions? options = null) =>
        new ClusterConnectionFactory(options ?? new ClusterConnectionOptions(), new EndpointPolicy(new EndpointPolicyOptions { AllowLoopback = true }), TimeProvider.System, NullLoggerFactory.Instance)
            .Open(await EndpointAsync());

    private protected RunningWatch Watch(IClusterConnection cluster) =>
        new(cluster, new WatchRequest { Namespace = Namespace, LabelSelector = Selector, UidLabel = Label });

    protected string Name(string name) => $"{name}-{Run}";

    protected ApplicationBackup Backup(string name) =>
        new() { Metadata = Metadata(name), Spec = { Namespaces = ["shop"], BackupLocation = "s3", Selectors = { ["app"] = "web" } } };

    protected static JsonObject Status(string stage, string status) =>
        new() { ["status"] = new JsonObject { ["stage"] = stage, ["status"] = status, ["reason"] = "because", ["resourceCount"] = 3 } };

    private ApplicationRestore Restore(string name) => new() { Metadata = Metadata(name), Spec = { BackupName = "none", ReplacePolicy = "Retain" } };

    private StorkRule Rule(string name) =>
        new() { Metadata = Metadata(name), Rules = [new StorkRuleItem { PodSelector = { ["app"] = "db" }, Actions = [new StorkRuleAction { Type = "command", Value = "sync" }] }] };

    private ResourceMetadata Metadata(string name) => new() { Name = Name(name), Namespace = Namespace, Labels = { [Label] = Run } };

    private static JsonObject Annotation(string value) => new() { ["metadata"] = new JsonObject { ["annotations"] = new JsonObject { ["note"] = value } } };
}
