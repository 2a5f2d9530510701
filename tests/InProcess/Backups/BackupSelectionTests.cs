using Xunit;
using PxBackup.Api;
using PxBackup.Grains.Backups;
using PxBackup.Grains.Interfaces;

namespace PxBackup.Tests.InProcess.Backups;

public sealed class BackupSelectionTests
{
    [Fact]
    public void A_namespace_that_is_named_twice_is_taken_once() => Assert.Equal(["shop", "blog"], Settled(r => r.Namespaces.Add(["shop", "blog", "shop"])).Namespaces);

    [Fact]
    public void Resources_alone_name_their_namespaces() =>
        Assert.Equal(["shop", "blog"], Settled(r => r.IncludeResources.Add([Map("shop", "a"), Map("blog", "b"), Map("shop", "c")])).Namespaces);

    [Fact]
    public void A_resource_outside_of_the_named_namespaces_adds_its_own() =>
        Assert.Equal(["shop", "blog"], Settled(r => { r.Namespaces.Add("shop"); r.IncludeResources.Add(Map("blog", "b")); }).Namespaces);

    [Fact]
    public void A_resource_that_is_named_twice_is_one() => Assert.Single(Settled(r => r.IncludeResources.Add([Map("shop", "a"), Map("shop", "a")])).IncludeResources);

    [Fact]
    public void Kinds_are_spelled_as_the_cluster_spells_them()
    {
        var info = Settled(r => { r.Namespaces.Add("shop"); r.ResourceTypes.Add(["configmap", "CONFIGMAP", "deployment", "database"]); r.IncludeResources.Add(Map("shop", "a", "configmaP", "core")); }, "Database");

        Assert.Equal(["ConfigMap", "Deployment", "Database"], info.ResourceTypes);
        Assert.Equal(("ConfigMap", ""), (info.IncludeResources[0].Kind, info.IncludeResources[0].Group));
    }

    [Fact]
    public void A_built_in_kind_without_a_group_gets_its_own() => Assert.Equal("apps", Settled(r => r.IncludeResources.Add(Map("shop", "web", "deployment"))).IncludeResources[0].Group);

    [Theory]
    [InlineData("resource_types", "Foo", "resource_types[0]: 'Foo' is not a kind that Stork backs up on this cluster; there are PersistentVolumeClaim, PersistentVolume")]
    [InlineData("resource_types", "ConfigMpa", "did you mean ConfigMap?")]
    [InlineData("exclude_resource_types", "Secrets", "exclude_resource_types[0]: 'Secrets' is not a kind that Stork backs up on this cluster; did you mean Secret?")]
    [InlineData("include_resources", "HorizontalPodAutoscaler", "include_resources[0].kind: 'HorizontalPodAutoscaler' is not a kind")]
    public void A_kind_that_is_not_there_is_refused_with_what_was_meant(string field, string kind, string says)
    {
        var refusal = Refused(r =>
        {
            r.Namespaces.Add("shop");
            if (field == "include_resources")
                r.IncludeResources.Add(Map("shop", "x", kind));
            else
                (field == "resource_types" ? r.ResourceTypes : r.ExcludeResourceTypes).Add(kind);
        });

        Assert.Contains(says, refusal, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Job", "ReplicaSet")]
    [InlineData("Secret,Job", "ReplicaSet")]
    [InlineData("Secret", "Job and ReplicaSet")]
    public void An_exclusion_that_Stork_would_carry_out_wrongly_is_refused_with_what_to_add(string excluded, string add)
    {
        var refusal = Refused(r => { r.Namespaces.Add("shop"); r.ExcludeResourceTypes.Add(excluded.Split(',')); });

        Assert.StartsWith("exclude_resource_types: ", refusal, StringComparison.Ordinal);
        Assert.Contains($"exclude {add}, too", refusal, StringComparison.Ordinal);
    }

    [Fact]
    public void An_exclusion_with_Jobs_and_ReplicaSets_is_everything_but_these()
    {
        var info = Settled(r => { r.Namespaces.Add("shop"); r.ExcludeResourceTypes.Add(["secret", "job", "replicaset"]); });

        Assert.Equal(["ConfigMap", "Deployment"], BackupSelection.KindsFor(info, ["ConfigMap", "Deployment", "Job", "ReplicaSet", "Secret"]).Kinds);
    }

    [Fact]
    public void Of_named_kinds_any_can_be_excluded()
    {
        var info = Settled(r => { r.Namespaces.Add("shop"); r.ResourceTypes.Add(["ConfigMap", "Secret", "Job"]); r.ExcludeResourceTypes.Add(["Secret", "Job"]); });

        Assert.Equal(["ConfigMap"], BackupSelection.KindsFor(info, ["ConfigMap", "Secret"]).Kinds);
    }

    [Fact]
    public void Kinds_that_the_cluster_does_not_have_are_told_apart()
    {
        var (kinds, missing) = BackupSelection.KindsFor(Settled(r => { r.Namespaces.Add("shop"); r.ResourceTypes.Add(["ConfigMap", "Route"]); }), ["ConfigMap", "Secret"]);

        Assert.Equal(("ConfigMap", "Route"), (string.Join(',', kinds), string.Join(',', missing)));
    }

    [Fact]
    public void Jobs_among_named_kinds_are_refused_as_Stork_takes_none() =>
        Assert.StartsWith("resource_types: Stork backs up no Job", Refused(r => { r.Namespaces.Add("shop"); r.ResourceTypes.Add(["Job", "ConfigMap"]); }), StringComparison.Ordinal);

    [Fact]
    public void Nothing_left_is_refused() =>
        Assert.Equal("exclude_resource_types: leaves nothing to back up", Refused(r => { r.Namespaces.Add("shop"); r.ResourceTypes.Add("Secret"); r.ExcludeResourceTypes.Add("secret"); }));

    [Fact]
    public void All_namespaces_and_some_of_them_contradict_each_other()
    {
        Assert.StartsWith("ns_label_selectors: ", Refused(r => { r.Namespaces.Add("*"); r.NsLabelSelectors = "a=b"; }), StringComparison.Ordinal);
        Assert.StartsWith("include_resources: ", Refused(r => { r.Namespaces.Add("*"); r.IncludeResources.Add(Map("shop", "a")); }), StringComparison.Ordinal);
    }

    [Fact]
    public void Resources_outside_of_namespaces_need_a_namespace_to_come_along_with() =>
        Assert.StartsWith("include_resources: ", Refused(r => r.IncludeResources.Add(Map("", "v", "PersistentVolume"))), StringComparison.Ordinal);

    [Fact]
    public void An_included_resource_whose_kind_is_left_out_is_refused()
    {
        Assert.StartsWith("include_resources[0].kind: ConfigMap is not in resource_types", Refused(r => { r.IncludeResources.Add(Map("shop", "a")); r.ResourceTypes.Add("Secret"); }), StringComparison.Ordinal);
        Assert.StartsWith("include_resources[0].kind: ConfigMap is in exclude_resource_types", Refused(r => { r.IncludeResources.Add(Map("shop", "a")); r.ExcludeResourceTypes.Add(["ConfigMap", "Job", "ReplicaSet"]); }), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a,b", "a,b,c", "", "a,b", "")]
    [InlineData("a,gone", "a,b", "", "a", "gone")]
    [InlineData("gone", "a", "", "", "gone")]
    [InlineData("*", "a", "", "*", "")]
    [InlineData("a", "a,b,c", "a,b", "a,b", "")] // By name or by label: both.
    [InlineData("gone", "a,b", "b", "b", "gone")]
    public void Namespaces_are_those_that_are_there_by_name_or_by_label(string asked, string there, string matching, string present, string missing)
    {
        var (taken, left) = BackupSelection.Namespaces(Settled(r => r.Namespaces.Add(asked.Split(','))), there.Split(','), matching.Split(',', StringSplitOptions.RemoveEmptyEntries));

        Assert.Equal((present, missing), (string.Join(',', taken), string.Join(',', left)));
    }

    [Fact]
    public void Only_kinds_that_not_every_cluster_has_are_asked_for()
    {
        var request = A.Request();
        request.ResourceTypes.Add("configmap");
        Assert.False(BackupSelection.NeedsKindsOfCluster(request));

        request.IncludeResources.Add(Map("shop", "db", "Database", "example.com"));
        Assert.True(BackupSelection.NeedsKindsOfCluster(request));
    }

    [Fact]
    public void A_message_about_many_names_is_bounded()
    {
        var refusal = Refused(r => { r.Namespaces.Add("shop"); r.ResourceTypes.Add("Qwertyuiop"); }, [.. Enumerable.Range(0, 5_000).Select(i => $"Kind{i}OfSomebody")]);

        Assert.InRange(refusal.Length, 1, 2_000);
        Assert.Contains("more", refusal, StringComparison.Ordinal);
    }

    private static ResourceInfo Map(string ns, string name, string kind = "ConfigMap", string group = "") => new() { Version = "v1", Kind = kind, Group = group, Namespace = ns, Name = name };

    private static BackupInfo Settled(Action<BackupCreateRequest> change, params string[] kinds)
    {
        var request = A.Request();
        request.Namespaces.Clear();
        change(request);
        return BackupRules.Create(request, new("default", A.BackupUid), A.Cluster(), A.Location(), A.Ann, A.Options, A.Noon, kinds).Backup.BackupInfo;
    }

    private static string Refused(Action<BackupCreateRequest> change, params string[] kinds)
    {
        var refusal = Assert.Throws<DomainException>(() => Settled(change, kinds));
        Assert.Equal(ErrorReason.InvalidField, refusal.Reason);
        return refusal.Message;
    }
}
