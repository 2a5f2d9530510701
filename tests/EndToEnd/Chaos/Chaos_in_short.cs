using System.Diagnostics;
using System.Text.Json.Nodes;
using Xunit;

namespace PxBackup.Tests.EndToEnd.Chaos;

/// <summary>The short run of the fault harness: silos, gateways and database as processes, killed again and again while clients work.</summary>
[CollectionDefinition(nameof(Chaos_in_short), DisableParallelization = true)] // It takes the whole machine.
[Collection(nameof(Chaos_in_short))]
public sealed class Chaos_in_short : IDisposable
{
    private const string Seed = "20261123";

    // The run itself ends within seven minutes on an idle machine of two cores; the rest is for one that does other things as well.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(18);
    private readonly string _folder = Directory.CreateTempSubdirectory("pxbackup-endtoend-chaos-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Every_accepted_backup_ends_true_and_happens_once_while_any_process_is_killed()
    {
        var summaryFile = Path.Combine(_folder, "summary.json");
        var program = Path.Combine(AppContext.BaseDirectory, "../../../../../tests/Chaos/bin", new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name, "net10.0/PxBackup.Chaos.dll");
        using var chaos = Process.Start(new ProcessStartInfo("dotnet", [program, "--short", "--seed", Seed, "--summary", summaryFile]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(Patience);
        string said;
        try
        {
            var (output, errors) = (chaos.StandardOutput.ReadToEndAsync(limit.Token), chaos.StandardError.ReadToEndAsync(limit.Token));
            await chaos.WaitForExitAsync(limit.Token);
            said = await output + await errors;
        }
        finally
        {
            if (!chaos.HasExited)
                chaos.Kill(); // Its guard ends what it had started.
        }

        Assert.True(chaos.ExitCode == 0, said);
        TestContext.Current.TestOutputHelper?.WriteLine(said);
        var summary = JsonNode.Parse(await File.ReadAllTextAsync(summaryFile, TestContext.Current.CancellationToken))!;
        Assert.InRange(summary["kills"]!.GetValue<int>(), 60, int.MaxValue);
        Assert.InRange(summary["backups"]!.GetValue<int>(), 200, int.MaxValue);
        Assert.InRange(summary["requests"]!.GetValue<int>(), 5_000, int.MaxValue);
        Assert.InRange(summary["failPointsHit"]!.AsArray().Count, 20, int.MaxValue);
        Assert.Empty(summary["failPointsMissed"]!.AsArray());
        Assert.InRange(summary["faults"]!.AsObject().Count(fault => fault.Value!["fired"]!.GetValue<int>() > 0), 20, int.MaxValue);
        Assert.Empty(summary["violations"]!.AsArray());
    }
}
