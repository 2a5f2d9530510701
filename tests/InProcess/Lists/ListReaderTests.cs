using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using PxBackup.Api;
using PxBackup.Gateway.Lists;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.Catalog;
using PxBackup.Grains.Interfaces.Organizations;
using PxBackup.Tests.InProcess.Gateway;
using Xunit;

namespace PxBackup.Tests.InProcess.Lists;

/// <summary>Lists through both surfaces, before a catalog that answers in portions as the real one does.</summary>
public sealed class ListReaderTests : IClassFixture<SmallListsHost>
{
    private readonly SmallListsHost _host;
    private readonly List<BackupObject> _stored = [.. Enumerable.Range(0, 1200).Select(i => Named($"b{i:0000}"))];
    private int _asked;

    public ListReaderTests(SmallListsHost host)
    {
        _host = host;
        host.Grains.Answer<ICatalogGrain>("EnumerateAsync", call => Portion(call.Argument<BackupEnumerateRequest>()));
    }

    private Backup.BackupClient Backups => new(_host.Channel);

    [Theory]
    [InlineData(0, 0, 1200, true)]
    [InlineData(0, 700, 500, true)]
    [InlineData(900, 0, 900, false)]
    [InlineData(600, 600, 600, true)]
    [InlineData(100, 100, 100, false)]
    [InlineData(5, 1200, 0, true)]
    public async Task A_list_is_gathered_from_portions(ulong max, ulong index, int shown, bool complete)
    {
        var list = await ListAsync(max, index);

        Assert.Equal(_stored.Skip((int)index).Take(shown).Select(backup => backup.Metadata.Name), list.Backups.Select(backup => backup.Metadata.Name));
        Assert.Equal((1200UL, complete), (list.TotalCount, list.Complete));
    }

    [Fact]
    public async Task A_list_longer_than_the_limit_ends_there_says_so_and_goes_on_where_it_ended()
    {
        foreach (var backup in _stored)
            backup.Metadata.Labels["filler"] = new string('f', 1000);

        var names = new List<string>();
        BackupEnumerateResponse page;
        do
        {
            page = await ListAsync(0, (ulong)names.Count);
            Assert.Equal(1200UL, page.TotalCount);
            Assert.InRange(page.CalculateSize(), 1, SmallListsHost.MaxBytes + 10_000);
            names.AddRange(page.Backups.Select(backup => backup.Metadata.Name));
        }
        while (!page.Complete);

        Assert.Equal(_stored.Select(backup => backup.Metadata.Name), names);
    }

    [Fact]
    public async Task One_object_larger_than_the_limit_does_not_break_the_list()
    {
        _stored[600].Metadata.Labels["filler"] = new string('f', 2 * SmallListsHost.MaxBytes);

        var names = new List<string>();
        for (var complete = false; !complete;)
        {
            var page = await ListAsync(0, (ulong)names.Count);
            Assert.NotEmpty(page.Backups);
            names.AddRange(page.Backups.Select(backup => backup.Metadata.Name));
            complete = page.Complete;
        }

        Assert.Equal(_stored.Select(backup => backup.Metadata.Name), names);
    }

    [Fact]
    public async Task Objects_that_appear_and_vanish_between_portions_make_none_of_the_others_missing_or_double()
    {
        var others = _stored.Where((_, i) => i % 7 != 3).Select(backup => backup.Metadata.Name).ToList();
        _host.Grains.Answer<ICatalogGrain>("EnumerateAsync", call =>
        {
            var portion = Portion(call.Argument<BackupEnumerateRequest>());
            if (_asked == 1)
                _stored.RemoveAll(backup => others.BinarySearch(backup.Metadata.Name, StringComparer.Ordinal) < 0);
            if (_asked == 2)
                _stored.InsertRange(0, Enumerable.Range(0, 30).Select(i => Named($"a{i:0000}")));
            return portion;
        });

        var list = await ListAsync(0, 0);

        var names = list.Backups.Select(backup => backup.Metadata.Name).Where(name => name[0] == 'b').ToList();
        Assert.Equal(names.Count, names.Distinct().Count());
        Assert.Empty(others.Except(names));
        Assert.True(list.Complete);
    }

    [Fact]
    public async Task No_portion_asks_for_more_than_a_catalog_answers()
    {
        await ListAsync(0, 0);

        Assert.All(_host.Grains.Calls.Where(call => call is { Method: "EnumerateAsync", Arguments: [BackupEnumerateRequest, ..] }),
            call => Assert.InRange(call.Argument<BackupEnumerateRequest>().EnumerateOptions.MaxObjects, 1UL, ListReader.PortionObjects + 1UL));
    }

    [Fact]
    public async Task The_room_of_a_list_is_given_back_when_it_was_sent_and_when_it_failed()
    {
        await ListAsync(0, 0);
        _host.Grains.Answer<ICatalogGrain>("EnumerateAsync", _ => throw new DomainException(ErrorReason.StoreUnavailable, "down"));
        await Assert.ThrowsAsync<RpcException>(() => ListAsync(0, 0));
        using var rest = await _host.Http.SendAsync(new(HttpMethod.Get, "/v1/backup/default") { Headers = { { "Authorization", FakeTokens.User } } }, TestContext.Current.CancellationToken);

        Assert.Equal(503, (int)rest.StatusCode);
        // The server ends a request after its answer has left.
        for (var i = 0; i < 200 && _host.Gate.Taken > 0; i++)
            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, TestContext.Current.CancellationToken);
        Assert.Equal(0, _host.Gate.Taken);
    }

    [Fact]
    public async Task A_misspelt_organization_is_not_found_in_every_list()
    {
        _host.Grains.Answer<IOrganizationGrain>("InspectAsync", call => throw DomainException.NotFound(ObjectKind.Organization, call.Key.Split('/')[^1]));
        Func<Task>[] lists =
        [
            async () => await Backups.EnumerateAsync(new() { OrgId = "defualt" }, GatewayHost.As(FakeTokens.User)),
            async () => await new Restore.RestoreClient(_host.Channel).EnumerateAsync(new() { OrgId = "defualt" }, GatewayHost.As(FakeTokens.User)),
            async () => await new Cluster.ClusterClient(_host.Channel).EnumerateAsync(new() { OrgId = "defualt" }, GatewayHost.As(FakeTokens.User)),
            async () => await new BackupLocation.BackupLocationClient(_host.Channel).EnumerateAsync(new() { OrgId = "defualt" }, GatewayHost.As(FakeTokens.User)),
            async () => await new CloudCredential.CloudCredentialClient(_host.Channel).EnumerateAsync(new() { OrgId = "defualt" }, GatewayHost.As(FakeTokens.User)),
        ];

        foreach (var list in lists)
            Assert.Equal("failed to retrieve organization [defualt]: object not found", (await Assert.ThrowsAsync<RpcException>(list)).Status.Detail);
    }

    private static BackupObject Named(string name) => new() { Metadata = new() { Name = name, Uid = name } };

    private async Task<BackupEnumerateResponse> ListAsync(ulong max, ulong index) =>
        await Backups.EnumerateAsync(new() { EnumerateOptions = new() { MaxObjects = max, ObjectIndex = index } }, GatewayHost.As(FakeTokens.User));

    // As CatalogGrain: at most 500 objects and 200 KB, one object at least.
    private BackupEnumerateResponse Portion(BackupEnumerateRequest request)
    {
        _asked++;
        var (answer, bytes) = (new BackupEnumerateResponse { TotalCount = (ulong)_stored.Count }, 0);
        var limit = (int)Math.Min(request.EnumerateOptions.MaxObjects == 0 ? ulong.MaxValue : request.EnumerateOptions.MaxObjects, 500);
        foreach (var backup in _stored.Skip((int)request.EnumerateOptions.ObjectIndex).Take(limit))
        {
            bytes += backup.CalculateSize();
            if (answer.Backups.Count > 0 && bytes > 200_000)
                break;
            answer.Backups.Add(backup);
        }

        answer.Complete = request.EnumerateOptions.ObjectIndex + (ulong)answer.Backups.Count >= answer.TotalCount;
        return answer;
    }
}

/// <summary>A gateway whose lists end early.</summary>
public sealed class SmallListsHost : GatewayHost
{
    public const int MaxBytes = 512 * 1024;

    internal ListGate Gate => Services.GetRequiredService<ListGate>();

    protected override void Configure(IServiceCollection services) => services.Configure<ListLimits>(limits => (limits.MaxBytes, limits.MaxBytesAtOnce) = (MaxBytes, 8 * 1024 * 1024));
}
