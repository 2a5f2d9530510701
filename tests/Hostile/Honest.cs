using System.Collections.Concurrent;
using System.Diagnostics;
using Google.Protobuf;
using Grpc.Core;
using PxBackup.Api;
using Status = PxBackup.Api.BackupInfo.Types.StatusInfo.Types.Status;

namespace PxBackup.Hostile;

/// <summary>One read of an honest tenant.</summary>
/// <param name="Took">From when it was due until its answer.</param>
/// <param name="Error">Why there was none; empty when there was.</param>
internal readonly record struct Read(TimeSpan Took, string Error);

/// <summary>
/// What honest tenants do meanwhile: they look at their objects ten times a second each, whether or not the last look was answered, and take backups,
/// which must succeed.
/// </summary>
internal sealed class Honest(IReadOnlyList<Tenant> tenants) : IAsyncDisposable
{
    private const int ReadsPerSecond = 10;
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentDictionary<Tenant, BackupObject> _kept = new();
    private readonly List<Task> _work = [];
    private ConcurrentQueue<Read> _reads = new();
    private ConcurrentQueue<string> _backups = new();
    private int _number;

    public IReadOnlyList<Tenant> Tenants => tenants;

    /// <summary>A finished backup of each tenant, as it was when it ended: nothing may change it.</summary>
    public IReadOnlyDictionary<Tenant, BackupObject> Kept => _kept;

    /// <summary>Takes the backups that are kept, and begins to read.</summary>
    public async Task StartAsync()
    {
        foreach (var tenant in tenants)
            _kept[tenant] = await tenant.EndOfAsync(await tenant.BeginBackupAsync($"{tenant.Name}-kept", "shop"));
        foreach (var tenant in tenants)
        {
            _work.Add(ReadAsync(tenant));
            _work.Add(BackUpAsync(tenant));
        }
    }

    /// <summary>What happened since the last call: reads, and backups that did not succeed.</summary>
    public (IReadOnlyList<Read> Reads, IReadOnlyList<string> Backups) Take() => ([.. Interlocked.Exchange(ref _reads, new())], [.. Interlocked.Exchange(ref _backups, new())]);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_work);
        _stop.Dispose();
    }

    private async Task ReadAsync(Tenant tenant)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1.0 / ReadsPerSecond));
        var open = new List<Task>();
        try
        {
            for (var turn = 0; await timer.WaitForNextTickAsync(_stop.Token); turn++)
            {
                open.RemoveAll(task => task.IsCompleted);
                open.Add(ReadOnceAsync(tenant, turn));
            }
        }
        catch (OperationCanceledException)
        {
            await Task.WhenAll(open);
        }
    }

    private async Task ReadOnceAsync(Tenant tenant, int turn)
    {
        var (since, error) = (Stopwatch.StartNew(), "");
        try
        {
            var kept = _kept[tenant].Metadata;
            switch (turn % 4)
            {
                case 0:
                    await tenant.Backups.InspectAsync(new BackupInspectRequest { OrgId = Tenant.Org, Name = kept.Name, Uid = kept.Uid }, tenant.Options);
                    break;
                case 1:
                    await tenant.Backups.EnumerateAsync(new BackupEnumerateRequest { OrgId = Tenant.Org, EnumerateOptions = new EnumerateOptions { MaxObjects = 20 } }, tenant.Options);
                    break;
                case 2:
                    error = await GetAsync(tenant, $"/v1/backup/{Tenant.Org}/{kept.Name}");
                    break;
                default:
                    error = await GetAsync(tenant, $"/v1/cluster/{Tenant.Org}");
                    break;
            }
        }
        catch (RpcException e)
        {
            error = $"{e.StatusCode}: {e.Status.Detail}";
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException or IOException)
        {
            error = e.Message;
        }

        _reads.Enqueue(new Read(since.Elapsed, error));
    }

    private static async Task<string> GetAsync(Tenant tenant, string path)
    {
        using var answer = await tenant.Http.GetAsync(new Uri(path, UriKind.Relative));
        var body = await answer.Content.ReadAsStringAsync();
        return answer.IsSuccessStatusCode ? "" : $"{(int)answer.StatusCode}: {body}";
    }

    private async Task BackUpAsync(Tenant tenant)
    {
        while (!_stop.IsCancellationRequested)
        {
            var name = $"{tenant.Name}-{Interlocked.Increment(ref _number)}";
            try
            {
                var backup = await tenant.EndOfAsync(await tenant.BeginBackupAsync(name, "shop", "blog"));
                if (backup.BackupInfo.Status.Status != Status.Success)
                    _backups.Enqueue($"{name}: {backup.BackupInfo.Status.Status}: {backup.BackupInfo.Status.Reason}");
                await tenant.DeleteAsync(backup);
            }
            catch (Exception e) when (e is RpcException or TimeoutException)
            {
                _backups.Enqueue($"{name}: {e.Message}");
            }

            await Task.WhenAny(Task.Delay(1000, _stop.Token));
        }
    }

    /// <summary>Kept backups that are not what they were.</summary>
    public async Task<IReadOnlyList<string>> ChangedAsync()
    {
        var changed = new List<string>();
        foreach (var (tenant, kept) in _kept)
        {
            try
            {
                var now = await tenant.LookAsync(kept);
                if (!now.ToByteString().Equals(kept.ToByteString()))
                    changed.Add($"backup {kept.Metadata.Name} of an honest tenant changed: {now.BackupInfo.Status}");
            }
            catch (RpcException e)
            {
                changed.Add($"backup {kept.Metadata.Name} of an honest tenant: {e.Status}");
            }
        }

        return changed;
    }
}
