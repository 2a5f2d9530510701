using System.Diagnostics;
using PxBackup.Chaos.Network;

namespace PxBackup.Chaos.Programs;

/// <summary>Why a program of the product ended.</summary>
internal enum EndedBy
{
    /// <summary>kill -9 or SIGTERM from here.</summary>
    Us,

    /// <summary>A failpoint that it was armed with.</summary>
    FailPoint,

    /// <summary>Itself: such as a silo that others have declared dead.</summary>
    Itself,
}

/// <summary>One end of a program.</summary>
internal sealed record MemberEnd(string Member, EndedBy By, string FailPoint, int ExitCode, string LogFile, string LastLines);

/// <summary>
/// One silo or gateway with a supervisor, as an installation has one: whenever it has ended it is started again, and why it ended is
/// written down.
/// </summary>
internal sealed class Member(string name, Guard guard, string folder, IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string> environment, Uri probes) : IAsyncDisposable
{
    private static readonly TimeSpan RestartPause = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan ReadyPatience = TimeSpan.FromSeconds(90);
    private static readonly HttpClient Http = new() { Timeout = TimeSpan.FromSeconds(2) };
    private readonly CancellationTokenSource _stopped = new();
    private readonly List<MemberEnd> _ends = [];
    private volatile Child? _child;
    private volatile string _failPoint = "";
    private Task _supervising = Task.CompletedTask;
    private int _starts;

    public string Name => name;

    /// <summary>The build that its next start runs: a PxBackup.Silo.dll.</summary>
    public required string Program { get; set; }

    /// <summary>The proxy between this program and the database.</summary>
    public required FaultProxy Database { get; init; }

    /// <summary>The proxy that other silos reach this one through; null for gateways.</summary>
    public FaultProxy? Inbound { get; init; }

    /// <summary>Its process now; null while it is started again.</summary>
    public Child? Child => _child;

    public int Starts => _starts;

    /// <summary>Every end so far.</summary>
    public IReadOnlyList<MemberEnd> Ends
    {
        get { lock (_ends) return [.. _ends]; }
    }

    /// <summary>Tells of every end.</summary>
    public Action<MemberEnd>? Ended { get; init; }

    /// <summary>The failpoint that its next start is armed with, once; empty for none.</summary>
    public string NextFailPoint { get => _failPoint; set => _failPoint = value; }

    /// <summary>How long the supervisor waits before the next restart.</summary>
    public TimeSpan Pause { get; set; } = RestartPause;

    /// <summary>The failpoint it is armed with now.</summary>
    public string Armed { get; private set; } = "";

    public void Start() => _supervising = SuperviseAsync();

    /// <summary>Waits until it says that it is ready.</summary>
    /// <exception cref="TimeoutException">It never was; the text holds its last lines.</exception>
    public async Task ReadyAsync(CancellationToken cancellationToken)
    {
        var patience = Stopwatch.StartNew();
        while (!await IsReadyAsync(cancellationToken))
        {
            if (patience.Elapsed > ReadyPatience)
                throw new TimeoutException($"{name} is not ready after {ReadyPatience.TotalSeconds:0} s: {_child?.LastLines()}");
            await Task.Delay(100, cancellationToken);
        }
    }

    public async Task<bool> IsReadyAsync(CancellationToken cancellationToken)
    {
        try
        {
            using var answer = await Http.GetAsync(new Uri(probes, "/healthz/ready"), cancellationToken);
            return answer.IsSuccessStatusCode;
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException && !cancellationToken.IsCancellationRequested)
        {
            return false;
        }
    }

    /// <summary>kill -9; the supervisor starts it again. True when it was there to be killed.</summary>
    public async Task<bool> KillAsync() => _child is { } child && await child.KillAsync();

    /// <summary>Never throws: the run ends its programs one after the other whatever happens.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stopped.CancelAsync();
        if (_child is { } child)
            await child.KillAsync();
        await _supervising;
        await Database.DisposeAsync();
        if (Inbound is not null)
            await Inbound.DisposeAsync();
        _stopped.Dispose();
    }

    private async Task SuperviseAsync()
    {
        while (!_stopped.IsCancellationRequested)
        {
            var armed = Interlocked.Exchange(ref _failPoint, "");
            var settings = new Dictionary<string, string>(environment) { ["PXBACKUP_FAILPOINTS"] = armed.Length > 0 ? $"{armed}=kill" : "" };
            var logFile = Path.Combine(folder, "logs", $"{name}-{++_starts:000}.log");
            await using var child = Child.Start(guard, logFile, ["dotnet", Program, .. arguments], settings);
            Armed = armed;
            _child = child;
            if (_stopped.IsCancellationRequested)
                await child.KillAsync();
            await child.Ended;
            Armed = "";
            _child = null;
            if (!_stopped.IsCancellationRequested)
                Note(child, armed);
            await Task.WhenAny(Task.Delay(Pause, _stopped.Token));
        }
    }

    private void Note(Child child, string armed)
    {
        var last = child.LastLines();
        var met = armed.Length > 0 && last.Contains($"failpoint {armed}: the process ends here", StringComparison.Ordinal);
        // It may come to its failpoint while it is being stopped.
        var end = new MemberEnd(name, met ? EndedBy.FailPoint : child.WasEnded ? EndedBy.Us : EndedBy.Itself, met ? armed : "", child.ExitCode, child.LogFile, last);
        lock (_ends) _ends.Add(end);
        Ended?.Invoke(end);
    }
}
