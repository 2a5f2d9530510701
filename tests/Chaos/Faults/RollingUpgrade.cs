using System.Diagnostics;
using PxBackup.Chaos.Programs;

namespace PxBackup.Chaos.Faults;

/// <summary>
/// Replaces the programs as an operator does: one at a time, silos before gateways, the next one when the last one is ready. Then back
/// again, as after an upgrade that one regrets: gateways first.
/// </summary>
internal sealed class RollingUpgrade(Installation installation, FaultLedger ledger, FaultLog log)
{
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(12);

    /// <summary>How long both builds work side by side after each step, so that requests meet each mixture.</summary>
    private static readonly TimeSpan Settle = TimeSpan.FromSeconds(5);

    /// <summary>How long SIGTERM took; null for a program that had to be killed.</summary>
    public List<TimeSpan?> Stops { get; } = [];

    /// <summary>From the old build to this one and back to the old one.</summary>
    /// <param name="old">PxBackup.Silo.dll of the old build.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="TimeoutException">A program did not become ready again; the text holds its last lines.</exception>
    public async Task RunAsync(string old, CancellationToken cancellationToken)
    {
        foreach (var member in installation.Members)
            await ReplaceAsync(member, Places.Product, "upgrade", cancellationToken);
        foreach (var member in installation.Members.Reverse())
            await ReplaceAsync(member, old, "rollback", cancellationToken);
    }

    private async Task ReplaceAsync(Member member, string program, string kind, CancellationToken cancellationToken)
    {
        var (begin, starts) = (Stopwatch.GetTimestamp(), member.Starts);
        member.Program = program;
        var stop = member.Child is { } child ? await child.StopAsync(StopLimit) : TimeSpan.Zero;
        Stops.Add(stop);
        while (member.Starts == starts)
            await Task.Delay(50, cancellationToken);
        await member.ReadyAsync(cancellationToken);
        ledger.Add(new FaultEntry(kind, member.Name, begin, Stopwatch.GetTimestamp(), 1, 0));
        log.Say($"{kind} of {member.Name}: stopped in {stop?.TotalSeconds:0.0} s, ready again after {Stopwatch.GetElapsedTime(begin).TotalSeconds:0.0} s");
        await Task.Delay(Settle, cancellationToken);
    }
}
