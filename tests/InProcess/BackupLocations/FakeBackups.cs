using System.Collections.Concurrent;
using Orleans.Serialization.Invocation;
using Xunit;
using PxBackup.Grains.Backups;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.Backups;
using PxBackup.Grains.Records;
using PxBackup.Tests.InProcess.Records;

namespace PxBackup.Tests.InProcess.BackupLocations;

/// <summary>Stands in for the grains of chosen backups: keeps what they were asked and does what the test says.</summary>
internal sealed class FakeBackups(FakeRecordStore store) : IOutgoingGrainCallFilter
{
    private readonly ConcurrentDictionary<string, Func<string, Task>> _known = new();

    /// <summary>Method and uid of each call, in order.</summary>
    public ConcurrentQueue<(string Method, string Uid)> Asked { get; } = new();

    /// <summary>Puts a finished backup of a location into the store; by default it goes as soon as it is asked to.</summary>
    public async Task<RecordKey> AddAsync(ObjectKey location, Func<RecordKey, string, Task>? asked = null)
    {
        var uid = Guid.NewGuid().ToString();
        var key = new RecordKey(ObjectKind.Backup, location.OrgId, uid);
        var body = new BackupRecord { Backup = new() { Metadata = new() { Name = $"backup-{uid}", Uid = uid, OrgId = location.OrgId }, BackupInfo = new() } };
        await store.InsertAsync(key, body, new RecordIndex
        {
            Name = body.Backup.Metadata.Name,
            Owner = "ann",
            CreatedAt = DateTimeOffset.UnixEpoch,
            UpdatedAt = DateTimeOffset.UnixEpoch,
            Status = "Success",
            References = [location.Uid],
            Readers = ["u:ann"],
        });
        _known[uid] = method => (asked ?? Go)(key, method);
        return key;
    }

    public async Task Invoke(IOutgoingGrainCallContext context)
    {
        if (context.InterfaceMethod?.DeclaringType != typeof(IBackupGrain) || Answer(context.TargetId) is not { } answer)
        {
            await context.Invoke();
            return;
        }

        Asked.Enqueue((context.MethodName, UidOf(context.TargetId)));
        await answer(context.MethodName);
        context.Response = Response.Completed;
    }

    private Func<string, Task>? Answer(GrainId id) => _known.GetValueOrDefault(UidOf(id));

    private static string UidOf(GrainId id) => ObjectKey.Parse(id.Key.ToString()!).Uid;

    private Task Go(RecordKey key, string method)
    {
        store.Vanish(key);
        return Task.CompletedTask;
    }
}
