using Xunit;
using PxBackup.Api;
using PxBackup.Grains.Interfaces;
using PxBackup.Tests.InProcess.Backups;

namespace PxBackup.Tests.InProcess.Restores;

public sealed class RestoreSelectionTests
{
    [Fact]
    public void Resources_alone_bring_back_their_namespaces_only()
    {
        var info = A.Restore(r => r.IncludeResources.Add(Info("shop", "shop-config")), Backup()).Restore.RestoreInfo;

        Assert.Equal(new Dictionary<string, string> { ["shop"] = "shop" }, info.NamespaceMapping);
        Assert.Equal(1UL, info.ResourceCount);
    }

    [Fact]
    public void A_namespace_of_which_nothing_is_included_is_not_made() =>
        Assert.Equal(new Dictionary<string, string> { ["shop"] = "x1" },
            A.Restore(r => { r.IncludeResources.Add(Info("shop", "shop-config")); r.NamespaceMapping["shop"] = "x1"; r.NamespaceMapping["blog"] = "x2"; }, Backup()).Restore.RestoreInfo.NamespaceMapping);

    [Fact]
    public void A_misspelt_resource_is_refused_with_what_was_meant() =>
        Assert.Equal("include_resources[0]: v1 ConfigMap shop/shop-confg is not in the backup; did you mean v1 ConfigMap shop/shop-config?", Refused(r => r.IncludeResources.Add(Info("shop", "shop-confg"))));

    [Fact]
    public void A_kind_in_another_case_is_the_kind_of_the_backup() =>
        Assert.Equal("ConfigMap", A.Restore(r => r.IncludeResources.Add(Info("shop", "shop-config", "configmap")), Backup()).Restore.RestoreInfo.IncludeResources[0].Kind);

    [Fact]
    public void A_resource_of_a_namespace_that_is_not_mapped_is_refused() =>
        Assert.StartsWith("include_resources: names resources of namespace [shop], which is not in namespace_mapping",
            Refused(r => { r.IncludeResources.Add(Info("shop", "shop-config")); r.NamespaceMapping["blog"] = "blog"; }), StringComparison.Ordinal);

    [Fact]
    public void A_Job_that_is_named_is_wanted() =>
        Assert.Equal(["Job"], A.Restore(r => r.IncludeResources.Add(new ResourceInfo { Group = "batch", Version = "v1", Kind = "Job", Namespace = "shop", Name = "report" }), Backup()).Restore.RestoreInfo.IncludeOptionalResourceTypes);

    [Theory, InlineData("job", null), InlineData("ConfigMap", "include_optional_resource_types[0]: 'ConfigMap' is not a kind that is left out unless named; there is Job")]
    public void Only_Jobs_are_optional(string kind, string? refusal)
    {
        if (refusal is null)
            Assert.Equal(["Job"], A.Restore(r => r.IncludeOptionalResourceTypes.Add(kind), Backup()).Restore.RestoreInfo.IncludeOptionalResourceTypes);
        else
            Assert.Equal(refusal, Refused(r => r.IncludeOptionalResourceTypes.Add(kind)));
    }

    [Fact]
    public void Two_namespaces_are_not_merged_in_one() =>
        Assert.Equal("namespace_mapping: [blog] and [shop] would be merged in [both]: give each a namespace of its own, or restore them one after the other",
            Refused(r => { r.NamespaceMapping["shop"] = "both"; r.NamespaceMapping["blog"] = "both"; }));

    [Theory, InlineData("kube-system"), InlineData("kube-public"), InlineData("kube-node-lease")]
    public void Nothing_is_restored_into_a_namespace_of_the_cluster_itself(string target) =>
        Assert.StartsWith($"namespace_mapping: [shop] cannot be restored to [{target}]", Refused(r => r.NamespaceMapping["shop"] = target), StringComparison.Ordinal);

    [Theory]
    [InlineData("", "", "the backup holds no volume")]
    [InlineData("csi", "", "Stork restores CSI volumes in the storage class that they had, and the backup holds no others: leave it out")]
    [InlineData("kdmp", "slow-disk", "no volume of the backup whose class can be changed has class [slow]; there are slow-disk")]
    [InlineData("kdmp", "slow", null)]
    [InlineData("pxd", "", null)] // Not known: it may be so.
    public void A_storage_class_that_cannot_be_mapped_is_refused(string driver, string storageClass, string? refusal)
    {
        var backup = Backup();
        if (driver.Length > 0)
            backup.BackupInfo.Volumes.Add(new BackupInfo.Types.Volume { Namespace = "shop", Pvc = "data", DriverName = driver, StorageClass = storageClass });

        if (refusal is null)
            Assert.Equal("fast", A.Restore(r => r.StorageClassMapping["slow"] = "fast", backup).Restore.RestoreInfo.StorageClassMapping["slow"]);
        else
            Assert.Equal("storage_class_mapping: " + refusal, Refused(r => r.StorageClassMapping["slow"] = "fast", backup));
    }

    [Fact]
    public void What_is_ours_in_a_backup_of_Storks_namespace_is_not_restored()
    {
        var backup = Backup();
        backup.BackupInfo.TargetNamespace = "kube-system";
        backup.BackupInfo.Namespaces.Add("kube-system");
        backup.BackupInfo.Resources.Add([
            Info("kube-system", "settings"), Info("kube-system", "s3-main-c0ffee0", "Secret"), Info("kube-system", "other-1234567", "Secret"), Info("kube-system", "theirs", "Secret"),
            new() { Group = "stork.libopenstorage.org", Version = "v1alpha1", Kind = "BackupLocation", Namespace = "kube-system", Name = "other-1234567" },
            new() { Group = "stork.libopenstorage.org", Version = "v1alpha1", Kind = "ApplicationBackup", Namespace = "kube-system", Name = "b" }]);

        var info = A.Restore(backup: backup).Restore.RestoreInfo;

        Assert.Equal(["shop-config", "blog-config", "settings", "theirs"], info.IncludeResources.Select(one => one.Name)); // The Job stays optional.
        Assert.Empty(A.Restore(r => r.NamespaceMapping["shop"] = "shop", backup).Restore.RestoreInfo.IncludeResources);
    }

    [Fact]
    public void What_there_is_to_restore_is_known_from_the_start() => Assert.Equal(2UL, A.Restore(backup: Backup()).Restore.RestoreInfo.ResourceCount);

    private static BackupObject Backup()
    {
        var backup = A.Finished().Backup.Clone();
        backup.BackupInfo.Resources.Add([Info("shop", "shop-config"), Info("blog", "blog-config"), new() { Group = "batch", Version = "v1", Kind = "Job", Namespace = "shop", Name = "report" }]);
        return backup;
    }

    private static ResourceInfo Info(string ns, string name, string kind = "ConfigMap") => new() { Kind = kind, Group = "core", Version = "v1", Namespace = ns, Name = name };

    private static string Refused(Action<RestoreCreateRequest> change, BackupObject? backup = null)
    {
        var refusal = Assert.Throws<DomainException>(() => A.Restore(change, backup ?? Backup()));
        Assert.Equal(ErrorReason.InvalidField, refusal.Reason);
        return refusal.Message;
    }
}
