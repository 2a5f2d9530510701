using System.Text;
using PxBackup.Api;
using Xunit;
using Order = PxBackup.Api.SortOption.Types.SortOrderType.Types.Type;
using Sort = PxBackup.Api.SortOption.Types.SortByType.Types.Type;

namespace PxBackup.Tests.EndToEnd;

/// <summary>Twelve backups, three of them failed, as the lists show them.</summary>
public class Lists(Lists.Backups backups) : IClassFixture<Lists.Backups>
{
    private const int Count = 12;

    private Client Admin => backups.Machine.Admin;

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(100)]
    public async Task Pages_hold_every_backup_once_newest_first_and_say_when_they_end(ulong size)
    {
        var names = new List<string>();
        while (true)
        {
            var page = await ListAsync(new() { MaxObjects = size, ObjectIndex = (ulong)names.Count });
            Assert.Equal((ulong)Count, page.TotalCount);
            Assert.InRange(page.Backups.Count, 1, (int)size);
            names.AddRange(page.Backups.Select(backup => backup.Metadata.Name));
            Assert.Equal(names.Count == Count, page.Complete);
            if (page.Complete)
                break;
        }

        Assert.Equal(backups.Names.Reverse(), names);
    }

    [Fact]
    public async Task A_page_past_the_end_is_empty_and_still_counts()
    {
        var page = await ListAsync(new() { MaxObjects = 5, ObjectIndex = 50 });

        Assert.Empty(page.Backups);
        Assert.Equal((ulong)Count, page.TotalCount);
        Assert.True(page.Complete);
    }

    [Fact]
    public async Task Without_options_everything_is_listed_without_the_long_lists_of_resources()
    {
        var all = await Admin.Backups.EnumerateAsync(new BackupEnumerateRequest { OrgId = Client.Org }, Admin.Options);
        var detailed = await ListAsync(new() { IncludeDetailedResources = true, Status = { "Success" } });

        Assert.Equal(Count, all.Backups.Count);
        Assert.True(all.Complete);
        Assert.All(all.Backups, backup => Assert.Empty(backup.BackupInfo.Resources));
        Assert.All(detailed.Backups, backup => Assert.NotEmpty(backup.BackupInfo.Resources));
    }

    [Theory]
    [InlineData(Sort.Name, Order.Ascending)]
    [InlineData(Sort.Name, Order.Descending)]
    [InlineData(Sort.CreationTimestamp, Order.Ascending)]
    [InlineData(Sort.CreationTimestamp, Order.Descending)]
    public async Task Sorted_as_asked_for_by(Sort by, Order order)
    {
        var page = await ListAsync(new() { SortOption = new SortOption { SortBy = new() { Type = by }, SortOrder = new() { Type = order } } });

        IEnumerable<string> ascending = by == Sort.Name ? backups.Names.Order(StringComparer.Ordinal) : backups.Names;
        Assert.Equal(order == Order.Ascending ? ascending : ascending.Reverse(), page.Backups.Select(backup => backup.Metadata.Name));
    }

    [Fact]
    public async Task Filters_narrow_the_list_and_its_count()
    {
        await AssertAsync(new() { NameFilter = "odd" }, name => name.Contains("odd", StringComparison.Ordinal));
        await AssertAsync(new() { Status = { "Failed" } }, name => name.Contains("failed", StringComparison.Ordinal));
        await AssertAsync(new() { Status = { "Success", "Failed" } }, _ => true);
        await AssertAsync(new() { Labels = { ["kind"] = "even" } }, name => name.Contains("even", StringComparison.Ordinal));
        await AssertAsync(new() { Labels = { ["kind"] = "even", ["absent"] = "x" } }, _ => false);
        await AssertAsync(new() { ClusterNameFilter = backups.Machine.Cluster.Name, ClusterUidFilter = backups.Machine.Cluster.Uid }, _ => true);
        await AssertAsync(new() { ClusterUidFilter = "no-such-uid" }, _ => false);
        await AssertAsync(new() { NameFilter = "odd", Status = { "Success" } }, name => name.Contains("odd", StringComparison.Ordinal));
        await AssertAsync(new() { TimeRange = new TimeRange { StartTime = backups.Created[3], EndTime = backups.Created[5] } }, name => backups.Names.ToList().IndexOf(name) is >= 3 and <= 5);
    }

    [Fact]
    public async Task REST_lists_alike_by_query_and_by_body()
    {
        var query = await Admin.Rest.DoAsync(HttpMethod.Get, "/v1/backup/default?enumerate_options.name_filter=odd&enumerate_options.max_objects=2&enumerate_options.labels[kind]=odd");
        var body = await Admin.Rest.DoAsync(HttpMethod.Post, "/v1/backup/default/enumerate", """{"enumerate_options":{"name_filter":"odd","max_objects":"2","labels":{"kind":"odd"}}}""");

        Assert.Equal(query.ToJsonString(), body.ToJsonString());
        Assert.Equal(2, query["backups"]!.AsArray().Count);
        Assert.Equal("4", query["total_count"]!.GetValue<string>());
        Assert.False(query["complete"]!.GetValue<bool>());
    }

    [Fact]
    public async Task Secrets_are_shown_only_to_who_asks_for_them()
    {
        var machine = backups.Machine;
        var kubeconfig = Convert.ToBase64String(Encoding.UTF8.GetBytes(machine.Simulated.Kubeconfig));

        var hidden = await machine.Admin.Clusters.EnumerateAsync(new ClusterEnumerateRequest { OrgId = Client.Org }, Admin.Options);
        var shown = await machine.Admin.Clusters.EnumerateAsync(new ClusterEnumerateRequest { OrgId = Client.Org, IncludeSecrets = true }, Admin.Options);
        var credential = (await Admin.Credentials.InspectAsync(new CloudCredentialInspectRequest { OrgId = Client.Org, Name = machine.Credential.Name }, Admin.Options)).CloudCredential;
        var open = (await Admin.Credentials.InspectAsync(new CloudCredentialInspectRequest { OrgId = Client.Org, Name = machine.Credential.Name, IncludeSecrets = true }, Admin.Options)).CloudCredential;
        var rest = await Admin.Rest.GetAsync("/v1/cloudcredential/default");

        Assert.All(hidden.Clusters, cluster => Assert.Empty(cluster.ClusterInfo.Kubeconfig));
        Assert.Equal(kubeconfig, Assert.Single(shown.Clusters, cluster => cluster.Metadata.Uid == machine.Cluster.Uid).ClusterInfo.Kubeconfig);
        Assert.Empty(credential.CloudCredentialInfo.AwsConfig.SecretKey);
        Assert.Equal(Machine.SecretKey, open.CloudCredentialInfo.AwsConfig.SecretKey);
        Assert.DoesNotContain(Machine.SecretKey, rest.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task No_secret_rests_in_a_data_file_or_stands_in_the_log()
    {
        var machine = backups.Machine;
        await Admin.Clusters.CreateAsync(Client.NewCluster("for-the-canaries", machine.Fleet.Clusters[1].Kubeconfig), Admin.Options);
        var canaries = new[] { Machine.SecretKey, "canary-wrong-secret-key", Machine.AdminPassword, machine.Simulated.Token, machine.Fleet.Clusters[1].Token }.SelectMany(Disguises).ToList();
        await machine.Server.StopAsync(); // So that everything is in the files.
        var files = Directory.GetFiles(machine.ServerData, "*", SearchOption.AllDirectories);
        Assert.Contains(files, file => file.EndsWith("records.db", StringComparison.Ordinal));

        foreach (var file in files)
        {
            var content = await File.ReadAllBytesAsync(file, TestContext.Current.CancellationToken);
            Assert.All(canaries, canary => Assert.True(content.AsSpan().IndexOf(Encoding.UTF8.GetBytes(canary)) < 0, $"{file} holds the secret {canary}"));
        }

        Assert.All(machine.LogLines, line => Assert.All(canaries, canary => Assert.DoesNotContain(canary, line, StringComparison.Ordinal)));
        await machine.StartServerAsync();
    }

    /// <summary>The secret as it is, and what is left of it in base64 at each of the three places where it can begin.</summary>
    private static IEnumerable<string> Disguises(string secret)
    {
        yield return secret;
        for (var shift = 0; shift < 3; shift++)
            yield return Convert.ToBase64String(Encoding.UTF8.GetBytes(secret[shift..(shift + ((secret.Length - shift) / 3 * 3))]));
    }

    private async Task AssertAsync(EnumerateOptions options, Func<string, bool> expected)
    {
        var names = backups.Names.Where(expected).Reverse().ToList();
        var page = await ListAsync(options);
        Assert.True(names.SequenceEqual(page.Backups.Select(backup => backup.Metadata.Name)), $"{options}: expected {string.Join(", ", names)}, found {string.Join(", ", page.Backups.Select(backup => backup.Metadata.Name))}");
        Assert.Equal((ulong)names.Count, page.TotalCount);
    }

    private async Task<BackupEnumerateResponse> ListAsync(EnumerateOptions options) =>
        await Admin.Backups.EnumerateAsync(new BackupEnumerateRequest { OrgId = Client.Org, EnumerateOptions = options }, Admin.Options);

    /// <summary>A machine with twelve finished backups.</summary>
    public sealed class Backups : IAsyncLifetime
    {
        internal Machine Machine { get; } = new();

        /// <summary>In the order of their creation.</summary>
        internal IReadOnlyList<string> Names { get; private set; } = [];

        internal IReadOnlyList<Google.Protobuf.WellKnownTypes.Timestamp> Created { get; private set; } = [];

        public async ValueTask InitializeAsync()
        {
            await Machine.InitializeAsync();
            var requests = new List<BackupCreateRequest>();
            for (var i = 0; i < Count; i++)
            {
                var kind = i >= 9 ? "failed" : i % 2 == 1 ? "odd" : "even";
                var request = Machine.BackupOf($"{(char)('a' + (i * 5 % Count))}-{kind}", kind == "failed" ? "never-was" : "shop");
                request.Metadata.Labels["kind"] = kind;
                requests.Add(request);
                await Machine.Admin.CreateAsync(request);
            }

            var ended = new List<BackupObject>();
            foreach (var request in requests)
                ended.Add(await Machine.Admin.EndAsync(request));
            (Names, Created) = ([.. ended.Select(backup => backup.Metadata.Name)], [.. ended.Select(backup => backup.Metadata.CreateTime)]);
        }

        public ValueTask DisposeAsync() => Machine.DisposeAsync();
    }
}
