using Grpc.Core;
using Orleans.Concurrency;
using PxBackup.Api;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.BackupLocations;
using PxBackup.Grains.Interfaces.Backups;
using PxBackup.Grains.Interfaces.Catalog;
using PxBackup.Grains.Interfaces.CloudCredentials;
using PxBackup.Grains.Interfaces.Clusters;
using PxBackup.Grains.Interfaces.Organizations;
using PxBackup.Grains.Interfaces.Restores;
using Xunit;
using Metadata = PxBackup.Api.Metadata;
using A = PxBackup.Tests.InProcess.Gateway.ValidationTests.A;

namespace PxBackup.Tests.InProcess.Gateway;

public sealed class ServiceTests : IClassFixture<GatewayHost>
{
    private static readonly CallOptions Alice = GatewayHost.As(FakeTokens.User);
    private readonly GatewayHost _host;
    private readonly FakeGrains _grains;

    public ServiceTests(GatewayHost host)
    {
        (_host, _grains) = (host, host.Grains);
        _grains.Calls.Clear();
        _grains.Names.Clear();
        _grains.Names[(ObjectKind.BackupLocation, "location")] = "uid-location";
        _grains.Names[(ObjectKind.Cluster, "cluster")] = "uid-cluster";
        _grains.Names[(ObjectKind.Backup, "nightly-1")] = "uid-backup";
        _grains.Names[(ObjectKind.CloudCredential, "credential")] = "uid-credential";
        _grains.Answer<IBackupGrain>("CreateAsync", call => new BackupObject { Metadata = new Metadata { Uid = call.Argument<BackupCreateRequest>().Metadata.Uid } });
        _grains.Answer<IBackupGrain>("InspectAsync", _ => new BackupObject { Metadata = new Metadata { Name = "nightly-1" } }.AsImmutable());
        _grains.Answer<IBackupGrain>("UpdateAsync", _ => null);
        _grains.Answer<IBackupGrain>("DeleteAsync", _ => null);
        _grains.Answer<IRestoreGrain>("CreateAsync", _ => new RestoreObject());
        _grains.Answer<IBackupLocationGrain>("CreateAsync", _ => new BackupLocationObject());
        _grains.Answer<IBackupLocationGrain>("UpdateAsync", _ => null);
        _grains.Answer<IClusterGrain>("ResourceTypesAsync", _ => new ResourceTypeResponse { ResourceTypes = { "Deployment" } });
    }

    private Backup.BackupClient Backups => new(_host.Channel);

    [Fact]
    public async Task Creating_a_backup_resolves_names_to_uids_and_chooses_a_uid()
    {
        var created = await Backups.CreateAsync(A.BackupRequest(), Alice);

        var call = _grains.Last<IBackupGrain>();
        var request = call.Argument<BackupCreateRequest>();
        Assert.True(Guid.TryParse(created.Backup.Metadata.Uid, out _));
        Assert.Equal($"default/{created.Backup.Metadata.Uid}", call.Key);
        Assert.Equal(new ObjectRef { Name = "location", Uid = "uid-location" }, request.BackupLocationRef);
        Assert.Equal(new ObjectRef { Name = "cluster", Uid = "uid-cluster" }, request.ClusterRef);
        Assert.Equal(("location", "cluster"), (request.BackupLocation, request.Cluster));
    }

    [Fact]
    public async Task A_reference_wins_over_the_deprecated_name_and_a_uid_alone_gets_its_name()
    {
        var request = A.BackupRequest();
        request.Cluster = "another";
        request.ClusterRef = new ObjectRef { Uid = "uid-cluster" };

        await Backups.CreateAsync(request, Alice);

        Assert.Equal(new ObjectRef { Name = "cluster", Uid = "uid-cluster" }, _grains.Last<IBackupGrain>().Argument<BackupCreateRequest>().ClusterRef);
    }

    [Fact]
    public async Task The_deprecated_name_is_resolved_when_the_reference_is_empty()
    {
        var request = A.BackupRequest();
        (request.ClusterRef, request.Cluster) = (new ObjectRef(), "cluster");

        await Backups.CreateAsync(request, Alice);

        Assert.Equal("uid-cluster", _grains.Last<IBackupGrain>().Argument<BackupCreateRequest>().ClusterRef.Uid);
    }

    [Fact]
    public async Task The_clients_own_uid_is_honoured()
    {
        var request = A.BackupRequest();
        request.Metadata.Uid = "mine-1";

        await Backups.CreateAsync(request, Alice);

        Assert.Equal("default/mine-1", _grains.Last<IBackupGrain>().Key);
    }

    [Fact]
    public async Task A_cluster_that_nobody_sees_answers_as_the_published_product_does()
    {
        var request = A.BackupRequest();
        request.ClusterRef = new ObjectRef { Name = "foreign" };

        var error = await Assert.ThrowsAsync<RpcException>(async () => await Backups.CreateAsync(request, Alice));

        Assert.Equal((StatusCode.NotFound, "failed to retrieve cluster [foreign]: object not found"), (error.StatusCode, error.Status.Detail));
        Assert.DoesNotContain(_grains.Calls, call => call.Grain == typeof(IBackupGrain));
    }

    [Fact]
    public async Task An_object_in_an_organization_that_is_not_there_is_refused()
    {
        _grains.Answer<IOrganizationGrain>("InspectAsync", _ => throw DomainException.NotFound(ObjectKind.Organization, "nowhere"));
        var request = new CloudCredentialCreateRequest
        {
            Metadata = new CreateMetadata { Name = "c", OrgId = "nowhere" },
            CloudCredential = new() { Type = CloudCredentialInfo.Types.Type.Aws, AwsConfig = new() { AccessKey = "a", SecretKey = "s" } },
        };

        var error = await Assert.ThrowsAsync<RpcException>(async () => await new CloudCredential.CloudCredentialClient(_host.Channel).CreateAsync(request, Alice));

        Assert.Equal("failed to retrieve organization [nowhere]: object not found", error.Status.Detail);
        Assert.DoesNotContain(_grains.Calls, call => call.Grain == typeof(ICloudCredentialGrain));
    }

    [Fact]
    public async Task Inspecting_with_a_uid_asks_the_objects_grain_and_nothing_else()
    {
        var reply = await Backups.InspectAsync(new() { Name = "nightly-1", Uid = "uid-1" }, Alice);

        Assert.Equal("nightly-1", reply.Backup.Metadata.Name);
        var call = Assert.Single(_grains.Calls);
        Assert.Equal((typeof(IBackupGrain), "default/uid-1"), (call.Grain, call.Key));
    }

    [Fact]
    public async Task Inspecting_by_name_looks_the_name_up_first()
    {
        await Backups.InspectAsync(new() { Name = "nightly-1" }, Alice);

        Assert.Equal("default/uid-backup", _grains.Last<IBackupGrain>().Key);
    }

    [Fact]
    public async Task An_ambiguous_name_answers_with_the_published_code_and_text()
    {
        const string Text = "failed to retrieve cluster [c]: more than one object found with same name, please use the object UID along with name";
        _grains.Answer<IBackupGrain>("InspectAsync", _ => throw new DomainException(ErrorReason.AmbiguousName, Text));

        var error = await Assert.ThrowsAsync<RpcException>(async () => await Backups.InspectAsync(new() { Name = "b", Uid = "u" }, Alice));

        Assert.Equal((StatusCode.Internal, Text), (error.StatusCode, error.Status.Detail));
    }

    [Fact]
    public async Task A_credential_in_use_answers_with_the_published_code_by_both_protocols()
    {
        const string Text = "backup location [BL] has reference to cloud credential [c:u]";
        _grains.Answer<ICloudCredentialGrain>("DeleteAsync", _ => throw new DomainException(ErrorReason.InUse, Text));

        var error = await Assert.ThrowsAsync<RpcException>(async () => await new CloudCredential.CloudCredentialClient(_host.Channel).DeleteAsync(new() { Name = "c", Uid = "u" }, Alice));
        using var request = new HttpRequestMessage(HttpMethod.Delete, "/v1/cloudcredential/default/c?uid=u");
        request.Headers.TryAddWithoutValidation("Authorization", FakeTokens.User);
        using var rest = await _host.Http.SendAsync(request, TestContext.Current.CancellationToken);

        Assert.Equal((StatusCode.Unknown, Text), (error.StatusCode, error.Status.Detail));
        Assert.Contains($"\"error\":\"{Text}\",\"code\":2", await rest.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Restoring_resolves_the_backup_and_the_target_cluster()
    {
        await new Restore.RestoreClient(_host.Channel).CreateAsync(A.RestoreRequest(), Alice);

        var request = _grains.Last<IRestoreGrain>().Argument<RestoreCreateRequest>();
        Assert.Equal(("uid-backup", "uid-cluster"), (request.BackupRef.Uid, request.ClusterRef.Uid));
        Assert.Equal(("nightly-1", "cluster"), (request.Backup, request.Cluster));
    }

    [Fact]
    public async Task A_location_gets_its_credentials_uid_and_an_update_without_one_leaves_it_alone()
    {
        var client = new BackupLocation.BackupLocationClient(_host.Channel);

        await client.CreateAsync(A.LocationRequest(), Alice);
        var created = _grains.Last<IBackupLocationGrain>().Argument<BackupLocationCreateRequest>();
        await client.UpdateAsync(new() { Metadata = new CreateMetadata { Name = "l", Uid = "u" }, BackupLocation = new() }, Alice);
        var updated = _grains.Last<IBackupLocationGrain>().Argument<BackupLocationUpdateRequest>();

        Assert.Equal(new ObjectRef { Name = "credential", Uid = "uid-credential" }, created.BackupLocation.CloudCredentialRef);
        Assert.Null(updated.BackupLocation.CloudCredentialRef);
    }

    [Fact]
    public async Task Lists_go_to_the_catalog()
    {
        _grains.Answer<ICatalogGrain>("EnumerateAsync", _ => new BackupEnumerateResponse { TotalCount = 7, Complete = true });

        var list = await Backups.EnumerateAsync(new(), Alice);

        Assert.Equal((7UL, "default"), (list.TotalCount, _grains.Last<ICatalogGrain>().Argument<BackupEnumerateRequest>().OrgId));
    }

    [Fact]
    public async Task Resource_types_are_the_clusters_answer()
    {
        var reply = await new ResourceCollector.ResourceCollectorClient(_host.Channel).ResourceTypesAsync(new() { ClusterRef = new ObjectRef { Name = "cluster" } }, Alice);

        Assert.Equal(["Deployment"], reply.ResourceTypes);
        Assert.Equal("default/uid-cluster", _grains.Last<IClusterGrain>().Key);
    }

    [Fact]
    public async Task Methods_for_a_later_release_say_so()
    {
        Func<Task>[] calls =
        [
            async () => await Backups.UpdateBackupShareAsync(new(), Alice),
            async () => await Backups.GetBackupResourceDetailsAsync(new(), Alice),
            async () => await Backups.RetryBackupResourcesAsync(new(), Alice),
            async () => await new Cluster.ClusterClient(_host.Channel).ShareClusterAsync(new(), Alice),
            async () => await new Cluster.ClusterClient(_host.Channel).UnShareClusterAsync(new(), Alice),
            async () => await new Cluster.ClusterClient(_host.Channel).UpdateBackupShareAsync(new(), Alice),
            async () => await new CloudCredential.CloudCredentialClient(_host.Channel).UpdateOwnershipAsync(new(), Alice),
            async () => await new BackupLocation.BackupLocationClient(_host.Channel).UpdateOwnershipAsync(new(), Alice),
        ];

        foreach (var call in calls)
        {
            var error = await Assert.ThrowsAsync<RpcException>(call);
            Assert.Equal(StatusCode.Unimplemented, error.StatusCode);
            Assert.Contains("is not built yet in this release", error.Status.Detail, StringComparison.Ordinal);
        }
    }
}
