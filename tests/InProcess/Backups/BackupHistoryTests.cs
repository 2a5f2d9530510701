using CsCheck;
using Xunit;
using PxBackup.Grains.Backups;
using PxBackup.Stork.Resources;
using Phase = PxBackup.Grains.Backups.BackupRecord.Types.Phase;
using Status = PxBackup.Api.BackupInfo.Types.StatusInfo.Types.Status;

namespace PxBackup.Tests.InProcess.Backups;

/// <summary>
/// Whatever happens to a backup, in whatever order and how often, what the rules promise holds after each step
/// (N4 nothing stuck, N5 status monotone). CsCheck prints the seed of a history that breaks it and the shortest form of it.
/// </summary>
public sealed class BackupHistoryTests
{
    private static readonly string[] Stages = ["", StorkStage.ImportResource, StorkStage.PreExecRule, StorkStage.Volumes, StorkStage.Applications, StorkStage.Final, "Novel"];
    private static readonly string[] Statuses = ["", StorkStatus.Pending, StorkStatus.InProgress, StorkStatus.Failed, StorkStatus.PartialSuccess, StorkStatus.Successful, "Novel"];

    private static readonly Gen<Event> AnyEvent = Gen.Select(
        Gen.Int[0, 11], Gen.Int[0, Stages.Length - 1], Gen.Int[0, Statuses.Length - 1], Gen.Int[0, 3], Gen.Int[0, 2400],
        (kind, stage, status, number, seconds) => new Event(kind, Stages[stage], Statuses[status], number, TimeSpan.FromSeconds(seconds)));

    [Fact]
    public void No_history_of_a_backup_breaks_its_promises() => AnyEvent.List[1, 40].Sample(Holds, iter: 5_000);

    private static void Holds(List<Event> history)
    {
        var (record, now) = (A.Backup(), A.Noon);
        foreach (var one in history)
        {
            now += one.After;
            var before = record;
            record = Apply(record, one, now);
            Check(before, record, now, one);
        }
    }

    private static void Check(BackupRecord before, BackupRecord after, DateTimeOffset now, Event one)
    {
        var (was, info) = (before.Backup.BackupInfo, after.Backup.BackupInfo);
        Assert.NotEqual(Status.Invalid, info.Status.Status);
        Assert.True(info.Stage >= was.Stage, $"{one}: the stage went back from {was.Stage} to {info.Stage}");
        Assert.True(after.Phase >= before.Phase, $"{one}: the phase went back from {before.Phase} to {after.Phase}");
        Assert.True(Rank(info.Status.Status) >= Rank(was.Status.Status), $"{one}: the status went back from {was.Status.Status} to {info.Status.Status}");
        Assert.Equal(after.Phase == Phase.Finished && !after.RemoveResource, after.DueAt is null);
        if (before.Phase == Phase.Finished && after.Phase == Phase.Finished)
            Assert.Equal((was.Status, was.CompletionTimeInfo, was.BackupPath), (info.Status, info.CompletionTimeInfo, info.BackupPath));
        if (after.Phase is Phase.Accepted or Phase.Running)
            Assert.True(after.Deadline is not null, $"{one}: without a deadline it could stay for ever");
        if (after.Phase == Phase.Finished)
            Assert.True(info.Status.Status is Status.Success or Status.PartialSuccess or Status.Failed, $"{one}: an end that is none: {info.Status.Status}");
        if (after.DueAt is { } due && !due.Equals(before.DueAt))
            Assert.InRange(due.ToDateTimeOffset(), now, now + A.Options.LockedInterval);
        if (after.Phase == Phase.Finished && before.Phase == Phase.Running && one is { Kind: 2, Status: StorkStatus.PartialSuccess })
            Assert.Equal(Status.PartialSuccess, info.Status.Status);
        Assert.Equal(info.Status.Status.ToString(), BackupRules.IndexOf(after).Status);
    }

    // Pending < InProgress < the end < being deleted < waiting to be deleted.
    private static int Rank(Status status) => status switch
    {
        Status.Pending => 0,
        Status.InProgress => 1,
        Status.Deleting or Status.DeletePending => 3,
        _ => 2,
    };

    private static BackupRecord Apply(BackupRecord record, Event one, DateTimeOffset now) => one.Kind switch
    {
        0 or 10 => BackupRules.Placed(record, "name", "uid-" + one.Number, "location", one.Number == 0 ? ["gone"] : [], A.Options, now),
        1 or 11 => BackupRules.Observe(record, A.Report(one.Stage, one.Status, one.Number, one.Number.ToString()), A.Options, now),
        2 => BackupRules.Finish(record, A.Final(one.Status), now),
        3 when one.Number == 0 => BackupRules.Fail(record, "why", now),
        4 => BackupRules.Explain(record, "because " + one.Number, A.Options, now),
        5 => BackupRules.ResourceRemoved(record),
        6 when one.Number == 0 => BackupRules.Delete(record, "", keepData: false, A.Options, now),
        7 when one.Number == 0 => BackupRules.Delete(record, "through", keepData: true, A.Options, now),
        8 => BackupRules.DeletionWaits(record, "locked " + one.Number, A.Options, now),
        9 => BackupRules.Identified(record, "name", "uid-" + one.Number),
        _ => BackupRules.Update(record, new() { Metadata = new() { Labels = { ["n"] = one.Number.ToString() } } }, now),
    };

    private sealed record Event(int Kind, string Stage, string Status, int Number, TimeSpan After);
}
