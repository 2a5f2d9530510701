using System.Text.Json.Nodes;
using PxBackup.Api;
using PxBackup.FleetSimulator.Faults;

namespace PxBackup.Hostile.Attacks;

/// <summary>What the attacker's cluster says.</summary>
internal static class OnReports
{
    private static readonly string[] Kinds = ["ApplicationBackup", "ApplicationRestore"], Plurals = ["applicationbackups", "applicationrestores"];

    public static IReadOnlyList<Attack> All { get; } =
    [
        new("flood", "290,000 resources appear with made-up uids", FloodAsync),
        new("endless-lists", "lists of the cluster never end: full pages, empty pages, one page for ever", EndlessListsAsync),
        new("slow-answers", "the cluster answers a byte a second, then 200 MiB, a refusal of 200 MiB, a header of 4 MiB", SlowAnswersAsync),
        new("forgery", "resources claim to stand for others' backups and restores", ForgeryAsync),
        new("giant-texts", "a reason of 60 MiB, 100,000 resources and volumes in a status, control characters", GiantTextsAsync),
        new("backup-path", "a finished backup says that its files are those of everybody, and is deleted with its data", BackupPathAsync),
    ];

    private static async Task<IReadOnlyList<string>> FloodAsync(Scene scene, CancellationToken cancellationToken)
    {
        WatchFlood[] floods = [.. Plurals.Select(plural => new WatchFlood { Resource = plural, Events = scene.Options.Volume(290_000) / Plurals.Length })];
        foreach (var flood in floods)
            scene.Cluster.Faults.Add(flood);
        // Until all of it is read, or the product reads no more of it.
        for (var (last, still) = (-1, 0); still < 20; await Task.Delay(500, cancellationToken))
        {
            var sent = floods.Sum(flood => flood.Sent);
            (last, still) = sent == last ? (last, still + 1) : (sent, 0);
        }

        var read = floods.Sum(flood => flood.Sent);
        scene.Cluster.Faults.Clear();
        scene.Cluster.Faults.CutWatches();
        return read == 0 ? ["nothing of the flood was read: it flooded nobody"] : [];
    }

    private static async Task<IReadOnlyList<string>> EndlessListsAsync(Scene scene, CancellationToken cancellationToken)
    {
        foreach (var (items, same) in new[] { (500, false), (0, false), (500, true) })
        {
            RequestFault[] faults = [.. new[] { "/namespaces$", "/applicationbackups$", "/applicationrestores$", "/customresourcedefinitions$", "/events$", "/apis" }
                .Select(path => new RequestFault { Path = path, Effect = RequestEffect.EndlessPages, Items = items, SameContinue = same, Count = 0 })];
            foreach (var fault in faults)
                scene.Cluster.Faults.Add(fault);
            scene.Cluster.Faults.CutWatches();
            await OccupyAsync(scene, cancellationToken);
        }

        return [];
    }

    private static async Task<IReadOnlyList<string>> SlowAnswersAsync(Scene scene, CancellationToken cancellationToken)
    {
        foreach (var fault in new[]
        {
            new RequestFault { Effect = RequestEffect.SlowBytes, Count = 0 },
            new RequestFault { Effect = RequestEffect.Giant, Bytes = 200L * 1024 * 1024, Count = 0 },
            new RequestFault { Effect = RequestEffect.Giant, Bytes = 200L * 1024 * 1024, Code = 403, Count = 0 },
            new RequestFault { Effect = RequestEffect.GiantHeader, Bytes = 4L * 1024 * 1024, Count = 0 },
        })
        {
            scene.Cluster.Faults.Add(fault);
            scene.Cluster.Faults.CutConnections();
            await OccupyAsync(scene, cancellationToken);
        }

        return [];
    }

    // The product is asked for what it must ask the cluster for; then the cluster behaves again.
    private static async Task OccupyAsync(Scene scene, CancellationToken cancellationToken)
    {
        for (var end = DateTime.UtcNow.AddSeconds(scene.Options.Volume(40)); DateTime.UtcNow < end; await Task.Delay(500, cancellationToken))
        {
            try
            {
                using var answer = await scene.Attacker.Http.GetAsync(new Uri($"/v1/resourceType/{Tenant.Org}?cluster_ref.name={scene.Attacker.ClusterRef.Name}&cluster_ref.uid={scene.Attacker.ClusterRef.Uid}", UriKind.Relative), cancellationToken);
            }
            catch (Exception e) when (e is HttpRequestException or TaskCanceledException && !cancellationToken.IsCancellationRequested)
            {
                // It took longer than the attacker waits.
            }
        }

        scene.Cluster.Faults.Clear();
        scene.Cluster.Faults.CutConnections();
    }

    private static async Task<IReadOnlyList<string>> ForgeryAsync(Scene scene, CancellationToken cancellationToken)
    {
        var broken = new List<string>();
        foreach (var tenant in scene.Honest.Tenants)
        {
            var running = await tenant.BeginBackupAsync($"{tenant.Name}-forged", "shop");
            foreach (var victim in new[] { running, scene.Honest.Kept[tenant] })
            {
                foreach (var (kind, at) in Kinds.Select((kind, at) => (kind, at)))
                {
                    var name = $"forged-{victim.Metadata.Uid}-{at}";
                    scene.Cluster.Objects.Create(Resources.Claiming(kind, name, victim.Metadata.Uid, new JsonObject { ["stage"] = "Volumes", ["status"] = "InProgress", ["reason"] = "forged", ["totalSize"] = 1 << 30, ["resourceCount"] = 4711 }));
                    scene.Cluster.Objects.Patch(at == 0 ? Resources.Backups : Resources.Restores, Resources.Namespace, name, new JsonObject { ["status"] = new JsonObject { ["stage"] = "Final", ["status"] = "Failed", ["reason"] = "forged" } });
                }
            }

            BackupObject seen;
            do
            {
                seen = await tenant.LookAsync(running);
                if (seen.BackupInfo.Status.Reason.Contains("forged", StringComparison.Ordinal) || seen.BackupInfo.ResourceCount >= 4711 || seen.BackupInfo.TotalSize >= 1 << 30)
                    broken.Add($"a running backup of {tenant.Name} believed another tenant's cluster: {seen.BackupInfo.Status}");
                await Task.Delay(20, cancellationToken);
            }
            while (seen.BackupInfo.Status.Status is BackupInfo.Types.StatusInfo.Types.Status.Pending or BackupInfo.Types.StatusInfo.Types.Status.InProgress && broken.Count < 20);
            var ended = await tenant.EndOfAsync(running);
            if (ended.BackupInfo.Status.Status != BackupInfo.Types.StatusInfo.Types.Status.Success)
                broken.Add($"a running backup of {tenant.Name} ended as {ended.BackupInfo.Status}");
            await tenant.DeleteAsync(ended);
        }

        await Task.Delay(TimeSpan.FromSeconds(scene.Options.IsShort ? 2 : 10), cancellationToken);
        foreach (var resource in new[] { Resources.Backups, Resources.Restores })
        {
            foreach (var forged in scene.Cluster.Objects.List(resource, Resources.Namespace).Select(Resources.NameOf).Where(name => name.StartsWith("forged-", StringComparison.Ordinal)).ToList())
                scene.Cluster.Objects.Delete(resource, Resources.Namespace, forged);
        }

        return broken;
    }

    private static async Task<IReadOnlyList<string>> GiantTextsAsync(Scene scene, CancellationToken cancellationToken)
    {
        var broken = new List<string>();
        var (backup, resource) = await Resources.PlacedAsync(scene, "giant", cancellationToken);
        var size = scene.Options.Volume(60 * 1024 * 1024);
        scene.Cluster.Objects.Patch(Resources.Backups, Resources.Namespace, Resources.NameOf(resource), new JsonObject
        {
            ["status"] = new JsonObject { ["stage"] = "Volumes", ["status"] = "InProgress", ["reason"] = "\u001b[31m\n" + new string('x', size) },
        });
        await Task.Delay(TimeSpan.FromSeconds(4), cancellationToken);
        Judge(await scene.Attacker.LookAsync(backup), "while it runs");
        var end = Resources.Success($"{Resources.Namespace}/{Resources.NameOf(resource)}/{Resources.UidOf(resource)}");
        (end["resources"], end["volumes"]) = (Many(i => new JsonObject { ["group"] = "core", ["version"] = "v1", ["kind"] = "ConfigMap", ["name"] = $"c-{i}", ["namespace"] = "shop" }),
            Many(i => new JsonObject { ["persistentVolumeClaim"] = $"v-{i}", ["namespace"] = "shop", ["status"] = "Successful", ["reason"] = new string('y', 100) }));
        end["reason"] = "\u0000\u202e" + new string('z', size / 10);
        scene.Cluster.Objects.Patch(Resources.Backups, Resources.Namespace, Resources.NameOf(resource), new JsonObject { ["status"] = end });
        Judge(await scene.Attacker.EndOfAsync(backup), "at its end");
        // A client with gRPC's usual limit of 4 MiB.
        _ = await scene.Attacker.Backups.EnumerateAsync(new BackupEnumerateRequest { OrgId = Tenant.Org }, scene.Attacker.Options);
        await scene.Attacker.Backups.DeleteAsync(new BackupDeleteRequest { OrgId = Tenant.Org, Name = backup.Metadata.Name, Uid = backup.Metadata.Uid }, scene.Attacker.Options);
        return broken;

        JsonArray Many(Func<int, JsonNode> one) => new([.. Enumerable.Range(0, scene.Options.Volume(100_000)).Select(one)]);

        void Judge(BackupObject seen, string when)
        {
            if (seen.BackupInfo.Status.Reason.Length > 1100 || seen.BackupInfo.Status.Reason.Any(char.IsControl))
                broken.Add($"a reason of {seen.BackupInfo.Status.Reason.Length} characters was kept {when}");
        }
    }

    private static async Task<IReadOnlyList<string>> BackupPathAsync(Scene scene, CancellationToken cancellationToken)
    {
        var before = scene.KeptKeys();
        var victim = scene.Honest.Kept.Values.First().BackupInfo.BackupPath;
        foreach (var path in new[] { Resources.Namespace, "", "/", "..", $"{Resources.Namespace}/", victim, $"{victim}/", "../company" })
        {
            var (backup, resource) = await Resources.PlacedAsync(scene, "path", cancellationToken);
            Resources.End(scene, resource, path);
            await scene.Attacker.EndOfAsync(backup);
            await scene.Attacker.Backups.DeleteAsync(new BackupDeleteRequest { OrgId = Tenant.Org, Name = backup.Metadata.Name, Uid = backup.Metadata.Uid }, scene.Attacker.Options);
            // Whether it goes or stays is its own affair.
            for (var i = 0; i < 20 && before.Count == scene.KeptKeys().Count; i++)
                await Task.Delay(100, cancellationToken);
        }

        var lost = before.Except(scene.KeptKeys()).ToList();
        return lost.Count == 0 ? [] : [$"{lost.Count} files of honest tenants were deleted, such as {lost[0]}"];
    }
}
