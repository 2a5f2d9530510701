using PxBackup.Api;
using PxBackup.Chaos.Programs;

namespace PxBackup.Chaos.Load;

/// <summary>Plays the clients' stories, and notes what a client can see by itself to be wrong.</summary>
internal sealed class StoryTeller(Edge edge, World world, Uri storeEndpoint, CancellationToken giveUp)
{
    private static readonly string[] FinalStates = ["Success", "PartialSuccess", "Failed", "Aborted", World.Gone];
    private int _begun;
    private int _done;

    /// <summary>Stories begun, and those at their end.</summary>
    public (int Begun, int Done) Count => (Volatile.Read(ref _begun), Volatile.Read(ref _done));

    /// <summary>Plays one story to its end, however long that takes.</summary>
    public async Task PlayAsync(Story story)
    {
        Interlocked.Increment(ref _begun);
        var client = new Client(edge, story.Name, story.Gateway, story.ByRest, giveUp);
        try
        {
            if (story.HasBackup)
                await BackupAsync(client, story);
            else
                await LocationAsync(client, story);
        }
        catch (NotServedException left)
        {
            Wrong("N4", story.Name, $"not done when the run's patience ended: {left.Message}");
        }

        Interlocked.Increment(ref _done);
    }

    /// <summary>Takes a backup and sees it end; used after all, too, to see whether there is room again.</summary>
    public async Task<Tracked?> TakeAsync(Client client, Story story)
    {
        var backup = world.New(TrackedKind.Backup, story.Name, story.Cluster);
        var request = Requests.Backup(story.Name, story.Uid, world.Clusters[story.Cluster], world.Location);
        var copies = await Task.WhenAll(Enumerable.Range(0, story.Copies).Select(_ => client.PersistAsync(Rpcs.CreateBackup, request, story.RequestId)));
        var uids = copies.Where(copy => copy.Reply.IsOk).Select(copy => copy.Reply.Entry.Uid).Distinct().ToList();
        if (uids.Count > 0)
            backup.Uid = uids[0];
        if (uids.Count > 1)
            Wrong("N2", story.Name, $"one request, sent {story.Copies} times, made backups {string.Join(", ", uids)}");
        foreach (var (reply, _) in copies.Where(copy => !copy.Reply.IsOk))
            Wrong("N2", story.Name, $"a repeat of an accepted create was refused: {reply.Entry.Code} {reply.Entry.Detail}");
        return backup.IsAccepted ? backup : null;
    }

    /// <summary>Waits for the backup's end.</summary>
    public async Task<string> EndAsync(Client client, Tracked backup)
    {
        var seen = await client.LookUntilAsync(Rpcs.InspectBackup, new BackupInspectRequest { OrgId = Requests.Org, Name = backup.Name, Uid = backup.Uid }, FinalStates.Contains);
        if (FinalStates.Contains(seen) && seen != World.Gone)
            backup.Ended = seen;
        else
            Wrong("N1", backup.Name, $"an accepted backup that nobody deleted was answered with {seen}");
        return seen;
    }

    private async Task BackupAsync(Client client, Story story)
    {
        if (await TakeAsync(client, story) is not { } backup)
            return;
        if (story.Kind == StoryKind.Cancel)
        {
            await client.PauseAsync(story.Pause, "a cancellation's pause");
            await DeleteAsync(client, backup);
            return;
        }

        var ended = await EndAsync(client, backup);
        if (story.Kind == StoryKind.Delete)
            await DeleteAsync(client, backup);
        else if (story.Kind == StoryKind.Restore && ended is "Success" or "PartialSuccess")
            await RestoreAsync(client, story, backup);
    }

    private async Task DeleteAsync(Client client, Tracked backup)
    {
        backup.IsDeleteSent = true;
        var (reply, attempts) = await client.PersistAsync(Rpcs.DeleteBackup, new BackupDeleteRequest { OrgId = Requests.Org, Name = backup.Name, Uid = backup.Uid });
        Accepted(backup, reply.IsOk, reply.Entry, attempts);
        await GoneAsync(backup, client.LookUntilAsync(Rpcs.InspectBackup, new BackupInspectRequest { OrgId = Requests.Org, Name = backup.Name, Uid = backup.Uid }, seen => seen == World.Gone));
    }

    private async Task RestoreAsync(Client client, Story story, Tracked backup)
    {
        var restore = world.New(TrackedKind.Restore, $"r{story.Name[1..]}", story.Cluster);
        var uid = Story.Uuid(new Random(story.Number));
        var request = Requests.Restore(restore.Name, uid, backup.Ref, world.Clusters[story.Cluster]);
        var copies = await Task.WhenAll(Enumerable.Range(0, story.Copies).Select(_ => client.PersistAsync(Rpcs.CreateRestore, request)));
        foreach (var (reply, _) in copies)
        {
            if (reply.IsOk)
                restore.Uid = reply.Entry.Uid;
            else
                Wrong("N2", restore.Name, $"a create of a restore was refused: {reply.Entry.Code} {reply.Entry.Detail}");
        }

        if (!restore.IsAccepted)
            return;
        var inspect = new RestoreInspectRequest { OrgId = Requests.Org, Name = restore.Name, Uid = restore.Uid };
        restore.Ended = await client.LookUntilAsync(Rpcs.InspectRestore, inspect, FinalStates.Contains);
        restore.IsDeleteSent = true;
        var (deleted, attempts) = await client.PersistAsync(Rpcs.DeleteRestore, new RestoreDeleteRequest { OrgId = Requests.Org, Name = restore.Name, Uid = restore.Uid });
        Accepted(restore, deleted.IsOk, deleted.Entry, attempts);
        await GoneAsync(restore, client.LookUntilAsync(Rpcs.InspectRestore, inspect, seen => seen == World.Gone));
    }

    private async Task LocationAsync(Client client, Story story)
    {
        var location = world.New(TrackedKind.Location, story.Name, story.Cluster);
        var request = Requests.Location(story.Name, story.Uid, world.Credential, storeEndpoint, Installation.Bucket);
        var copies = await Task.WhenAll(Enumerable.Range(0, story.Copies).Select(_ => client.PersistAsync(Rpcs.CreateLocation, request)));
        foreach (var (reply, _) in copies)
        {
            if (reply.IsOk)
                location.Uid = reply.Entry.Uid;
            else
                Wrong("N2", location.Name, $"a create of a location was refused: {reply.Entry.Code} {reply.Entry.Detail}");
        }

        if (!location.IsAccepted)
            return;
        var inspect = new BackupLocationInspectRequest { OrgId = Requests.Org, Name = location.Name, Uid = location.Uid };
        await client.LookUntilAsync(Rpcs.InspectLocation, inspect, seen => seen != "ValidationInProgress");
        var metadata = new CreateMetadata { Name = location.Name, OrgId = Requests.Org, Uid = location.Uid, Labels = { ["story"] = story.Name } };
        await client.PersistAsync(Rpcs.UpdateLocation, new BackupLocationUpdateRequest { Metadata = metadata, BackupLocation = request.BackupLocation });
        location.IsDeleteSent = true;
        var (deleted, attempts) = await client.PersistAsync(Rpcs.DeleteLocation, new BackupLocationDeleteRequest { OrgId = Requests.Org, Name = location.Name, Uid = location.Uid });
        Accepted(location, deleted.IsOk, deleted.Entry, attempts);
        await GoneAsync(location, client.LookUntilAsync(Rpcs.InspectLocation, inspect, seen => seen == World.Gone));
    }

    // A delete whose first answer was lost finds nothing any more: that is as good.
    private void Accepted(Tracked tracked, bool ok, HistoryEntry entry, int attempts)
    {
        tracked.IsDeleteAccepted = ok || (entry.Code == Grpc.Core.StatusCode.NotFound && attempts > 1);
        if (!tracked.IsDeleteAccepted)
            Wrong("N1", tracked.Name, $"a delete was refused: {entry.Code} {entry.Detail}");
    }

    private async Task GoneAsync(Tracked tracked, Task<string> look)
    {
        tracked.IsGone = await look is var seen && seen == World.Gone;
        if (!tracked.IsGone)
            Wrong("N1", tracked.Name, $"a deleted object is still answered with {seen}");
    }

    private void Wrong(string invariant, string about, string what) => world.Violations.Enqueue(new Violation(invariant, about, what));
}
