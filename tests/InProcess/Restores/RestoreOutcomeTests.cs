using Xunit;
using PxBackup.Api;
using PxBackup.Grains.Restores;
using PxBackup.Stork.Resources;
using PxBackup.Tests.InProcess.Backups;
using Status = PxBackup.Api.RestoreInfo.Types.StatusInfo.Types.Status;

namespace PxBackup.Tests.InProcess.Restores;

public sealed class RestoreOutcomeTests
{
    [Fact]
    public void Everything_restored_is_a_Success_in_Storks_words() =>
        Assert.Equal((Status.Success, "as Stork says", 2UL), Of(StorkStatus.Successful, [One("a"), One("b")]));

    [Fact]
    public void Everything_failed_is_a_failure_whatever_Stork_says() =>
        Assert.Equal((Status.Failed, "nothing was restored: 2 of 2 resources failed: ConfigMap x/a, ConfigMap x/b (the namespace is terminating)", 0UL),
            Of(StorkStatus.PartialSuccess, [One("a", StorkStatus.Failed, "the namespace is\nterminating"), One("b", StorkStatus.Failed)]));

    [Theory, InlineData(StorkStatus.Successful), InlineData(StorkStatus.PartialSuccess)]
    public void Nothing_restored_is_a_failure(string stork)
    {
        var (status, reason, _) = Of(stork, []);

        Assert.Equal(Status.Failed, status);
        Assert.StartsWith("nothing was restored: ", reason, StringComparison.Ordinal);
    }

    [Theory, InlineData(StorkStatus.Successful), InlineData(StorkStatus.PartialSuccess)]
    public void Some_failed_is_a_PartialSuccess_that_names_them(string stork) =>
        Assert.Equal((Status.PartialSuccess, "as Stork says; 1 of 2 resources failed: ConfigMap x/b (denied)", 1UL), Of(stork, [One("a"), One("b", StorkStatus.Failed, "denied")]));

    [Fact]
    public void What_was_there_and_kept_is_counted() =>
        Assert.Equal((Status.PartialSuccess, "as Stork says; 2 of 3 resources and volumes were there already and were kept", 1UL),
            Of(StorkStatus.PartialSuccess, [One("a"), One("b", StorkStatus.Retained), One("c", StorkStatus.Retained)]));

    [Fact]
    public void Storks_failure_stays_one() => Assert.Equal(Status.Failed, Of(StorkStatus.Failed, [One("a")]).Status);

    [Fact]
    public void A_volume_whose_claim_never_bound_is_not_restored_whatever_Stork_says()
    {
        var (status, reason, _) = Of(StorkStatus.Successful, [One("a")], [Volume("data", "pvc-1"), Volume("more", "")]);

        Assert.Equal((Status.PartialSuccess, "as Stork says; 1 of 2 volumes were not restored: shop/more (its claim was never bound to a volume)"), (status, reason));
    }

    [Fact]
    public void A_kept_volume_needs_no_new_one() => Assert.Equal(
        (Status.PartialSuccess, "as Stork says; 1 of 2 resources and volumes were there already and were kept", 1UL),
        Of(StorkStatus.PartialSuccess, [One("a")], [new() { PersistentVolumeClaim = "data", SourceNamespace = "shop", Status = StorkStatus.Retained }]));

    [Fact]
    public void Nothing_but_lost_volumes_is_a_failure() => Assert.Equal(Status.Failed, Of(StorkStatus.Successful, [], [Volume("more", "")]).Status);

    [Fact]
    public void A_storage_class_that_Stork_ignored_is_told()
    {
        var running = A.RunningRestore();
        running.Restore.RestoreInfo.StorageClassMapping["slow"] = "fast";

        var (status, reason, _) = Of(running, StorkStatus.Successful, [One("a")], [Volume("data", "pvc-1", "csi"), Volume("more", "pvc-2", "kdmp")]);

        Assert.Equal((Status.PartialSuccess, "as Stork says; storage_class_mapping does not reach CSI volumes, which keep their class: shop/data"), (status, reason));
    }

    [Fact]
    public void An_included_resource_that_did_not_come_back_is_named()
    {
        var running = A.RunningRestore();
        running.Restore.RestoreInfo.NamespaceMapping["shop"] = "x";
        running.Restore.RestoreInfo.IncludeResources.Add([new() { Kind = "ConfigMap", Group = "core", Version = "v1", Namespace = "shop", Name = "a" }, new() { Kind = "ConfigMap", Version = "v1", Namespace = "shop", Name = "gone" }]);

        var (status, reason, _) = Of(running, StorkStatus.Successful, [One("a")], []);

        Assert.Equal((Status.PartialSuccess, "as Stork says; 1 of 2 include_resources were not restored: v1 ConfigMap shop/gone"), (status, reason));
    }

    [Fact]
    public void Only_the_first_few_are_named() =>
        Assert.EndsWith("ConfigMap x/r-4 and 2995 more (quota)", Of(StorkStatus.PartialSuccess, [.. Enumerable.Range(0, 3_000).Select(i => One($"r-{i}", StorkStatus.Failed, "quota"))]).Reason, StringComparison.Ordinal);

    private static ResourceOutcome One(string name, string status = StorkStatus.Successful, string reason = "") => new() { Kind = "ConfigMap", Version = "v1", Namespace = "x", Name = name, Status = status, Reason = reason };

    private static RestoreVolume Volume(string claim, string made, string driver = "kdmp") =>
        new() { PersistentVolumeClaim = claim, SourceNamespace = "shop", RestoredVolume = made, DriverName = driver, Status = StorkStatus.Successful };

    private static (Status Status, string Reason, ulong Restored) Of(string stork, List<ResourceOutcome> resources, List<RestoreVolume>? volumes = null) => Of(A.RunningRestore(), stork, resources, volumes ?? []);

    private static (Status Status, string Reason, ulong Restored) Of(RestoreRecord record, string stork, List<ResourceOutcome> resources, List<RestoreVolume> volumes)
    {
        var resource = A.FinalRestore(stork);
        (resource.Status.Resources, resource.Status.Volumes, resource.Status.ResourceCount, resource.Status.RestoredResourceCount) = (resources, volumes, resources.Count, resources.Count);
        var info = RestoreRules.Finish(record, resource, A.RestoreOptions, A.Noon).Restore.RestoreInfo;
        return (info.Status.Status, info.Status.Reason, info.RestoredResourceCount);
    }
}
