using PxBackup.Api;
using PxBackup.Grains.Backups;
using PxBackup.Grains.Catalog;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.Catalog;
using PxBackup.Grains.Records;
using Xunit;
using static PxBackup.Tests.InProcess.GrainCluster;

namespace PxBackup.Tests.InProcess.Catalog;

[Collection(GrainCluster.Name)]
public sealed class CatalogGrainTests(GrainCluster cluster)
{
    private readonly string _org = "org-" + Guid.NewGuid();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private ICatalogGrain Catalog => cluster.Grains.Catalog();

    [Fact]
    public async Task A_name_stands_for_the_one_visible_object()
    {
        await AddCredentialAsync("c", "u1", "ann");
        await AddCredentialAsync("c", "u2", "bob");

        var found = await Catalog.ResolveAsync(ObjectKind.CloudCredential, _org, "c", "", Ann, Token);
        var several = await Assert.ThrowsAsync<DomainException>(() => Catalog.ResolveAsync(ObjectKind.CloudCredential, _org, "c", "", Admin, Token));

        Assert.Equal((new ObjectKey(_org, "u1"), "ann"), (found.Key, found.Owner));
        Assert.Equal((ErrorReason.AmbiguousName, "failed to retrieve cloud credential [c]: more than one object found with same name, please use the object UID along with name"), (several.Reason, several.Message));
    }

    [Theory]
    [InlineData("c", "u2")]
    [InlineData("other", "u2")]
    [InlineData("none", "")]
    public async Task A_foreign_and_a_missing_object_answer_alike(string name, string uid)
    {
        await AddCredentialAsync("c", "u1", "ann");
        await AddCredentialAsync("c", "u2", "bob");

        var refusal = await Assert.ThrowsAsync<DomainException>(() => Catalog.ResolveAsync(ObjectKind.CloudCredential, _org, name, uid, Ann, Token));

        Assert.Equal((ErrorReason.NotFound, $"failed to retrieve cloud credential [{name}]: object not found"), (refusal.Reason, refusal.Message));
    }

    [Fact]
    public async Task A_uid_with_another_name_says_which_one_to_those_who_may_see_it()
    {
        await AddCredentialAsync("c", "u1", "ann");

        var refusal = await Assert.ThrowsAsync<DomainException>(() => Catalog.ResolveAsync(ObjectKind.CloudCredential, _org, "other", "u1", Ann, Token));
        var foreign = await Assert.ThrowsAsync<DomainException>(() => Catalog.ResolveAsync(ObjectKind.CloudCredential, _org, "other", "u1", Bob, Token));

        Assert.Equal("failed to retrieve cloud credential [other]: object not found: the cloud credential with uid u1 has the name [c]", refusal.Message);
        Assert.Equal("failed to retrieve cloud credential [other]: object not found", foreign.Message);
    }

    [Fact]
    public async Task An_answer_holds_no_more_than_its_portion_whatever_was_asked_for_and_says_so()
    {
        for (var i = 0; i < CatalogReader.MostObjects + 5; i++)
            await AddCredentialAsync($"c{i}", $"u{i}", "ann");

        var all = await ListAsync(new());
        var rest = await ListAsync(new() { ObjectIndex = CatalogReader.MostObjects, MaxObjects = ulong.MaxValue });

        Assert.Equal((CatalogReader.MostObjects, (ulong)CatalogReader.MostObjects + 5, false), (all.CloudCredentials.Count, all.TotalCount, all.Complete));
        Assert.Equal((5, true), (rest.CloudCredentials.Count, rest.Complete));
    }

    [Fact]
    public async Task Large_objects_come_few_at_a_time_and_one_larger_than_an_answer_without_its_lists()
    {
        var large = Enumerable.Range(0, 12_000).Select(i => Resource("Deployment", $"{i}-{new string('n', 200)}")).ToArray();
        await AddBackupAsync("small", 3);
        await AddBackupAsync("large", 2, large);
        await AddBackupAsync("half", 1, large[..6_000]);
        await AddBackupAsync("other-half", 0, large[..6_000]);

        var pages = new List<BackupEnumerateResponse>();
        for (ulong index = 0; index < 4; index += (ulong)pages[^1].Backups.Count)
            pages.Add(await BackupsAsync(new() { IncludeDetailedResources = true, ObjectIndex = index }));

        var counts = pages.SelectMany(page => page.Backups).ToDictionary(backup => backup.Metadata.Name, backup => backup.BackupInfo.Resources.Count);
        Assert.Equal((0, 0, 6_000, 6_000), (counts["small"], counts["large"], counts["half"], counts["other-half"]));
        Assert.All(pages, page => Assert.Equal(4UL, page.TotalCount));
        Assert.Equal(4, pages.Count);
    }

    [Fact]
    public async Task Pages_never_overlap_and_the_count_is_that_of_what_the_caller_sees()
    {
        for (var i = 0; i < 5; i++)
            await AddCredentialAsync($"c{i}", $"u{i}", "ann");
        await AddCredentialAsync("foreign", "u9", "bob");

        var first = await ListAsync(new() { MaxObjects = 3 });
        var second = await ListAsync(new() { MaxObjects = 3, ObjectIndex = 3 });

        Assert.Equal((5UL, false, 5UL, true), (first.TotalCount, first.Complete, second.TotalCount, second.Complete));
        Assert.Equal(["c4", "c3", "c2", "c1", "c0"], first.CloudCredentials.Concat(second.CloudCredentials).Select(credential => credential.Metadata.Name));
    }

    [Fact]
    public async Task Secrets_are_listed_only_when_asked_for()
    {
        await AddCredentialAsync("c", "u1", "ann");

        var blank = await ListAsync(new());
        var open = await Catalog.EnumerateAsync(new CloudCredentialEnumerateRequest { OrgId = _org, IncludeSecrets = true }, Ann, Token);

        Assert.Equal(("", "made-up"), (blank.CloudCredentials[0].CloudCredentialInfo.AwsConfig.SecretKey, open.CloudCredentials[0].CloudCredentialInfo.AwsConfig.SecretKey));
    }

    [Fact]
    public async Task Resource_lists_are_left_out_unless_asked_for()
    {
        await AddBackupAsync("b", 1, [Resource("Deployment", "web")]);

        var brief = await BackupsAsync(new());
        var full = await BackupsAsync(new() { IncludeDetailedResources = true });

        Assert.Equal((0, 1), (brief.Backups[0].BackupInfo.Resources.Count, full.Backups[0].BackupInfo.Resources.Count));
    }

    [Fact]
    public async Task Backups_that_hold_a_resource_are_found_across_scan_pages_with_an_exact_count()
    {
        for (var i = 0; i < CatalogScan + 20; i++)
            await AddBackupAsync($"b{i:000}", i, [Resource("Deployment", i % 2 == 0 ? "web" : "db")]);

        var page = await BackupsAsync(new() { ResourceInfo = Resource("Deployment", "web"), MaxObjects = 10, ObjectIndex = 55 });

        Assert.Equal((60UL, 5, true), (page.TotalCount, page.Backups.Count, page.Complete));
        Assert.Equal("b008", page.Backups[0].Metadata.Name);
    }

    [Fact]
    public async Task A_failed_volume_excludes_its_claim_when_asked_to()
    {
        await AddBackupAsync("b", 1, Resource("PersistentVolumeClaim", "data"), new BackupInfo.Types.Volume
        {
            Pvc = "data",
            Namespace = "ns",
            Status = new() { Status = BackupInfo.Types.StatusInfo.Types.Status.Failed },
        });

        var all = await BackupsAsync(new() { ResourceInfo = Resource("PersistentVolumeClaim", "data") });
        var good = await BackupsAsync(new() { ResourceInfo = Resource("PersistentVolumeClaim", "data"), ExcludeFailedResource = true });

        Assert.Equal((1UL, 0UL), (all.TotalCount, good.TotalCount));
    }

    private static int CatalogScan => CatalogReader.ScanPage;

    private static ResourceInfo Resource(string kind, string name) => new() { Kind = kind, Name = name, Namespace = "ns" };

    private async Task<CloudCredentialEnumerateResponse> ListAsync(CommonEnumerateOptions options) =>
        await Catalog.EnumerateAsync(new CloudCredentialEnumerateRequest { OrgId = _org, EnumerateOptions = options }, Ann, Token);

    private async Task<BackupEnumerateResponse> BackupsAsync(EnumerateOptions options) =>
        await Catalog.EnumerateAsync(new BackupEnumerateRequest { OrgId = _org, EnumerateOptions = options }, Ann, Token);

    private async Task AddCredentialAsync(string name, string uid, string owner)
    {
        cluster.Time.Advance(TimeSpan.FromMilliseconds(1));
        await cluster.Grains.CloudCredential(new(_org, uid)).CreateAsync(new()
        {
            Metadata = new() { Name = name, Uid = uid, OrgId = _org },
            CloudCredential = new() { Type = CloudCredentialInfo.Types.Type.Aws, AwsConfig = new() { AccessKey = "AKIATEST", SecretKey = "made-up" } },
        }, owner == "ann" ? Ann : Bob, Token);
    }

    private Task<long> AddBackupAsync(string name, int second, params ResourceInfo[] resources) => AddBackupAsync(name, second, resources, volumes: []);

    private Task<long> AddBackupAsync(string name, int second, ResourceInfo resource, params BackupInfo.Types.Volume[] volumes) => AddBackupAsync(name, second, [resource], volumes);

    private Task<long> AddBackupAsync(string name, int second, ResourceInfo[] resources, BackupInfo.Types.Volume[] volumes)
    {
        var info = new BackupInfo { Resources = { resources }, Volumes = { volumes } };
        var record = new BackupRecord { Backup = new() { Metadata = new() { Name = name, Uid = name, OrgId = _org }, BackupInfo = info } };
        var at = DateTimeOffset.UnixEpoch.AddSeconds(second);
        return cluster.Store.InsertAsync(new(ObjectKind.Backup, _org, name), record,
            new RecordIndex { Name = name, Owner = "ann", CreatedAt = at, UpdatedAt = at, Status = "Success", Type = "All", Readers = ["u:ann"] });
    }
}
