using System.Text;
using System.Text.Json.Nodes;
using PxBackup.FleetSimulator.Kubernetes;

namespace PxBackup.FleetSimulator.Stork;

/// <summary>
/// The objects that Stork makes for one transfer to or from NFS, all called after the first seven characters of the uid, in the namespace of the backup or
/// restore. No kubelet runs the Job here: whoever begins it does its work and says how it ended.
/// </summary>
internal static class NfsJob
{
    /// <summary>Recorded: from the mark of deletion to the end of the ApplicationBackup.</summary>
    public const double SecondsForRemoval = 4.7;

    private const string SkipResource = "stork.libopenstorage.org/skip-resource";
    private const int LongestName = 63;
    private const int UidCharacters = 7;

    private static readonly string Template = EmbeddedJson.Read("nfs-job.json").ToJsonString();

    /// <summary>Such as <c>nfs-backup-122a67d-kube-system</c>.</summary>
    public static string NameOf(JsonObject owner, string prefix)
    {
        var name = $"{prefix}-{owner.Text("metadata", "uid")[..UidCharacters]}-{owner.Text("metadata", "namespace")}";
        return name.Length <= LongestName ? name : name[..LongestName];
    }

    public static bool Exists(StorkWork work, JsonObject owner, string prefix) => work.Store.Find(StorkResources.ResourceExports, owner.Text("metadata", "namespace"), NameOf(owner, prefix)) is not null;

    /// <summary>Makes what is not there yet. The API server's words when it refuses, else null.</summary>
    public static string? Begin(StorkWork work, JsonObject owner, JsonObject location, string prefix)
    {
        try
        {
            foreach (var (type, body) in Objects(owner, location, NameOf(owner, prefix))) Ensure(work, type, body);
            return null;
        }
        catch (KubernetesStatusException refused)
        {
            return refused.Message;
        }
    }

    /// <summary>Writes the end into the Job and both custom resources; null is success.</summary>
    public static void End(StorkWork work, JsonObject owner, string prefix, string? failure)
    {
        var (ns, name) = (owner.Text("metadata", "namespace"), NameOf(owner, prefix));
        var now = KubernetesJson.Stamp(work.Store.Clock.GetUtcNow());
        var status = failure is null ? "Successful" : "Failed";
        work.Killed.ThrowIfCancellationRequested();
        Merge(work, StorkResources.ResourceBackups, ns, name, new JsonObject { ["status"] = status, ["reason"] = failure ?? "", ["ProgressPercentage"] = failure is null ? 100 : 0 });
        Merge(work, StorkResources.ResourceExports, ns, name, new JsonObject { ["status"] = status, ["stage"] = "Final", ["reason"] = failure is null ? "" : $"{ns}/{name} transfer job failed: {failure}" });
        if (failure is not null) return;   // Its pod goes on failing: the Job stays active.
        Merge(work, BuiltInResources.Jobs, ns, name, new JsonObject
        {
            ["active"] = null, ["ready"] = 0, ["succeeded"] = 1, ["completionTime"] = now,
            ["conditions"] = new JsonArray(new JsonObject { ["type"] = "Complete", ["status"] = "True", ["lastProbeTime"] = now, ["lastTransitionTime"] = now }),
        });
    }

    /// <summary>Removes whatever of it is there; never a file.</summary>
    public static void Remove(StorkWork work, JsonObject owner, string prefix)
    {
        var (ns, name) = (owner.Text("metadata", "namespace"), NameOf(owner, prefix));
        Delete(BuiltInResources.Jobs, ns, name);
        Delete(BuiltInResources.Claims, ns, "pvc-" + name);
        Delete(BuiltInResources.Volumes, "", "pv-" + name);
        Delete(BuiltInResources.Secrets, ns, "cred-secret-" + name);
        Delete(BuiltInResources.ClusterRoleBindings, "", name);
        Delete(BuiltInResources.ClusterRoles, "", name);
        Delete(BuiltInResources.ServiceAccounts, ns, name);
        Delete(StorkResources.ResourceBackups, ns, name);
        Delete(StorkResources.ResourceExports, ns, name);

        void Delete(ResourceType type, string at, string item)
        {
            work.Killed.ThrowIfCancellationRequested();
            if (work.Store.Find(type, at, item) is not null) work.Store.Delete(type, at, item, SimulatedStork.Caller);
        }
    }

    private static IEnumerable<(ResourceType Type, JsonObject Body)> Objects(JsonObject owner, JsonObject location, string name)
    {
        var ns = owner.Text("metadata", "namespace");
        var (server, export) = (location.Text("location", "nfsConfig", "serverAddr"), location.Text("location", "nfsConfig", "subPath"));
        var source = Reference(owner);
        var target = Reference(location);
        yield return (StorkResources.ResourceExports, With(Named(name, ns), ("spec", new JsonObject { ["type"] = "nfs", ["triggerFrom"] = "stork", ["triggerFromNs"] = "kube-system", ["source"] = source, ["destination"] = target }),
            ("status", new JsonObject { ["status"] = "InProgress", ["stage"] = "InProgress", ["transferID"] = $"{ns}/{name}" })));
        yield return (StorkResources.ResourceBackups, With(Named(name, ns), ("spec", new JsonObject { ["source"] = target.DeepClone() }), ("status", new JsonObject { ["status"] = "Initial", ["reason"] = "", ["ProgressPercentage"] = 0 })));
        yield return (BuiltInResources.Secrets, With(Named("cred-secret-" + name, ns), ("data", new JsonObject
        {
            ["type"] = Base64("nfs"), ["path"] = Base64(location.Text("location", "path")), ["serverAddr"] = Base64(server), ["subPath"] = Base64(export),
        })));
        yield return (BuiltInResources.ServiceAccounts, Named(name, ns));
        yield return (BuiltInResources.ClusterRoles, With(Named(name, ""), ("rules", new JsonArray(new JsonObject { ["apiGroups"] = new JsonArray("*"), ["resources"] = new JsonArray("*"), ["verbs"] = new JsonArray("*") }))));
        yield return (BuiltInResources.ClusterRoleBindings, With(Named(name, ""), ("roleRef", new JsonObject { ["apiGroup"] = "rbac.authorization.k8s.io", ["kind"] = "ClusterRole", ["name"] = name }),
            ("subjects", new JsonArray(new JsonObject { ["kind"] = "ServiceAccount", ["name"] = name, ["namespace"] = ns }))));
        yield return (BuiltInResources.Volumes, With(Named("pv-" + name, ""), ("spec", new JsonObject
        {
            ["accessModes"] = new JsonArray("ReadWriteMany"), ["persistentVolumeReclaimPolicy"] = "Retain", ["nfs"] = new JsonObject { ["server"] = server, ["path"] = export },
            ["claimRef"] = new JsonObject { ["kind"] = "PersistentVolumeClaim", ["namespace"] = ns, ["name"] = "pvc-" + name },
        }), ("status", new JsonObject { ["phase"] = "Bound" })));
        yield return (BuiltInResources.Claims, With(Named("pvc-" + name, ns), ("spec", new JsonObject { ["accessModes"] = new JsonArray("ReadWriteMany"), ["storageClassName"] = "", ["volumeName"] = "pv-" + name })));
        yield return (BuiltInResources.Jobs, Job(owner, name));
    }

    /// <summary>The recorded Job of a backup; that of a restore differs in what it calls.</summary>
    private static JsonObject Job(JsonObject owner, string name)
    {
        var (ns, verb) = (owner.Text("metadata", "namespace"), owner.Text("kind") == "ApplicationBackup" ? "backup" : "restore");
        var command = $"/nfsexecutor {verb} --app-cr-name {owner.Text("metadata", "name")} --{verb}-namespace {ns} --rb-cr-name {name} --rb-cr-namespace {ns}";
        var body = JsonNode.Parse(Template.Replace("COMMAND", command, StringComparison.Ordinal).Replace("NAME", name, StringComparison.Ordinal).Replace("DRIVER", "nfs" + verb, StringComparison.Ordinal))!.AsObject();
        (body["metadata"]!["name"], body["metadata"]!["namespace"]) = (name, ns);
        return body;
    }

    private static void Ensure(StorkWork work, ResourceType type, JsonObject body)
    {
        var (ns, name) = (body.Text("metadata", "namespace"), body.Text("metadata", "name"));
        work.Killed.ThrowIfCancellationRequested();
        if (work.Store.Find(type, ns, name) is not null) return;   // Stork was killed meanwhile and takes up what it left.
        var made = work.Store.Create(type, ns, body, SimulatedStork.Caller);
        if (type != BuiltInResources.Jobs) return;
        // The API server and the Job controller fill these in.
        work.Store.Patch(type, ns, name, job => JsonNode.Parse(job.ToJsonString().Replace("\"UID\"", $"\"{made.Uid}\"", StringComparison.Ordinal))!.AsObject(), SimulatedStork.Caller);
        Merge(work, type, ns, name, new JsonObject { ["active"] = 1, ["ready"] = 0, ["startTime"] = KubernetesJson.Stamp(work.Store.Clock.GetUtcNow()), ["terminating"] = 0, ["uncountedTerminatedPods"] = new JsonObject() });
    }

    private static void Merge(StorkWork work, ResourceType type, string ns, string name, JsonObject status)
    {
        if (work.Store.Find(type, ns, name) is null) return;   // Somebody removed it under way.
        work.Store.Patch(type, ns, name, before => JsonPatches.Merge(before, new JsonObject { ["status"] = status }), SimulatedStork.Caller, type.Custom ? "" : "status");
    }

    private static JsonObject Reference(JsonObject to) => new()
    {
        ["apiVersion"] = to.Text("apiVersion"), ["kind"] = to.Text("kind"), ["namespace"] = to.Text("metadata", "namespace"), ["name"] = to.Text("metadata", "name"),
    };

    private static JsonObject Named(string name, string ns)
    {
        var metadata = new JsonObject { ["name"] = name, ["annotations"] = new JsonObject { [SkipResource] = "true" } };
        if (ns.Length > 0) metadata["namespace"] = ns;
        return new JsonObject { ["metadata"] = metadata };
    }

    private static JsonObject With(JsonObject body, params (string Field, JsonNode Value)[] fields)
    {
        foreach (var (field, value) in fields) body[field] = value;
        return body;
    }

    private static string Base64(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));
}
