using System.Net;
using System.Text.Json.Nodes;
using Grpc.Core;
using PxBackup.Api;
using PxBackup.FleetSimulator;
using Xunit;
using BackupStatus = PxBackup.Api.BackupInfo.Types.StatusInfo.Types.Status;
using RestoreStatus = PxBackup.Api.RestoreInfo.Types.StatusInfo.Types.Status;

namespace PxBackup.Tests.EndToEnd;

/// <summary>The table of docs/features/outcomes.md: what is asked for, what is taken, how it ends. Each row over gRPC and over REST.</summary>
public sealed class Outcomes_of_selections(Machine machine) : IClassFixture<Machine>, IAsyncLifetime
{
    private static readonly Dictionary<string, BackupRow> BackupRows = new()
    {
        ["resources without namespaces"] = new(r => r.IncludeResources.Add(Map("shop", "shop-config")), BackupStatus.Success, "", b => Taken(b, "shop", "ConfigMap shop/shop-config")),
        ["a resource in another spelling of its kind"] = new(r => r.IncludeResources.Add(Map("shop", "shop-config", "configmap")), BackupStatus.Success, "", b => Taken(b, "shop", "ConfigMap shop/shop-config")),
        ["one of two resources is misspelt"] = new(r => r.IncludeResources.Add([Map("shop", "shop-config"), Map("shop", "shop-confg")]), BackupStatus.PartialSuccess, "1 of 2 include_resources were not found: v1 ConfigMap shop/shop-confg",
            b => Taken(b, "shop", "ConfigMap shop/shop-config")),
        ["all resources are misspelt"] = new(r => r.IncludeResources.Add(Map("shop", "shop-confg")), BackupStatus.Failed, "nothing matched the selection: 1 of 1 include_resources were not found: v1 ConfigMap shop/shop-confg"),
        ["resources and a whole namespace"] = new(r => { r.Namespaces.Add("blog"); r.IncludeResources.Add(Map("shop", "shop-config")); }, BackupStatus.Success, "",
            b => Taken(b, "blog,shop", "ConfigMap shop/shop-config", "ConfigMap blog/blog-config", "StatefulSet blog/blog-db")),
        ["namespaces by name and by label"] = new(r => { r.Namespaces.Add("bank"); r.NsLabelSelectors = "tier in (gold)"; }, BackupStatus.Success, "", b => Assert.Equal(["bank", "golden"], b.Namespaces.Order())),
        ["labels that no namespace has"] = new(r => r.NsLabelSelectors = "team=nobody", BackupStatus.Failed, "nothing matched the selection: no namespace on cluster [cluster-1] has the labels [team=nobody]"),
        ["a namespace twice"] = new(r => r.Namespaces.Add(["blog", "blog"]), BackupStatus.Success, "", b => Taken(b, "blog", "ConfigMap blog/blog-config", "StatefulSet blog/blog-db")),
        ["one of two namespaces is missing"] = new(r => r.Namespaces.Add(["blog", "never-was"]), BackupStatus.PartialSuccess, "namespaces that do not exist on the cluster: never-was", b => Assert.Equal(["never-was"], b.MissingNamespaces)),
        ["one of two namespaces is being deleted"] = new(r => r.Namespaces.Add(["blog", "leaving"]), BackupStatus.PartialSuccess, "namespaces that do not exist on the cluster: leaving", b => Assert.Equal(["leaving"], b.MissingNamespaces)),
        ["all namespaces are missing"] = new(r => r.Namespaces.Add("never-was"), BackupStatus.Failed, "nothing matched the selection: none of the namespaces exists on cluster [cluster-1]: never-was"),
        ["a namespace of kinds that are not collected"] = new(r => r.Namespaces.Add("quiet"), BackupStatus.Failed, "nothing matched the selection: namespaces without any resource that Stork backs up: quiet"),
        ["such a namespace beside another"] = new(r => r.Namespaces.Add(["blog", "quiet"]), BackupStatus.PartialSuccess, "namespaces without any resource that Stork backs up: quiet"),
        ["labels that no resource has"] = new(r => { r.Namespaces.Add("shop"); r.LabelSelectors["app"] = "nobody"; }, BackupStatus.Failed, "nothing matched the selection: no resource has the labels [app=nobody] in shop"),
        ["kinds in another case"] = new(r => { r.Namespaces.Add("blog"); r.ResourceTypes.Add(["configmap", "ConfigMap"]); }, BackupStatus.Success, "", b =>
        {
            Taken(b, "blog", "ConfigMap blog/blog-config");
            Assert.Equal(["ConfigMap"], b.ResourceTypes);
        }),
        ["kinds of which there is nothing"] = new(r => { r.Namespaces.Add("blog"); r.ResourceTypes.Add("Ingress"); }, BackupStatus.Failed, "nothing matched the selection: no resource of the kinds Ingress was found in blog"),
        ["a kind that the cluster does not have beside one that it has"] = new(r => { r.Namespaces.Add("blog"); r.ResourceTypes.Add(["ConfigMap", "Route"]); }, BackupStatus.PartialSuccess, "kinds that the cluster does not have: Route"),
        ["a kind that the cluster does not have"] = new(r => { r.Namespaces.Add("blog"); r.ResourceTypes.Add("Route"); }, BackupStatus.Failed, "nothing matched the selection: cluster [cluster-1] has none of the kinds Route"),
        ["an unknown kind"] = new(r => { r.Namespaces.Add("blog"); r.ResourceTypes.Add("ConfigMpa"); }, null, "resource_types[0]: 'ConfigMpa' is not a kind that Stork backs up on this cluster; did you mean ConfigMap?"),
        ["a kind that is never collected"] = new(r => r.IncludeResources.Add(Map("shop", "web", "Pod")), null, "include_resources[0].kind: 'Pod' is not a kind that Stork backs up on this cluster"),
        ["Jobs among the kinds"] = new(r => { r.Namespaces.Add("shop"); r.ResourceTypes.Add("Job"); }, null, "resource_types: Stork backs up no Job when kinds are named"),
        ["an exclusion that would lose Jobs and add ReplicaSets"] = new(r => { r.Namespaces.Add("shop"); r.ExcludeResourceTypes.Add("Secret"); }, null, "exclude Job and ReplicaSet, too, or name the kinds to take in resource_types"),
        ["an exclusion with Jobs and ReplicaSets"] = new(r => { r.Namespaces.Add("shop"); r.ExcludeResourceTypes.Add(["secret", "Job", "ReplicaSet"]); }, BackupStatus.Success, "", b =>
        {
            Assert.DoesNotContain(b.Resources, one => one.Kind is "Secret" or "Job" or "ReplicaSet");
            Assert.Contains(b.Resources, one => one.Kind == "Deployment");
        }),
        ["everything: Jobs, but no ReplicaSet of a Deployment"] = new(r => r.Namespaces.Add("shop"), BackupStatus.Success, "", b =>
        {
            Assert.Contains(b.Resources, one => one.Kind == "Job");
            Assert.DoesNotContain(b.Resources, one => one.Kind == "ReplicaSet");
        }),
        ["all namespaces and labels"] = new(r => { r.Namespaces.Add("*"); r.NsLabelSelectors = "team=web"; }, null, "ns_label_selectors: cannot choose among all namespaces"),
        ["all namespaces and resources"] = new(r => { r.Namespaces.Add("*"); r.IncludeResources.Add(Map("shop", "shop-config")); }, null, "include_resources: with '*' in namespaces every other namespace would be taken in full"),
        ["Stork's namespace without what is ours in it"] = new(r => r.Namespaces.Add("kube-system"), BackupStatus.Success, "", b => Assert.DoesNotContain(b.Resources, one => one.Kind == "Secret" || one.Name.StartsWith("bucket-", StringComparison.Ordinal))),
    };

    private static readonly Dictionary<string, RestoreRow> RestoreRows = new()
    {
        ["one resource, two namespaces mapped"] = new("shop,blog", r => { To(r, ("shop", "x1-PORT"), ("blog", "x2-PORT")); r.IncludeResources.Add(Map("shop", "shop-config")); }, RestoreStatus.Success, "", (r, cluster) =>
        {
            Assert.Equal("ConfigMap", Assert.Single(r.Resources).Kind);
            Assert.Equal(["shop"], r.NamespaceMapping.Keys);
            Assert.Null(cluster.Objects.Find("namespaces", "", r.NamespaceMapping["shop"].Replace("x1", "x2", StringComparison.Ordinal)));
        }),
        ["a misspelt resource"] = new("shop,blog", r => r.IncludeResources.Add(Map("shop", "shop-confg")), null, "include_resources[0]: v1 ConfigMap shop/shop-confg is not in the backup; did you mean v1 ConfigMap shop/shop-config?"),
        ["a namespace that is not in the backup"] = new("shop,blog", r => To(r, ("shopp", "x")), null, "namespace_mapping: namespace [shopp] is not in the backup; it holds shop, blog"),
        ["two namespaces onto one"] = new("shop,blog", r => To(r, ("shop", "both"), ("blog", "both")), null, "namespace_mapping: [blog] and [shop] would be merged in [both]"),
        ["a target that is no Kubernetes name"] = new("shop,blog", r => To(r, ("shop", "My_Shop")), null, "namespace_mapping[shop]: 'My_Shop' is not a namespace's name"),
        ["a target that is the cluster's own"] = new("shop,blog", r => To(r, ("shop", "kube-system")), null, "namespace_mapping: [shop] cannot be restored to [kube-system]"),
        ["a resource outside of the mapping"] = new("shop,blog", r => { To(r, ("blog", "x")); r.IncludeResources.Add(Map("shop", "shop-config")); }, null, "include_resources: names resources of namespace [shop], which is not in namespace_mapping"),
        ["an optional kind that is none"] = new("shop,blog", r => r.IncludeOptionalResourceTypes.Add("Jobs"), null, "include_optional_resource_types[0]: 'Jobs' is not a kind that is left out unless named; there is Job"),
        ["Jobs on request"] = new("shop,blog", r => { To(r, ("shop", "jobs-PORT")); r.IncludeOptionalResourceTypes.Add("job"); }, RestoreStatus.Success, "", (r, _) => Assert.Contains(r.Resources, one => one.Kind == "Job")),
        ["a storage class of CSI volumes"] = new("bank", r => r.StorageClassMapping["standard-csi"] = "px-db", null, "storage_class_mapping: Stork restores CSI volumes in the storage class that they had"),
        ["into a namespace that is being deleted"] = new("shop,blog", r => To(r, ("blog", "leaving")), RestoreStatus.Failed, "nothing was restored: 2 of 2 resources failed: ConfigMap leaving/blog-config, StatefulSet leaving/blog-db",
            (r, _) => Assert.Equal(0UL, r.RestoredResourceCount)),
        ["over what is there"] = new("shop,blog", r => To(r, ("blog", "blog")), RestoreStatus.PartialSuccess, "2 of 2 resources and volumes were there already and were kept", (r, _) => Assert.Equal((2UL, 0UL), (r.ResourceCount, r.RestoredResourceCount))),
    };

    private static readonly Dictionary<string, BackupObject> Backups = [];

    public static TheoryData<string, bool> BackupCases => Cases(BackupRows.Keys);

    public static TheoryData<string, bool> RestoreCases => Cases(RestoreRows.Keys);

    public ValueTask InitializeAsync()
    {
        var objects = machine.Simulated.Objects;
        if (objects.Find("namespaces", "", "quiet") is not null)
            return ValueTask.CompletedTask;
        objects.Create(Json("""{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"quiet"}}"""));
        objects.Create(Json("""{"apiVersion":"autoscaling/v2","kind":"HorizontalPodAutoscaler","metadata":{"name":"web","namespace":"quiet"}}"""));
        objects.Create(Json("""{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"golden","labels":{"tier":"gold"}}}"""));
        objects.Create(Json("""{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"settings","namespace":"golden"}}"""));
        objects.Create(Json("""{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"leaving"}}"""));
        objects.Create(Json("""{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"stays","namespace":"leaving","finalizers":["example.com/stays"]}}"""));
        objects.Delete("namespaces", "", "leaving");
        objects.Create(Json("""
            {"apiVersion":"apps/v1","kind":"ReplicaSet","metadata":{"name":"shop-web-1","namespace":"shop","ownerReferences":[{"apiVersion":"apps/v1","kind":"Deployment","name":"shop-web","uid":"u"}]},"spec":{}}
            """));
        return ValueTask.CompletedTask;
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Theory]
    [MemberData(nameof(BackupCases))]
    public async Task A_backup_ends_as_the_table_says(string row, bool rest)
    {
        var (ask, status, reason, check) = BackupRows[row];
        var request = machine.BackupOf(machine.NewName("row"));
        ask(request);

        if (status is null)
        {
            await RefusedAsync(rest, () => machine.Admin.CreateAsync(request), "/v1/backup", request, reason);
            return;
        }

        await CreateAsync(rest, () => machine.Admin.CreateAsync(request), "/v1/backup", request);
        var info = (await machine.Admin.EndAsync(request)).BackupInfo;

        Assert.True(info.Status.Status == status && info.Status.Reason.Contains(reason, StringComparison.Ordinal), $"{row}: {info.Status}");
        if (status != BackupStatus.Failed)
            Assert.Equal((ulong)info.Resources.Count, info.ResourceCount);
        check?.Invoke(info);
    }

    [Theory]
    [MemberData(nameof(RestoreCases))]
    public async Task A_restore_ends_as_the_table_says(string row, bool rest)
    {
        var (from, ask, status, reason, check) = RestoreRows[row];
        var request = machine.RestoreOf(machine.NewName("row"), await BackupAsync(from));
        ask(request);
        foreach (var (source, target) in request.NamespaceMapping.ToList())
            request.NamespaceMapping[source] = target.Replace("PORT", rest ? "rest" : "grpc", StringComparison.Ordinal);

        if (status is null)
        {
            await RefusedAsync(rest, () => machine.Admin.CreateAsync(request), "/v1/restore", request, reason);
            return;
        }

        await CreateAsync(rest, () => machine.Admin.CreateAsync(request), "/v1/restore", request);
        var info = (await machine.Admin.EndAsync(request)).RestoreInfo;

        Assert.True(info.Status.Status == status && info.Status.Reason.Contains(reason, StringComparison.Ordinal), $"{row}: {info.Status}");
        check?.Invoke(info, machine.Simulated);
    }

    [Fact]
    public async Task A_claim_whose_volume_Stork_cannot_take_and_a_cluster_without_applications_are_no_Success()
    {
        var other = machine.Fleet.Clusters[3];
        var cluster = (await machine.Admin.AddClusterAsync(machine.NewName("bare"), other.Kubeconfig)).Ref();
        other.Objects.Delete("pods", "kube-system", "stork-5c9c7b6f4d-x7k2p");
        other.Objects.Create(Json("""
            {"apiVersion":"v1","kind":"PersistentVolume","metadata":{"name":"disk"},"spec":{"capacity":{"storage":"1Gi"},"hostPath":{"path":"/disk"},"claimRef":{"kind":"PersistentVolumeClaim","namespace":"blog","name":"data"}},"status":{"phase":"Bound"}}
            """));
        other.Objects.Create(Json("""
            {"apiVersion":"v1","kind":"PersistentVolumeClaim","metadata":{"name":"data","namespace":"blog"},"spec":{"volumeName":"disk","resources":{"requests":{"storage":"1Gi"}}},"status":{"phase":"Bound"}}
            """));

        var disk = await EndAsync(cluster, "blog");
        foreach (var name in new[] { "shop", "blog", "bank" })
            other.Objects.Delete("namespaces", "", name);
        var empty = await EndAsync(cluster, "*");

        Assert.Equal(BackupStatus.PartialSuccess, disk.Status.Status);
        Assert.Contains("the data of 1 claims is not in the backup: blog/data (stork namespace is empty)", disk.Status.Reason, StringComparison.Ordinal);
        Assert.Equal(BackupStatus.Failed, empty.Status.Status);
        Assert.StartsWith("nothing matched the selection: no resource that Stork backs up was found", empty.Status.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ownership_that_would_be_dropped_is_refused()
    {
        var request = machine.BackupOf(machine.NewName("shared"), "blog");
        request.Metadata.Ownership = new Ownership { Collaborators = { new Ownership.Types.AccessConfig { Id = "bob", Access = Ownership.Types.AccessType.Read } } };
        var shared = await Assert.ThrowsAsync<RpcException>(() => machine.Admin.CreateAsync(request));
        request.Metadata.Ownership = new Ownership { Owner = "somebody-else" };
        var given = await Assert.ThrowsAsync<RpcException>(() => machine.Admin.CreateAsync(request));

        Assert.Equal((StatusCode.Unimplemented, "metadata.ownership.collaborators: shares are not built yet in this release of PxBackup"), (shared.StatusCode, shared.Status.Detail));
        Assert.StartsWith("metadata.ownership.owner: an object belongs to who creates it", given.Status.Detail, StringComparison.Ordinal);
    }

    private static TheoryData<string, bool> Cases(IEnumerable<string> rows)
    {
        var cases = new TheoryData<string, bool>();
        foreach (var row in rows)
        {
            cases.Add(row, false);
            cases.Add(row, true);
        }

        return cases;
    }

    private static ResourceInfo Map(string ns, string name, string kind = "ConfigMap") => new() { Version = "v1", Kind = kind, Namespace = ns, Name = name };

    private static void To(RestoreCreateRequest request, params (string From, string To)[] mapping) => request.NamespaceMapping.Add(mapping.ToDictionary(pair => pair.From, pair => pair.To));

    private static void Taken(BackupInfo info, string namespaces, params string[] resources)
    {
        Assert.Equal(namespaces.Split(','), info.Namespaces.Order(StringComparer.Ordinal));
        Assert.Equal(resources.Order(StringComparer.Ordinal), info.Resources.Select(one => $"{one.Kind} {one.Namespace}/{one.Name}").Order(StringComparer.Ordinal));
    }

    private static JsonObject Json(string text) => JsonNode.Parse(text)!.AsObject();

    private async Task<BackupInfo> EndAsync(ObjectRef cluster, string ns)
    {
        var request = machine.BackupOf(machine.NewName("bare"), ns);
        request.ClusterRef = cluster;
        await machine.Admin.CreateAsync(request);
        return (await machine.Admin.EndAsync(request)).BackupInfo;
    }

    private async Task<BackupObject> BackupAsync(string namespaces)
    {
        if (!Backups.TryGetValue(namespaces, out var backup))
            Backups[namespaces] = backup = await machine.Admin.TakeAsync(machine.BackupOf(machine.NewName("source"), namespaces.Split(',')));
        return backup;
    }

    private async Task CreateAsync(bool rest, Func<Task> create, string path, Google.Protobuf.IMessage request)
    {
        if (rest)
            await machine.Admin.Rest.DoAsync(HttpMethod.Post, path, RestClient.JsonOf(request));
        else
            await create();
    }

    private async Task RefusedAsync(bool rest, Func<Task> create, string path, Google.Protobuf.IMessage request, string reason)
    {
        if (rest)
        {
            var answer = await machine.Admin.Rest.SendAsync(HttpMethod.Post, path, RestClient.JsonOf(request));
            Assert.Equal(HttpStatusCode.BadRequest, answer.Status);
            Assert.Contains(reason, answer.Json["message"]!.GetValue<string>(), StringComparison.Ordinal);
            return;
        }

        var refusal = await Assert.ThrowsAsync<RpcException>(create);
        Assert.Equal(StatusCode.InvalidArgument, refusal.StatusCode);
        Assert.Contains(reason, refusal.Status.Detail, StringComparison.Ordinal);
    }

    private sealed record BackupRow(Action<BackupCreateRequest> Ask, BackupStatus? Status, string Reason, Action<BackupInfo>? Check = null);

    private sealed record RestoreRow(string From, Action<RestoreCreateRequest> Ask, RestoreStatus? Status, string Reason, Action<RestoreInfo, SimulatedCluster>? Check = null);
}
