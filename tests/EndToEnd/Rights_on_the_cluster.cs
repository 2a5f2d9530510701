using System.Text.Json.Nodes;
using PxBackup.Api;
using Xunit;
using YamlDotNet.RepresentationModel;

namespace PxBackup.Tests.EndToEnd;

/// <summary>The calls that are really made, compared in both directions with the rights that rbac.yaml gives .</summary>
public class Rights_on_the_cluster(Machine machine) : IClassFixture<Machine>
{
    private const string EventsListed = "list events in kube-system";

    [Fact]
    public async Task Work_uses_the_rights_of_the_documented_account_all_of_them_and_no_others()
    {
        var (admin, cluster) = (machine.Admin, machine.Simulated);
        var credential = await admin.AddCredentialAsync(machine.NewName("keys"), Machine.AccessKey, Machine.SecretKey);
        var location = (await admin.AddLocationAsync(machine.NewName("bucket"), credential, machine.StoreEndpoint, "bucket-of-rights")).Ref();
        var request = BackupTo(location, machine.NewName("first"));
        var backup = await admin.TakeAsync(request);
        var restoring = machine.RestoreOf(machine.NewName("restore"), backup, ("shop", machine.NewName("restored")));
        await admin.CreateAsync(restoring);
        await admin.EndAsync(restoring);

        // Somebody changes what was placed: the next backup puts it right.
        foreach (var (resource, field) in new[] { ("secrets", """{"data":{"region":"eA=="}}"""), ("backuplocations.stork.libopenstorage.org", """{"location":{"path":"x"}}""") })
        {
            foreach (var placed in cluster.Objects.List(resource, Machine.StorkNamespace).Where(item => item["metadata"]!["name"]!.GetValue<string>().StartsWith(location.Name, StringComparison.Ordinal)))
                cluster.Objects.Patch(resource, Machine.StorkNamespace, placed["metadata"]!["name"]!.GetValue<string>(), JsonNode.Parse(field)!.AsObject());
        }

        // Stork says nothing for a while: its Warnings are looked for.
        await cluster.Stork.StopAsync();
        var slow = BackupTo(location, machine.NewName("slow"));
        await admin.CreateAsync(slow);
        await Wait.UntilAsync(() => cluster.UsedRights.All, rights => rights.Contains(EventsListed), "Warnings are looked for");
        cluster.Stork.Start();
        await admin.EndAsync(slow);
        await admin.DeleteAsync(restoring);
        await admin.GoneAsync(restoring);
        foreach (var made in new[] { request, slow })
        {
            await admin.DeleteAsync(made);
            await admin.GoneAsync(made);
        }

        await admin.Rest.DoAsync(HttpMethod.Get, $"/v1/resourceType/default?cluster_ref.name={machine.Cluster.Name}&cluster_ref.uid={machine.Cluster.Uid}");
        await admin.Locations.DeleteAsync(new BackupLocationDeleteRequest { OrgId = Client.Org, Name = location.Name, Uid = location.Uid }, admin.Options);
        await Wait.UntilAsync(() => cluster.UsedRights.All, rights => rights.Contains("delete secrets in kube-system"), "the location's copy is removed from the cluster");

        Assert.Equal(Given(), cluster.UsedRights.All);
    }

    /// <summary>The file's rights in the words of the simulator, where Stork runs in its admin namespace kube-system.</summary>
    private static IEnumerable<string> Given()
    {
        var stream = new YamlStream();
        using var text = File.OpenText(Path.Combine(AppContext.BaseDirectory, "rbac.yaml"));
        stream.Load(text);
        var rights = from document in stream.Documents.Select(document => document.RootNode)
                     let kind = $"{document["kind"]}"
                     where kind is "Role" or "ClusterRole"
                     from rule in ((YamlSequenceNode)document["rules"]).Children.Cast<YamlMappingNode>()
                     from verb in Words(rule, "verbs")
                     from resource in Words(rule, "resources")
                     from grouped in Words(rule, "apiGroups")
                     from name in Words(rule, "resourceNames").DefaultIfEmpty("")
                     select $"{verb} {resource}{(grouped.Length > 0 ? "." + grouped : "")}{(name.Length > 0 ? " " + name : "")}{(kind == "Role" ? " in kube-system" : "")}";
        return rights.Order(StringComparer.Ordinal);
    }

    private static IEnumerable<string> Words(YamlMappingNode rule, string key) =>
        rule.Children.TryGetValue(key, out var words) ? ((YamlSequenceNode)words).Children.Select(word => $"{word}") : [];

    private BackupCreateRequest BackupTo(ObjectRef location, string name)
    {
        var request = machine.BackupOf(name, "shop");
        request.BackupLocationRef = location;
        return request;
    }
}
