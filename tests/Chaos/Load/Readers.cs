using System.Diagnostics;
using PxBackup.Api;
using PxBackup.Chaos.Programs;

namespace PxBackup.Chaos.Load;

/// <summary>Clients that only look, at a steady rate whatever comes back (open loop), at both gateways; and some that write labels, to see when writing works.</summary>
internal sealed class Readers(Edge edge, World world) : IAsyncDisposable
{
    private static readonly TimeSpan ListInterval = TimeSpan.FromSeconds(2);
    private readonly CancellationTokenSource _stopped = new();
    private readonly List<Task> _running = [];
    private int _perSecond = 20;
    private int _writesPerSecond;
    private int _number;

    /// <summary>Inspections a second, over all backups and both gateways.</summary>
    public int PerSecond { get => _perSecond; set => Volatile.Write(ref _perSecond, value); }

    /// <summary>Changes of labels a second.</summary>
    public int WritesPerSecond { get => _writesPerSecond; set => Volatile.Write(ref _writesPerSecond, value); }

    public void Start()
    {
        _running.Add(PaceAsync(() => PerSecond, InspectAsync));
        _running.Add(PaceAsync(() => WritesPerSecond, TouchAsync));
        for (var gateway = 0; gateway < Installation.Gateways; gateway++)
            _running.Add(ListAsync(gateway));
    }

    public async ValueTask DisposeAsync()
    {
        await _stopped.CancelAsync();
        await Task.WhenAll(_running);
        _stopped.Dispose();
    }

    /// <summary>One list, whose rows are observations too.</summary>
    public async Task<Reply<BackupEnumerateResponse>> ListOnceAsync(int gateway)
    {
        var reply = await edge.AskAsync($"lister-{gateway}", gateway, byRest: gateway == 1, Rpcs.ListBackups, new BackupEnumerateRequest { OrgId = Requests.Org, EnumerateOptions = new EnumerateOptions { MaxObjects = 1000 } });
        foreach (var backup in reply.Answer?.Backups ?? [])
            world.Listed.Enqueue(new Observation(backup.Metadata.Name, reply.Entry.Client, gateway, reply.Entry.Begin, reply.Entry.End, $"{backup.BackupInfo.Status.Status}"));
        return reply;
    }

    private async Task PaceAsync(Func<int> perSecond, Func<int, Task> act)
    {
        var (open, since, sent) = (new List<Task>(), Stopwatch.StartNew(), 0.0);
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        var last = TimeSpan.Zero;
        while (!_stopped.IsCancellationRequested)
        {
            var now = since.Elapsed;
            for (sent += perSecond() * (now - last).TotalSeconds; sent >= 1; sent--)
                open.Add(act(Interlocked.Increment(ref _number)));
            last = now;
            open.RemoveAll(task => task.IsCompletedSuccessfully);
            try
            {
                await timer.WaitForNextTickAsync(_stopped.Token);
            }
            catch (OperationCanceledException)
            {
                break;
            }
        }

        await Task.WhenAll(open);
    }

    private async Task InspectAsync(int number)
    {
        if (Pick(tracked => tracked is { IsAccepted: true, IsGone: false }) is not { } backup)
            return;
        await edge.AskAsync($"reader-{number & 3}", (number >> 2) & 1, byRest: (number & 7) == 7, Rpcs.InspectBackup, new BackupInspectRequest { OrgId = Requests.Org, Name = backup.Name, Uid = backup.Uid });
    }

    private async Task TouchAsync(int number)
    {
        if (Pick(tracked => tracked is { IsDeleteSent: false, Ended.Length: > 0 } && tracked.Name.Contains("keep", StringComparison.Ordinal)) is not { } backup)
            return;
        var metadata = new CreateMetadata { Name = backup.Name, OrgId = Requests.Org, Uid = backup.Uid, Labels = { ["touched"] = $"{number}" } };
        await edge.AskAsync("writer", number & 1, byRest: false, Rpcs.UpdateBackup, new BackupUpdateRequest { Metadata = metadata });
    }

    private async Task ListAsync(int gateway)
    {
        while (!_stopped.IsCancellationRequested)
        {
            await ListOnceAsync(gateway);
            await Task.WhenAny(Task.Delay(ListInterval, _stopped.Token));
        }
    }

    private Tracked? Pick(Func<Tracked, bool> suits)
    {
        var there = world.Of(TrackedKind.Backup).Where(suits).ToList();
        return there.Count == 0 ? null : there[Random.Shared.Next(there.Count)];
    }
}
