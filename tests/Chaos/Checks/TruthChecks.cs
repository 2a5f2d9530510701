using System.Text.Json.Nodes;
using PxBackup.Api;
using PxBackup.Chaos.Load;
using PxBackup.Chaos.Programs;
using PxBackup.FleetSimulator;

namespace PxBackup.Chaos.Checks;

/// <summary>What was promised against the clusters' objects, their logs of writes, and the bucket (N1, N2, N3, N4, N6).</summary>
internal sealed class TruthChecks(Installation installation, World world, Edge edge)
{
    private const string Backups = "applicationbackups.stork.libopenstorage.org", Restores = "applicationrestores.stork.libopenstorage.org";
    private const string UidLabel = "pxbackup.io/uid", ManagedBy = "app.kubernetes.io/managed-by";
    private const string StorkNamespace = "kube-system";
    private static readonly string[] FourFiles = ["crds.json", "metadata.json", "namespaces.json", "resources.json"];

    /// <summary>Everything about backups and restores that the API, the clusters and the bucket must agree on.</summary>
    public async Task<IReadOnlyList<Violation>> RunAsync()
    {
        var wrong = new List<Violation>();
        var listed = new Dictionary<string, BackupObject>[Installation.Gateways];
        for (var gateway = 0; gateway < Installation.Gateways; gateway++)
            listed[gateway] = await ListAsync(gateway, wrong);
        foreach (var backup in world.Of(TrackedKind.Backup).Where(backup => backup.IsAccepted))
            Check(backup, [.. listed.Select(list => list.GetValueOrDefault(backup.Name))], wrong);
        foreach (var restore in world.Of(TrackedKind.Restore).Where(restore => restore.IsAccepted))
            Check(restore, wrong);
        foreach (var cluster in installation.Fleet.Clusters)
            wrong.AddRange(Orphans(cluster));
        foreach (var extra in listed[0].Keys.Except(world.Objects.Keys))
            wrong.Add(new("N2", extra, "is listed, but nobody asked for it"));
        return wrong;
    }

    /// <summary>Each cluster is watched once for each resource: one live grain has it.</summary>
    public IEnumerable<Violation> Watches() =>
        from cluster in installation.Fleet.Clusters
        let watches = cluster.Faults.OpenWatches
        from resource in (string[])[Backups, Restores]
        let count = watches.Count(watch => watch == resource)
        where count != 1
        select new Violation("watch", cluster.Name, $"{count} watches of {resource} instead of one; all: {string.Join(", ", watches)}");

    private async Task<Dictionary<string, BackupObject>> ListAsync(int gateway, List<Violation> wrong)
    {
        var found = new Dictionary<string, BackupObject>(StringComparer.Ordinal);
        for (var at = 0ul; ; at += 500)
        {
            var reply = await edge.AskAsync("checker", gateway, byRest: false, Rpcs.ListBackups, new BackupEnumerateRequest { OrgId = Requests.Org, EnumerateOptions = new EnumerateOptions { MaxObjects = 500, ObjectIndex = at } });
            if (!reply.IsOk)
            {
                wrong.Add(new("N16", "", $"gateway {gateway + 1} does not list backups although all is well: {reply.Entry.Code} {reply.Entry.Detail}"));
                return found;
            }

            foreach (var backup in reply.Answer!.Backups)
            {
                if (!found.TryAdd(backup.Metadata.Name, backup))
                    wrong.Add(new("N2", backup.Metadata.Name, $"is there twice: {found[backup.Metadata.Name].Metadata.Uid} and {backup.Metadata.Uid}"));
            }

            if (reply.Answer.Backups.Count < 500)
                return found;
        }
    }

    private void Check(Tracked backup, IReadOnlyList<BackupObject?> listed, List<Violation> wrong)
    {
        var cluster = installation.Fleet.Clusters[backup.Cluster];
        var creates = Creates(cluster, Backups, backup.Resource);
        var resource = cluster.Objects.Find(Backups, StorkNamespace, backup.Resource);
        var files = installation.Store.Keys(Installation.Bucket, $"{StorkNamespace}/{backup.Resource}/").Select(key => key[(key.LastIndexOf('/') + 1)..]).Order(StringComparer.Ordinal).ToList();
        if (creates > 1)
            Wrong("N2", $"its ApplicationBackup was created {creates} times");
        if (backup.IsDeleteAccepted)
        {
            if (listed.FirstOrDefault(there => there is not null) is { } risen)
                Wrong("N9", $"deleted, but listed as {risen.BackupInfo.Status.Status}");
            if (resource is not null)
                Wrong("N3", "deleted, but its ApplicationBackup is still there");
            if (files.Count > 0)
                Wrong("N1", $"deleted, but the bucket still has {string.Join(", ", files)}");
            return;
        }

        if (listed.Any(there => there is null))
        {
            Wrong("N1", $"accepted, but not listed by {string.Join(" and ", listed.Select((there, gateway) => (there, gateway)).Where(pair => pair.there is null).Select(pair => $"gateway {pair.gateway + 1}"))}");
            return;
        }

        var (info, metadata) = (listed[0]!.BackupInfo, listed[0]!.Metadata);
        if (listed[1]!.BackupInfo.Status.Status != info.Status.Status)
            Wrong("N5", $"one gateway lists it as {info.Status.Status}, the other as {listed[1]!.BackupInfo.Status.Status}");
        var told = $"{info.Status.Status}";
        if (HistoryChecks.Rank(told) != 3)
            Wrong("N4", $"is still {told}: {info.Status.Reason}");
        else if (told is "Success" or "PartialSuccess")
        {
            if (creates != 1 || Text(resource, "status", "stage") != "Final" || Text(resource, "status", "status") is not ("Successful" or "PartialSuccess"))
                Wrong("N1", $"is {told}, but its ApplicationBackup ({creates} creates) is {Text(resource, "status", "stage")} {Text(resource, "status", "status")}");
            if (!files.SequenceEqual(FourFiles))
                Wrong("N1", $"is {told}, but the bucket has [{string.Join(", ", files)}]");
            if (info.CompletionTimeInfo?.TotalCompletionTime is { } completed && completed < metadata.CreateTime)
                Wrong("N6", $"completed at {completed}, created at {metadata.CreateTime}");
        }
        else if (!FailedInTruth(cluster, Backups, backup.Resource))
            Wrong("N1", $"is {told} ({info.Status.Reason}), but Stork did not fail");

        void Wrong(string invariant, string what) => wrong.Add(new(invariant, backup.Name, what));
    }

    private void Check(Tracked restore, List<Violation> wrong)
    {
        var cluster = installation.Fleet.Clusters[restore.Cluster];
        var creates = Creates(cluster, Restores, restore.Resource);
        if (creates > 1)
            wrong.Add(new("N2", restore.Name, $"its ApplicationRestore was created {creates} times"));
        if (restore.Ended is "Success" or "PartialSuccess" && creates != 1)
            wrong.Add(new("N1", restore.Name, $"ended as {restore.Ended}, but its ApplicationRestore was created {creates} times"));
        if (restore.Ended is "Success" && cluster.Objects.List("configmaps", $"shop-{restore.Name}").Count == 0)
            wrong.Add(new("N1", restore.Name, "ended as Success, but nothing is in the namespace"));
        if (restore.Ended is "Failed" && !FailedInTruth(cluster, Restores, restore.Resource))
            wrong.Add(new("N1", restore.Name, "ended as Failed, but Stork did not fail"));
    }

    private IEnumerable<Violation> Orphans(SimulatedCluster cluster)
    {
        var live = world.Objects.Values.Where(tracked => tracked is { IsAccepted: true, IsDeleteAccepted: false, IsGone: false }).Select(tracked => tracked.Uid).ToHashSet();
        return ((string[])[Backups, Restores]).SelectMany(type => cluster.Objects.List(type, StorkNamespace).Select(item => (type, item)))
            .Where(pair => Text(pair.item, "metadata", "labels", ManagedBy) == "pxbackup" && !live.Contains(Text(pair.item, "metadata", "labels", UidLabel)))
            .Select(pair => new Violation("N3", Text(pair.item, "metadata", "name"), $"a resource of {pair.type} on {cluster.Name} that belongs to nothing"));
    }

    private static int Creates(SimulatedCluster cluster, string type, string name) => cluster.Log.Since().Count(entry => entry.Verb == "create" && entry.Resource == type && entry.Name == name);

    private static bool FailedInTruth(SimulatedCluster cluster, string type, string name) => cluster.Log.Since().Any(entry => entry.Resource == type && entry.Name == name && entry.Status == "Failed");

    private static string Text(JsonObject? from, params string[] path)
    {
        JsonNode? node = from;
        foreach (var name in path)
            node = (node as JsonObject)?[name];
        return (node as JsonValue)?.GetValue<string>() ?? "";
    }
}
