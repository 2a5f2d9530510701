using Grpc.Core;
using PxBackup.Api;
using PxBackup.FleetSimulator.Faults;
using Xunit;
using BackupStatus = PxBackup.Api.BackupInfo.Types.StatusInfo.Types.Status;
using ClusterStatus = PxBackup.Api.ClusterInfo.Types.StatusInfo.Types.Status;
using LocationStatus = PxBackup.Api.BackupLocationInfo.Types.StatusInfo.Types.Status;
using RestoreStatus = PxBackup.Api.RestoreInfo.Types.StatusInfo.Types.Status;

namespace PxBackup.Tests.EndToEnd;

/// <summary>Clusters, Stork and buckets fail; a backup ends all the same, and says why.</summary>
public class Failures_around_backups(Machine machine) : IClassFixture<Machine>
{
    [Fact]
    public async Task Keys_that_were_changed_after_the_validation_fail_the_backup_with_the_words_of_the_store()
    {
        const string key = "canary-rotated-key";
        machine.StoreKeys[key] = "canary-first-secret";
        var credential = await machine.Admin.AddCredentialAsync(machine.NewName("rotated"), key, "canary-first-secret");
        var location = await machine.Admin.AddLocationAsync(machine.NewName("rotated"), credential, machine.StoreEndpoint, "rotated");
        Assert.Equal(LocationStatus.Valid, location.BackupLocationInfo.Status.Status);
        machine.StoreKeys[key] = "canary-second-secret";
        var request = machine.BackupOf(machine.NewName("rotated"), "shop");
        request.BackupLocationRef = location.Ref();

        await machine.Admin.CreateAsync(request);

        var backup = await machine.Admin.EndAsync(request);
        Assert.Equal(BackupStatus.Failed, backup.BackupInfo.Status.Status);
        Assert.Contains("SignatureDoesNotMatch", backup.BackupInfo.Status.Reason, StringComparison.Ordinal);
        Assert.EndsWith("Correct the secret key of the cloud credential.", backup.BackupInfo.Status.Reason, StringComparison.Ordinal);
        await Wait.UntilAsync(
            async () => (await machine.Admin.Locations.InspectAsync(new BackupLocationInspectRequest { OrgId = Client.Org, Name = location.Metadata.Name, Uid = location.Metadata.Uid }, machine.Admin.Options)).BackupLocation,
            it => it.BackupLocationInfo.Status.Status == LocationStatus.ValidationFailed, "the location was validated again");
    }

    [Fact]
    public async Task Objects_that_are_gone_from_the_bucket_are_found_before_a_restore_is_placed()
    {
        var request = machine.BackupOf(machine.NewName("emptied"), "shop");
        var backup = await machine.Admin.TakeAsync(request);
        machine.Store.Remove(Machine.Bucket, backup.BackupInfo.BackupPath + "/");
        var restore = machine.RestoreOf(machine.NewName("emptied"), backup, ("shop", "emptied-copy"));

        await machine.Admin.CreateAsync(restore);

        var ended = await machine.Admin.EndAsync(restore);
        Assert.Equal(RestoreStatus.Failed, ended.RestoreInfo.Status.Status);
        Assert.StartsWith("CloudBackup objects are missing: namespaces.json, resources.json, metadata.json in ", ended.RestoreInfo.Status.Reason, StringComparison.Ordinal);
        Assert.Equal(BackupStatus.CloudBackupMissing, (await machine.Admin.LookAsync(request)).BackupInfo.Status.Status);
        Assert.Equal(0, machine.Creates(Machine.Restores, Machine.ResourceOf(restore.Metadata)));
    }

    [Fact]
    public async Task One_missing_namespace_of_two_makes_a_partial_success_that_names_it()
    {
        var request = machine.BackupOf(machine.NewName("partial"), "shop", "never-was");

        await machine.Admin.CreateAsync(request);

        var backup = await machine.Admin.EndAsync(request);
        Assert.Equal(BackupStatus.PartialSuccess, backup.BackupInfo.Status.Status);
        Assert.Equal(["never-was"], backup.BackupInfo.MissingNamespaces);
        Assert.Contains("never-was", backup.BackupInfo.Status.Reason, StringComparison.Ordinal);
        Assert.NotEmpty(machine.FilesOf(request.Metadata));
    }

    [Fact]
    public async Task Only_missing_namespaces_fail_the_backup_and_nothing_is_made_on_the_cluster()
    {
        var request = machine.BackupOf(machine.NewName("empty"), "never-was", "nor-this");

        await machine.Admin.CreateAsync(request);

        var backup = await machine.Admin.EndAsync(request);
        Assert.Equal(BackupStatus.Failed, backup.BackupInfo.Status.Status);
        Assert.Contains("never-was, nor-this", backup.BackupInfo.Status.Reason, StringComparison.Ordinal);
        Assert.Equal(0, machine.Creates(Machine.Backups, Machine.ResourceOf(request.Metadata)));
    }

    [Fact]
    public async Task A_failed_backup_is_not_restorable_and_can_be_deleted()
    {
        var request = machine.BackupOf(machine.NewName("failed"), "never-was");
        var created = await machine.Admin.CreateAsync(request);
        await machine.Admin.EndAsync(request);

        var restoring = machine.RestoreOf(machine.NewName("impossible"), created, ("never-was", "target"));
        var refusal = await Assert.ThrowsAsync<RpcException>(() => machine.Admin.CreateAsync(restoring));
        var answer = await machine.Admin.Rest.SendAsync(HttpMethod.Post, "/v1/restore", RestClient.JsonOf(restoring));

        Assert.Equal(StatusCode.InvalidArgument, refusal.StatusCode);
        Assert.StartsWith($"backup object [{request.Metadata.Name}] status is not in success", refusal.Status.Detail, StringComparison.Ordinal);
        Assert.Equal(refusal.Status.Detail, answer.Json["message"]!.GetValue<string>());
        await machine.Admin.DeleteAsync(request);
        await machine.Admin.GoneAsync(request);
    }

    [Fact]
    public async Task A_backup_that_Stork_never_ends_fails_with_the_cause_of_its_warnings()
    {
        var location = await machine.Admin.AddLocationAsync(machine.NewName("vanishing"), machine.Credential, machine.StoreEndpoint, Machine.Bucket);
        var request = machine.BackupOf(machine.NewName("stuck"), "shop");
        request.BackupLocationRef = location.Ref();
        await WithPlacedAsync(request, () =>
        {
            Assert.True(machine.Simulated.Objects.Delete("backuplocations.stork.libopenstorage.org", Machine.StorkNamespace, $"{location.Metadata.Name}-{location.Metadata.Uid[..7]}"));
            return Task.CompletedTask;
        });

        var backup = await machine.Admin.EndAsync(request);

        Assert.Equal(BackupStatus.Failed, backup.BackupInfo.Status.Status);
        Assert.Contains("Stork made no progress", backup.BackupInfo.Status.Reason, StringComparison.Ordinal);
        Assert.Contains("backuplocations.stork.libopenstorage.org", backup.BackupInfo.Status.Reason, StringComparison.Ordinal);
        Assert.Contains("not found", backup.BackupInfo.Status.Reason, StringComparison.Ordinal);
        await machine.Simulated.Objects.WaitForAsync(
            Machine.Backups, Machine.StorkNamespace, Machine.ResourceOf(request.Metadata), found => found is null, "removed", Wait.Patience, TestContext.Current.CancellationToken);
    }

    [Theory]
    [InlineData("the API server is down for a time")]
    [InlineData("the API server accepts and does not answer for a time")]
    [InlineData("watches are silent")]
    [InlineData("watches are cut")]
    [InlineData("watches are cut in the middle of a line")]
    [InlineData("watches are answered with 410")]
    [InlineData("the server answers 500 and 429")]
    [InlineData("the answer to the creation is lost")]
    public async Task A_backup_finishes_and_is_made_once_although(string what)
    {
        var (faults, simulated) = (machine.Simulated.Faults, machine.Simulated);
        var request = machine.BackupOf(machine.NewName("troubled"), "shop");
        if (what == "the answer to the creation is lost")
            faults.Add(new RequestFault { Method = "POST", Path = "/applicationbackups$", Effect = RequestEffect.DoneButDropped });
        try
        {
            await WithPlacedAsync(request, async () =>
            {
                switch (what)
                {
                    case "the API server is down for a time":
                        faults.SetMode(ApiServerMode.Refusing);
                        await machine.Admin.ClusterIsAsync(machine.Cluster, ClusterStatus.Offline);
                        faults.SetMode(ApiServerMode.Up);
                        break;
                    case "the API server accepts and does not answer for a time":
                        faults.SetMode(ApiServerMode.Silent);
                        faults.CutConnections();
                        await machine.Admin.ClusterIsAsync(machine.Cluster, ClusterStatus.Offline);
                        faults.SetMode(ApiServerMode.Up);
                        break;
                    case "watches are silent":
                        faults.SilenceWatches(true);
                        break;
                    case "watches are cut":
                        faults.CutWatches();
                        break;
                    case "watches are cut in the middle of a line":
                        faults.CutWatchesAfterBytes = 300;
                        faults.CutWatches();
                        break;
                    case "watches are answered with 410":
                        simulated.Compact();
                        faults.Add(new RequestFault { Method = "WATCH", Code = 410, Count = 3 });
                        faults.CutWatches(abruptly: false);
                        break;
                    case "the server answers 500 and 429":
                        faults.Add(new RequestFault { Method = "GET", Path = "applicationbackups", Code = 500, Count = 2 });
                        faults.Add(new RequestFault { Method = "GET", Path = "applicationbackups", Code = 429, RetryAfterSeconds = 1, Count = 2 });
                        break;
                }
            });
            var backup = await machine.Admin.EndAsync(request);

            Assert.True(backup.BackupInfo.Status.Status == BackupStatus.Success, $"{backup.BackupInfo.Status}");
            Assert.Equal(1, machine.Creates(Machine.Backups, Machine.ResourceOf(request.Metadata)));
            Assert.Equal(4, machine.FilesOf(request.Metadata).Count);
        }
        finally
        {
            faults.Clear();
        }

        await machine.Admin.ClusterIsAsync(machine.Cluster, ClusterStatus.Online);
    }

    [Fact]
    public async Task A_resource_that_somebody_deletes_on_the_way_fails_the_backup()
    {
        var request = machine.BackupOf(machine.NewName("robbed"), "shop");
        await WithPlacedAsync(request, async () =>
        {
            await Wait.UntilAsync(() => machine.Admin.LookAsync(request), it => it.BackupInfo.Status.Status == BackupStatus.InProgress, "the backup is in progress");
            Assert.True(machine.Simulated.Objects.Delete(Machine.Backups, Machine.StorkNamespace, Machine.ResourceOf(request.Metadata)));
        });

        var backup = await machine.Admin.EndAsync(request);

        Assert.Equal(BackupStatus.Failed, backup.BackupInfo.Status.Status);
        Assert.Contains("deleted on the cluster", backup.BackupInfo.Status.Reason, StringComparison.Ordinal);
        Assert.Equal(1, machine.Creates(Machine.Backups, Machine.ResourceOf(request.Metadata)));
    }

    [Theory]
    [InlineData("Volumes")]
    [InlineData("Applications")]
    public async Task A_running_backup_is_cancelled_by_deleting_it_in_stage(string stage)
    {
        var request = machine.BackupOf(machine.NewName("cancelled"), "bank");
        await machine.Admin.CreateAsync(request);
        await machine.Simulated.Objects.WaitForAsync(Machine.Backups, Machine.StorkNamespace, Machine.ResourceOf(request.Metadata),
            found => found?["status"]?["stage"]?.GetValue<string>() is { } now && (now == stage || now == "Final"), $"in {stage}", Wait.Patience, TestContext.Current.CancellationToken);

        await machine.Admin.DeleteAsync(request);

        await machine.Admin.GoneAsync(request);
        Assert.Null(machine.Simulated.Objects.Find(Machine.Backups, Machine.StorkNamespace, Machine.ResourceOf(request.Metadata)));
        Assert.Empty(machine.FilesOf(request.Metadata));
    }

    [Fact]
    public async Task A_backup_that_was_just_accepted_can_be_deleted_and_leaves_nothing()
    {
        for (var attempt = 0; attempt < 5; attempt++)
        {
            var request = machine.BackupOf(machine.NewName("withdrawn"), "shop");
            await machine.Admin.CreateAsync(request);
            await machine.Admin.DeleteAsync(request);
            await machine.Admin.GoneAsync(request);

            Assert.Null(machine.Simulated.Objects.Find(Machine.Backups, Machine.StorkNamespace, Machine.ResourceOf(request.Metadata)));
            Assert.Empty(machine.FilesOf(request.Metadata));
        }
    }

    /// <summary>Does something while the backup is placed and Stork has not begun with it.</summary>
    private async Task WithPlacedAsync(BackupCreateRequest request, Func<Task> meanwhile)
    {
        await machine.Simulated.Stork.StopAsync();
        try
        {
            await machine.Admin.CreateAsync(request);
            await machine.Simulated.Objects.WaitForAsync(
                Machine.Backups, Machine.StorkNamespace, Machine.ResourceOf(request.Metadata), found => found is not null, "created", Wait.Patience, TestContext.Current.CancellationToken);
            await meanwhile();
        }
        finally
        {
            machine.Simulated.Stork.Start();
        }
    }
}
