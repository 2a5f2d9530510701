using System.Diagnostics;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging.Abstractions;
using PxBackup.Api;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Records;
using PxBackup.Persistence.Sqlite;
using Xunit;

namespace PxBackup.Tests.Adapters.Persistence;

/// <summary>kill -9 in the middle of writes.</summary>
public sealed class CrashTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Fact]
    public async Task A_killed_program_loses_no_write_that_it_was_told_is_accepted()
    {
        var acknowledged = new List<string>();
        for (var round = 0; round < 3; round++)
            await KillAWriterAsync(acknowledged, 100 + (150 * round));

        using var store = SqliteRecordStore.Open(new SqliteOptions { Directory = directory.Path }, TimeProvider.System, NullLogger<SqliteRecordStore>.Instance);
        foreach (var uid in acknowledged)
            Assert.NotNull(await store.FindAsync<ClusterObject>(A.Key("o", uid), TestContext.Current.CancellationToken));
        var all = await store.QueryAsync<ClusterObject>(new RecordQuery { Kind = ObjectKind.Cluster, OrgId = "o" }, TestContext.Current.CancellationToken);
        Assert.Equal(all.TotalCount, all.Items.Count);
        Assert.InRange(acknowledged.Count, 700, all.TotalCount);
    }

    private async Task KillAWriterAsync(List<string> acknowledged, int atLeast)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true, UseShellExecute = false };
        if (Path.GetFileNameWithoutExtension(start.FileName) == "dotnet")
            start.ArgumentList.Add(typeof(CrashTests).Assembly.Location);
        start.Environment[CrashWriter.Variable] = directory.Path;
        using var writer = Process.Start(start)!;
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        try
        {
            for (var seen = 0; seen < atLeast; seen++)
                acknowledged.Add(await writer.StandardOutput.ReadLineAsync(limit.Token) ?? throw new InvalidOperationException($"the writer ended after {seen} writes"));
        }
        finally
        {
            writer.Kill();
        }

        // What it said before it died counts too; a line that was cut does not.
        var rest = await writer.StandardOutput.ReadToEndAsync(limit.Token);
        acknowledged.AddRange(rest.Split('\n')[..^1]);
        await writer.WaitForExitAsync(limit.Token);
    }
}

/// <summary>The program that is killed: this one, when the variable names a directory. It writes until then.</summary>
internal static class CrashWriter
{
    public const string Variable = "PXBACKUP_TEST_CRASH_WRITER";

    // Runs before the test runner's own Main. Tasks of the store only: code of this assembly on another thread would wait
    // for this initializer.
    [ModuleInitializer]
    internal static void WriteUntilKilled()
    {
        if (Environment.GetEnvironmentVariable(Variable) is not { Length: > 0 } path)
            return;
        var store = SqliteRecordStore.Open(new SqliteOptions { Directory = path }, TimeProvider.System, NullLogger<SqliteRecordStore>.Instance);
        var writes = new Task[16];
        var uids = new string[16];
        var output = Console.Out;
        for (var i = 0; i < 200_000; i++)
        {
            var slot = i < writes.Length ? i : Task.WaitAny(writes);
            if (i >= writes.Length)
            {
                writes[slot].GetAwaiter().GetResult();
                output.WriteLine(uids[slot]);
                output.Flush();
            }

            uids[slot] = Guid.NewGuid().ToString();
            writes[slot] = store.InsertAsync(A.Key("o", uids[slot]), A.Body("x", "kubeconfig"), A.Index(uids[slot]));
        }

        Environment.Exit(3);
    }
}
