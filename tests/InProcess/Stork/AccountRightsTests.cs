using PxBackup.Stork;
using Xunit;
using YamlDotNet.RepresentationModel;

namespace PxBackup.Tests.InProcess.Stork;

/// <summary>The calls themselves are compared with the same table by tests/EndToEnd (Rights_on_the_cluster).</summary>
public class AccountRightsTests
{
    private static readonly string File = Path.Combine(AppContext.BaseDirectory, "rbac.yaml");

    [Fact]
    public void The_file_gives_exactly_the_rights_that_the_product_uses()
    {
        var given = Documents().Where(document => Text(document, "kind") is "Role" or "ClusterRole")
            .SelectMany(role => ((YamlSequenceNode)role["rules"]).Children.Cast<YamlMappingNode>().SelectMany(rule => Rights($"{Text(role, "kind")} {Text(role, "metadata", "name")}", rule)))
            .Order(StringComparer.Ordinal);

        var used = AccountRights.All.SelectMany(right => right.Verbs.Select(verb => $"{right.Role}: {verb} {right.Resource}.{right.Group} [{string.Join(",", right.Names)}]")).Order(StringComparer.Ordinal);

        Assert.Equal(used, given);
    }

    [Fact]
    public void Stork_leaves_the_account_and_its_token_out_of_backups()
    {
        foreach (var document in Documents().Where(document => Text(document, "kind") != "Namespace"))
            Assert.Equal("true", Text(document, "metadata", "annotations", "stork.libopenstorage.org/skip-resource"));
    }

    [Theory]
    [InlineData("GET", "/api/v1/namespaces/kube-system", "get namespaces kube-system")]
    [InlineData("GET", "/api/v1/namespaces?limit=500", "list namespaces")]
    [InlineData("GET", "/api/v1/namespaces/a/secrets/b", "get secrets b in namespace a")]
    [InlineData("POST", "/api/v1/namespaces/a/secrets", "create secrets in namespace a")]
    [InlineData("PATCH", "/apis/stork.libopenstorage.org/v1alpha1/namespaces/a/applicationbackups/b", "patch applicationbackups.stork.libopenstorage.org b in namespace a")]
    [InlineData("GET", "/apis/stork.libopenstorage.org/v1alpha1/namespaces/a/applicationbackups?watch=true&labelSelector=x", "watch applicationbackups.stork.libopenstorage.org in namespace a")]
    [InlineData("DELETE", "/apis/stork.libopenstorage.org/v1alpha1/namespaces/a/rules/b", "delete rules.stork.libopenstorage.org b in namespace a")]
    [InlineData("GET", "/version", "")]
    [InlineData("GET", "/apis/apps/v1", "")]
    public void A_path_tells_the_right_that_it_needs(string method, string path, string right) => Assert.Equal(right, $"{KubernetesRight.Of(new HttpMethod(method), path)}");

    private static List<YamlMappingNode> Documents()
    {
        var stream = new YamlStream();
        using var text = System.IO.File.OpenText(File);
        stream.Load(text);
        return [.. stream.Documents.Select(document => (YamlMappingNode)document.RootNode)];
    }

    private static IEnumerable<string> Rights(string role, YamlMappingNode rule) =>
        from verb in Words(rule, "verbs")
        from resource in Words(rule, "resources")
        from grouped in Words(rule, "apiGroups")
        select $"{role}: {verb} {resource}.{grouped} [{string.Join(",", Words(rule, "resourceNames"))}]";

    private static IEnumerable<string> Words(YamlMappingNode rule, string key) =>
        rule.Children.TryGetValue(key, out var words) ? ((YamlSequenceNode)words).Children.Select(word => ((YamlScalarNode)word).Value!) : [];

    private static string Text(YamlNode node, params string[] path) => ((YamlScalarNode)path.Aggregate(node, (inner, key) => inner[key])).Value!;
}
