using System.Globalization;
using PxBackup.Chaos.Programs;

namespace PxBackup.Hostile;

/// <summary>The product under attack: one process, SQLite, embedded sign-in, a heap limit. It is not started again: an end is a defeat.</summary>
internal sealed class Target : IAsyncDisposable
{
    public const string AdminName = "px-central-admin", AdminPassword = "hostile-administrator-password";

    // Seconds where an installation has minutes: what is to be seen shall be seen within the run.
    private static readonly Dictionary<string, string> Settings = new()
    {
        ["PXBACKUP_ADMIN_PASSWORD"] = AdminPassword,
        ["PXBACKUP_Backups__CheckInterval"] = "00:00:02",
        ["PXBACKUP_Backups__DeletePollInterval"] = "00:00:00.3",
        ["PXBACKUP_Restores__CheckInterval"] = "00:00:02",
        ["PXBACKUP_Clusters__RecheckInterval"] = "00:00:02",
        ["PXBACKUP_Clusters__BackoffMaximum"] = "00:00:02",
        ["PXBACKUP_Recovery__Interval"] = "00:00:05",
    };

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);
    private readonly Guard _guard;

    private Target(Guard guard, Child program, int rest, int grpc) => (_guard, Program, Rest, Grpc) = (guard, program, new($"http://127.0.0.1:{rest}"), new($"http://127.0.0.1:{grpc}"));

    public Child Program { get; }

    public Uri Rest { get; }

    public Uri Grpc { get; }

    /// <summary>Resident memory now, MiB; 0 when it has ended.</summary>
    public long Rss => Program.Measure()?.Rss ?? 0;

    /// <summary>Bytes that it has logged.</summary>
    public long LogBytes => File.Exists(Program.LogFile) ? new FileInfo(Program.LogFile).Length : 0;

    /// <summary>Starts it and waits until it is ready.</summary>
    /// <exception cref="TimeoutException">It never was; the text holds its last lines.</exception>
    public static async Task<Target> StartAsync(HostileOptions options, CancellationToken cancellationToken)
    {
        var (guard, rest, grpc) = (Guard.Start(), Places.FreePort(), Places.FreePort());
        var environment = new Dictionary<string, string>(Settings) { ["DOTNET_GCHeapHardLimit"] = ((long)options.Heap * 1024 * 1024).ToString("x", CultureInfo.InvariantCulture) };
        var program = Child.Start(guard, Path.Combine(options.Folder, "server.log"), [
            "dotnet", options.Server.Length > 0 ? options.Server : Places.Product, "--all-in-one", "--data", Path.Combine(options.Folder, "data"),
            "--rest-port", rest.ToString(CultureInfo.InvariantCulture), "--grpc-port", grpc.ToString(CultureInfo.InvariantCulture)], environment);
        var target = new Target(guard, program, rest, grpc);
        try
        {
            using var http = new HttpClient { BaseAddress = target.Rest, Timeout = TimeSpan.FromSeconds(5) };
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            limit.CancelAfter(Patience);
            while (!await IsReadyAsync(http, limit.Token))
            {
                if (program.HasEnded)
                    throw new TimeoutException($"the server ended at its start: {program.LastLines()}");
                await Task.Delay(100, limit.Token);
            }

            return target;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            var last = program.LastLines();
            await target.DisposeAsync();
            throw new TimeoutException($"the server is not ready after {Patience.TotalSeconds:0} s: {last}");
        }
        catch
        {
            await target.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Program.DisposeAsync();
        await _guard.DisposeAsync();
    }

    private static async Task<bool> IsReadyAsync(HttpClient http, CancellationToken cancellationToken)
    {
        try
        {
            using var answer = await http.GetAsync(new Uri("/healthz/ready", UriKind.Relative), cancellationToken);
            return answer.IsSuccessStatusCode;
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException && !cancellationToken.IsCancellationRequested)
        {
            return false;
        }
    }
}
