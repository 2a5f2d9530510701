using Grpc.Core;
using PxBackup.Api;

namespace PxBackup.Hostile.Attacks;

/// <summary>What the attacker's object store answers.</summary>
internal static class OnStores
{
    private const int Locations = 16;

    public static IReadOnlyList<Attack> All { get; } =
    [
        new("huge-refusals", "16 locations whose store answers 403 with 50 MB, validated again and again", (scene, stop) => ValidateAsync(scene, StoreMood.HugeRefusals, "huge", stop)),
        new("trickle", "16 locations whose store answers a byte a second", (scene, stop) => ValidateAsync(scene, StoreMood.Trickle, "trickle", stop)),
        new("endless-store", "a backup is deleted whose store lists without end", EndlessAsync),
        new("foreign-keys", "a backup is deleted whose store lists others' keys", ForeignAsync),
    ];

    private static async Task<IReadOnlyList<string>> ValidateAsync(Scene scene, StoreMood mood, string name, CancellationToken cancellationToken)
    {
        var attacker = scene.Attacker;
        scene.HostileStore.Mood = mood;
        var locations = new List<ObjectRef>();
        for (var i = 0; i < Locations; i++)
            locations.Add(await attacker.AddLocationAsync($"{name}-{Guid.NewGuid().ToString()[..8]}", attacker.Credential, scene.HostileStore.Endpoint, Scene.Bucket));
        for (var end = DateTime.UtcNow.AddSeconds(scene.Options.Volume(60)); DateTime.UtcNow < end; await Task.Delay(500, cancellationToken))
        {
            foreach (var location in locations)
                await QuietlyAsync(() => attacker.Locations.ValidateAsync(new BackupLocationValidateRequest { OrgId = Tenant.Org, Name = location.Name, Uid = location.Uid }, attacker.Options).ResponseAsync);
        }

        scene.HostileStore.Mood = StoreMood.Honest;
        foreach (var location in locations)
            await QuietlyAsync(() => attacker.Locations.DeleteAsync(new BackupLocationDeleteRequest { OrgId = Tenant.Org, Name = location.Name, Uid = location.Uid }, attacker.Options).ResponseAsync);
        return [];
    }

    private static Task<IReadOnlyList<string>> EndlessAsync(Scene scene, CancellationToken cancellationToken) => DeleteAsync(scene, StoreMood.EndlessLists, TimeSpan.FromSeconds(scene.Options.Volume(60)), cancellationToken);

    private static async Task<IReadOnlyList<string>> ForeignAsync(Scene scene, CancellationToken cancellationToken)
    {
        var before = scene.KeptKeys();
        scene.HostileStore.Foreign = before;
        await DeleteAsync(scene, StoreMood.ForeignKeys, TimeSpan.FromSeconds(5), cancellationToken);
        return before.Count == scene.KeptKeys().Count ? [] : ["files of honest tenants were deleted"];
    }

    private static async Task<IReadOnlyList<string>> DeleteAsync(Scene scene, StoreMood mood, TimeSpan length, CancellationToken cancellationToken)
    {
        var attacker = scene.Attacker;
        scene.HostileStore.Mood = StoreMood.Honest;
        var location = await attacker.AddLocationAsync($"own-{Guid.NewGuid().ToString()[..8]}", attacker.Credential, scene.HostileStore.Endpoint, "own");
        await Task.Delay(2000, cancellationToken); // Until it is valid.
        var backup = (await attacker.Backups.CreateAsync(new BackupCreateRequest
        {
            Metadata = new CreateMetadata { Name = $"own-{Guid.NewGuid().ToString()[..8]}", OrgId = Tenant.Org }, ClusterRef = attacker.ClusterRef, BackupLocationRef = location, Namespaces = { "shop" },
        }, attacker.Options)).Backup;
        var resources = await scene.Cluster.Objects.WaitForListAsync(Resources.Backups, Resources.Namespace, all => all.Any(one => IsIt(one)), "placed", TimeSpan.FromSeconds(30), cancellationToken);
        var resource = resources.First(IsIt);
        Resources.End(scene, resource, $"{Resources.Namespace}/{Resources.NameOf(resource)}/{Resources.UidOf(resource)}");
        await attacker.EndOfAsync(backup);
        scene.HostileStore.Mood = mood;
        await attacker.Backups.DeleteAsync(new BackupDeleteRequest { OrgId = Tenant.Org, Name = backup.Metadata.Name, Uid = backup.Metadata.Uid }, attacker.Options);
        await Task.Delay(length, cancellationToken);
        scene.HostileStore.Mood = StoreMood.Honest;
        return [];

        bool IsIt(System.Text.Json.Nodes.JsonObject one) => one["metadata"]!["labels"]?["pxbackup.io/uid"]?.GetValue<string>() == backup.Metadata.Uid;
    }

    // What the attacker is refused is no matter here.
    private static async Task QuietlyAsync<T>(Func<Task<T>> call)
    {
        try
        {
            _ = await call();
        }
        catch (RpcException)
        {
            // Such as: it is being validated already.
        }
    }
}
