using Orleans.Runtime;
using PxBackup.Api;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.Access;

namespace PxBackup.Tests.Simulation;

/// <summary>Who uses the installation: creates, repeats, reads, restores and deletes, each client by its own clock.</summary>
internal sealed class Clients(Installation home)
{
    private const int Patience = 60;

    private World World => home.World;

    private SeededRandom Random => home.World.Random;

    /// <summary>Plans who does what.</summary>
    public void Plan()
    {
        var backups = 1 + (Random.Percent(60) ? 0 : Random.Next(3));
        for (var i = 1; i <= backups; i++)
        {
            var uid = $"backup-{i}";
            var cluster = home.Clusters.Count > 1 && Random.Percent(20) ? "two" : "one";
            World.Begin(() => LifeAsync(uid, cluster));
        }

        if (Random.Percent(12))
            World.Begin(() => RemoveClusterAsync(home.Clusters.Count > 1 && Random.Percent(50) ? "two" : "one"));
    }

    /// <summary>Somebody removes a cluster, whatever runs there.</summary>
    private async Task RemoveClusterAsync(string cluster)
    {
        await World.Delay(Random.Percent(50) ? Random.Seconds(0, 25) : Random.Seconds(25, 90));
        var request = new ClusterDeleteRequest { OrgId = Scene.Org, Uid = cluster, DeleteRestores = Random.Percent(30), DeleteBackups = Random.Percent(30) };
        request.DeleteAllClusterBackups = request.DeleteBackups; // The owners of the work are several.
        home.Truth.Removals[cluster] = (request.DeleteBackups, request.DeleteRestores);
        await UntilDoneAsync($"remove {cluster}", () => home.Grains.Cluster(new ObjectKey(Scene.Org, cluster)).DeleteAsync(request, Scene.Callers[0]), goneIsDone: true);
        home.Truth.RemovalsAccepted.Add(cluster);
    }

    private async Task LifeAsync(string uid, string cluster)
    {
        var caller = Random.Of(Scene.Callers);
        var request = Scene.Backup(uid, cluster, oneMissing: Random.Percent(5));
        home.Truth.Of(uid).Cluster = cluster;
        await World.Delay(Random.Seconds(0, 6));
        var twin = Random.Percent(10) ? CreateAsync(uid, request, caller) : Task.FromResult(false);
        var made = await CreateAsync(uid, request, caller);
        if (!(await twin | made))
            return; // Its cluster is being removed.
        for (var readers = Random.Next(3); readers > 0; readers--)
            World.Begin(() => ReadAsync(uid, caller));
        var restore = Random.Percent(25) ? RestoreAsync(uid, home.Clusters.Count > 1 && Random.Percent(50) ? "two" : cluster, caller) : Task.CompletedTask;
        if (!Random.Percent(60))
        {
            await restore;
            return;
        }

        // Sometimes at once, sometimes in the middle, sometimes at rest.
        await World.Delay(Random.Percent(30) ? Random.Seconds(0, 0.05) : Random.Percent(60) ? Random.Seconds(0, 20) : Random.Seconds(20, 60));
        await DeleteAsync(uid, caller);
        await restore;
    }

    private Task<bool> CreateAsync(string uid, BackupCreateRequest request, Caller caller)
    {
        var tries = 0;
        return UntilDoneAsync($"create {uid}", async () =>
        {
            await Random.Seconds(0, tries++ == 0 ? 0 : 0.01).Elapse(World);
            await home.Grains.Backup(new ObjectKey(Scene.Org, uid)).CreateAsync(request, caller);
        }, cluster: request.ClusterRef.Uid);
    }

    private Task<bool> DeleteAsync(string uid, Caller caller)
    {
        home.Truth.Of(uid).DeletionAsked = true;
        var forget = home.Truth.Of(uid).Forgotten = Random.Percent(10);
        var grain = home.Grains.Backup(new ObjectKey(Scene.Org, uid));
        return UntilDoneAsync($"delete {uid}", () => forget ? grain.ForgetAsync(caller) : grain.DeleteAsync(new BackupDeleteRequest { OrgId = Scene.Org, Uid = uid }, caller), goneIsDone: true);
    }

    private async Task RestoreAsync(string backup, string cluster, Caller caller)
    {
        var uid = "restore-of-" + backup;
        var request = Scene.Restore(uid, cluster, backup);
        home.Truth.Of(uid).Cluster = cluster;
        await World.Delay(Random.Seconds(0, 30));
        var grain = home.Grains.Restore(new ObjectKey(Scene.Org, uid));
        if (!await UntilDoneAsync($"create {uid}", () => grain.CreateAsync(request, caller), goneIsDone: true, notRestorableIsDone: true, cluster: cluster))
            return;
        if (Random.Percent(50))
            World.Begin(() => ReadRestoreAsync(uid, caller));
        if (!Random.Percent(40))
            return;
        await World.Delay(Random.Percent(30) ? Random.Seconds(0, 0.05) : Random.Seconds(0, 30));
        home.Truth.Of(uid).DeletionAsked = true;
        await UntilDoneAsync($"delete {uid}", () => grain.DeleteAsync(new RestoreDeleteRequest { OrgId = Scene.Org, Uid = uid }, caller), goneIsDone: true);
    }

    private async Task ReadAsync(string uid, Caller caller)
    {
        var grain = home.Grains.Backup(new ObjectKey(Scene.Org, uid));
        var (status, stage, resources) = ("Pending", 0, 0UL);
        for (var reads = 3 + Random.Next(8); reads > 0; reads--)
        {
            await World.Delay(Random.Seconds(0, 6));
            try
            {
                var info = (await grain.InspectAsync(new BackupInspectRequest { OrgId = Scene.Org, Uid = uid }, caller)).Value.BackupInfo;
                var now = info.Status.Status.ToString();
                if (!Truth.MayFollow(status, now))
                    World.Break($"N5 a reader of {uid} saw {status} and then {now}");
                if (now == "InProgress" && ((int)info.Stage < stage || info.ResourceCount < resources))
                    World.Break($"N6 a reader of {uid} saw progress go back: {stage}/{resources}, then {info.Stage}/{info.ResourceCount}");
                (status, stage, resources) = (now, (int)info.Stage, info.ResourceCount);
            }
            catch (DomainException e) when (e.Reason == ErrorReason.NotFound)
            {
                if (!home.Truth.WasToGo(ObjectKind.Backup, uid))
                    World.Break($"N1 a reader did not find {uid}, which was accepted and never deleted");
                return;
            }
            catch (Exception e) when (IsPassing(e))
            {
                // Asks again.
            }
        }
    }

    private async Task ReadRestoreAsync(string uid, Caller caller)
    {
        var status = "Pending";
        for (var reads = 3 + Random.Next(6); reads > 0; reads--)
        {
            await World.Delay(Random.Seconds(0, 6));
            try
            {
                var now = (await home.Grains.Restore(new ObjectKey(Scene.Org, uid)).InspectAsync(new RestoreInspectRequest { OrgId = Scene.Org, Uid = uid }, caller)).Value.RestoreInfo.Status.Status.ToString();
                if (!Truth.MayFollow(status, now))
                    World.Break($"N5 a reader of {uid} saw {status} and then {now}");
                status = now;
            }
            catch (DomainException e) when (e.Reason == ErrorReason.NotFound)
            {
                if (!home.Truth.WasToGo(ObjectKind.Restore, uid))
                    World.Break($"N1 a reader did not find {uid}, which was accepted and never deleted");
                return;
            }
            catch (Exception e) when (IsPassing(e))
            {
                // Asks again.
            }
        }
    }

    /// <summary>Asks again until it is done, as a careful client does.</summary>
    /// <returns>False when it can never be done any more.</returns>
    private async Task<bool> UntilDoneAsync(string what, Func<Task> ask, bool goneIsDone = false, bool notRestorableIsDone = false, string cluster = "")
    {
        for (var tries = 1; ; tries++)
        {
            try
            {
                await ask();
                World.Log($"client: {what}: done");
                return true;
            }
            catch (DomainException e) when (goneIsDone && e.Reason == ErrorReason.NotFound)
            {
                return false;
            }
            catch (DomainException e) when (home.Truth.Removals.ContainsKey(cluster) && e.Reason is ErrorReason.NotFound or ErrorReason.WrongState)
            {
                return false;
            }
            catch (DomainException e) when (notRestorableIsDone && e.Reason == ErrorReason.BackupNotRestorable && tries > 3)
            {
                return false;
            }
            catch (Exception e) when (IsPassing(e) || (notRestorableIsDone && e is DomainException { Reason: ErrorReason.BackupNotRestorable }))
            {
                World.Log($"client: {what}: {e.Message}");
                if (tries > Patience)
                {
                    World.Break($"N1 client: {what}: refused {tries} times, at last with {e.GetType().Name}: {e.Message}");
                    return false;
                }
            }

            await World.Delay(Random.Seconds(0.5, 10));
        }
    }

    // AlreadyExists: an own attempt whose answer got lost was written by another activation; asking again finds it.
    private static bool IsPassing(Exception e) => e is TimeoutException or SiloUnavailableException or RecordGone
        || e is DomainException { Reason: ErrorReason.StoreUnavailable or ErrorReason.Conflict or ErrorReason.Unreachable or ErrorReason.AlreadyExists or ErrorReason.Unspecified };

    private sealed class RecordGone : Exception;
}

internal static class Waits
{
    public static Task Elapse(this TimeSpan time, World world) => time > TimeSpan.Zero ? world.Delay(time) : Task.CompletedTask;
}
