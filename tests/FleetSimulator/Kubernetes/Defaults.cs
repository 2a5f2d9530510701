using System.Text;
using System.Text.Json.Nodes;

namespace PxBackup.FleetSimulator.Kubernetes;

/// <summary>The few defaults of built-in kinds that backups and restores depend on.</summary>
internal static class Defaults
{
    private const int FirstNodePort = 30000;
    private const int LastNodePort = 32767;

    public static void OnCreate(ResourceType type, JsonObject body, ClusterStore store)
    {
        switch (type.Kind)
        {
            case "Namespace" when type.Group.Length == 0:
                body.Child("metadata").Child("labels")["kubernetes.io/metadata.name"] = body.Text("metadata", "name");
                body["spec"] = new JsonObject { ["finalizers"] = new JsonArray("kubernetes") };
                body["status"] = new JsonObject { ["phase"] = "Active" };
                break;
            case "Secret" when type.Group.Length == 0:
                foreach (var (key, value) in body.Map("stringData")) body.Child("data")[key] = Convert.ToBase64String(Encoding.UTF8.GetBytes(value));
                body.Remove("stringData");
                if (body.Text("type").Length == 0) body["type"] = "Opaque";
                break;
            case "Service" when type.Group.Length == 0:
                Service(body, store);
                break;
            case "PersistentVolumeClaim" when type.Group.Length == 0:
                // There is no volume controller here: a claim that names its volume is bound to it at once, any other waits for ever.
                if (body.At("status", "phase") is null) body["status"] = new JsonObject { ["phase"] = body.Text("spec", "volumeName").Length > 0 ? "Bound" : "Pending" };
                break;
            case "CustomResourceDefinition":
                Definition(body, store.Clock.GetUtcNow());
                break;
        }
    }

    /// <summary>What the controllers put into every new namespace.</summary>
    public static IEnumerable<(ResourceType Type, JsonObject Body)> OfNamespace(string name)
    {
        yield return (BuiltInResources.ServiceAccounts, new JsonObject { ["metadata"] = new JsonObject { ["name"] = "default", ["namespace"] = name } });
        yield return (BuiltInResources.ConfigMaps, new JsonObject
        {
            ["metadata"] = new JsonObject { ["name"] = "kube-root-ca.crt", ["namespace"] = name },
            ["data"] = new JsonObject { ["ca.crt"] = "" },
        });
    }

    private static void Service(JsonObject body, ClusterStore store)
    {
        var spec = body.Child("spec");
        if (spec.Text("type").Length == 0) spec["type"] = "ClusterIP";
        if (spec.Text("clusterIP").Length == 0)
        {
            spec["clusterIP"] = $"10.96.{Random.Shared.Next(1, 255)}.{Random.Shared.Next(1, 255)}";
            spec["clusterIPs"] = new JsonArray(spec.Text("clusterIP"));
        }

        if (body["status"] is null) body["status"] = new JsonObject { ["loadBalancer"] = new JsonObject() };
        if (spec.Text("type") is not ("NodePort" or "LoadBalancer")) return;
        var taken = store.List(BuiltInResources.Services).SelectMany(s => s.Body().Items("spec", "ports")).Select(p => p.Text("nodePort")).ToHashSet();
        foreach (var port in spec.Items("ports").Select(p => p.AsObject()))
        {
            var wanted = port.Text("nodePort");
            if (wanted.Length > 0 && taken.Contains(wanted))
                throw Refusals.Invalid(BuiltInResources.Services, body.Text("metadata", "name"), $"spec.ports[0].nodePort: Invalid value: {wanted}: provided port is already allocated");
            for (var next = FirstNodePort; wanted.Length == 0 && next <= LastNodePort; next++)
            {
                if (!taken.Add(next.ToString())) continue;
                port["nodePort"] = next;
                break;
            }
        }
    }

    private static void Definition(JsonObject body, DateTimeOffset now)
    {
        var names = body.Child("spec").Child("names");
        if (names.Text("listKind").Length == 0) names["listKind"] = names.Text("kind") + "List";
        if (names.Text("singular").Length == 0) names["singular"] = names.Text("kind").ToLowerInvariant();
        body["status"] = new JsonObject
        {
            ["acceptedNames"] = names.DeepClone(),
            ["conditions"] = new JsonArray(Condition("NamesAccepted", "NoConflicts", "no conflicts found"), Condition("Established", "InitialNamesAccepted", "the initial names have been accepted")),
            ["storedVersions"] = KubernetesJson.ArrayOf(body.Items("spec", "versions").Where(v => v.Flag("storage")).Select(v => v.Text("name"))),
        };

        JsonObject Condition(string type, string reason, string message) => new()
        {
            ["type"] = type, ["status"] = "True", ["lastTransitionTime"] = KubernetesJson.Stamp(now), ["reason"] = reason, ["message"] = message,
        };
    }
}
