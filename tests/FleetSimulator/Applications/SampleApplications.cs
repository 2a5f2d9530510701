using System.Text.Json.Nodes;
using PxBackup.FleetSimulator.Kubernetes;
using PxBackup.FleetSimulator.Stork;

namespace PxBackup.FleetSimulator.Applications;

/// <summary>
/// The applications that clusters start with. <c>shop</c> and <c>blog</c> are the ones of the recordings (15 resources in a backup, no volume); every other
/// name gives a namespace with a database, two bound claims and their volumes.
/// </summary>
public static class SampleApplications
{
    private static readonly IReadOnlyList<JsonObject> Recorded = [.. EmbeddedJson.Read("applications.json").Items().Select(o => o.AsObject())];

    internal static IEnumerable<JsonObject> Of(ResourceType type, IReadOnlyList<string> applications)
    {
        foreach (var application in applications)
        {
            var bodies = application is "shop" or "blog" ? Recorded.Where(o => NamespaceOf(o) == application) : WithVolumes(application);
            foreach (var body in bodies)
            {
                if (body.Text("apiVersion") == type.ApiVersion && body.Text("kind") == type.Kind) yield return body.Copy();
            }
        }
    }

    internal static JsonObject Namespace(string name) => new()
    {
        ["apiVersion"] = "v1", ["kind"] = "Namespace",
        ["metadata"] = new JsonObject { ["name"] = name, ["labels"] = new JsonObject { ["kubernetes.io/metadata.name"] = name } },
        ["spec"] = new JsonObject { ["finalizers"] = new JsonArray("kubernetes") },
        ["status"] = new JsonObject { ["phase"] = "Active" },
    };

    /// <summary>One class per kind of driver that Stork tells apart.</summary>
    internal static IEnumerable<JsonObject> StorageClasses() =>
        new[] { ("standard-csi", "hostpath.csi.k8s.io"), ("px-db", "pxd.portworx.com"), ("local-path", "rancher.io/local-path") }.Select(c => new JsonObject
        {
            ["metadata"] = new JsonObject { ["name"] = c.Item1 }, ["provisioner"] = c.Item2, ["reclaimPolicy"] = "Delete", ["volumeBindingMode"] = "Immediate",
        });

    private static string NamespaceOf(JsonObject body) => body.Text("kind") == "Namespace" ? body.Text("metadata", "name") : body.Text("metadata", "namespace");

    private static IEnumerable<JsonObject> WithVolumes(string name)
    {
        yield return Namespace(name);
        yield return Body("v1", "ConfigMap", name, "settings", ("data", new JsonObject { ["title"] = name }));
        yield return Body("v1", "Secret", name, "database", ("data", new JsonObject { ["password"] = "bWFkZS11cA==" }), ("type", "Opaque"));
        yield return Body("apps/v1", "StatefulSet", name, "database", ("spec", new JsonObject
        {
            ["replicas"] = 2, ["serviceName"] = "database",
            ["selector"] = new JsonObject { ["matchLabels"] = new JsonObject { ["app"] = "database" } },
            ["template"] = new JsonObject
            {
                ["metadata"] = new JsonObject { ["labels"] = new JsonObject { ["app"] = "database" } },
                ["spec"] = new JsonObject { ["containers"] = new JsonArray(new JsonObject { ["name"] = "db", ["image"] = "mysql:8" }) },
            },
        }));
        yield return Body("v1", "Pod", name, "database-0", ("spec", new JsonObject { ["containers"] = new JsonArray(new JsonObject { ["name"] = "db", ["image"] = "mysql:8" }) }),
            ("status", new JsonObject { ["phase"] = "Running" }));
        for (var i = 0; i < 2; i++)
        {
            var volume = $"pvc-{name}-data-{i}";
            yield return Body("v1", "PersistentVolumeClaim", name, $"data-database-{i}", ("spec", new JsonObject
            {
                ["accessModes"] = new JsonArray("ReadWriteOnce"), ["storageClassName"] = "standard-csi", ["volumeName"] = volume, ["volumeMode"] = "Filesystem",
                ["resources"] = new JsonObject { ["requests"] = new JsonObject { ["storage"] = $"{i + 1}Gi" } },
            }), ("status", new JsonObject { ["phase"] = "Bound" }));
            yield return new JsonObject
            {
                ["apiVersion"] = "v1", ["kind"] = "PersistentVolume", ["metadata"] = new JsonObject { ["name"] = volume },
                ["spec"] = new JsonObject
                {
                    ["capacity"] = new JsonObject { ["storage"] = $"{i + 1}Gi" }, ["accessModes"] = new JsonArray("ReadWriteOnce"), ["storageClassName"] = "standard-csi",
                    ["persistentVolumeReclaimPolicy"] = "Delete", ["csi"] = new JsonObject { ["driver"] = "hostpath.csi.k8s.io", ["volumeHandle"] = volume },
                    ["claimRef"] = new JsonObject { ["kind"] = "PersistentVolumeClaim", ["namespace"] = name, ["name"] = $"data-database-{i}" },
                },
                ["status"] = new JsonObject { ["phase"] = "Bound" },
            };
        }
    }

    private static JsonObject Body(string apiVersion, string kind, string ns, string name, params (string Field, JsonNode Value)[] fields)
    {
        var body = new JsonObject
        {
            ["apiVersion"] = apiVersion, ["kind"] = kind,
            ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = ns, ["labels"] = new JsonObject { ["app"] = "database" } },
        };
        foreach (var (field, value) in fields) body[field] = value;
        return body;
    }
}
