using System.Diagnostics;
using PxBackup.Api;
using PxBackup.Benchmarks.Running;
using BackupStatus = PxBackup.Api.BackupInfo.Types.StatusInfo.Types.Status;

namespace PxBackup.Benchmarks.Start;

/// <summary>Backups made and waited for, by the public API.</summary>
internal static class FinishedBackups
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    public static async Task MakeAsync(Product product, ObjectRef[] clusters, ObjectRef location, int count)
    {
        var client = new Backup.BackupClient(product.Channel);
        for (var i = 0; i < count; i++)
            await client.CreateAsync(Fleet.BackupOf(clusters[i % clusters.Length], location, $"backup-{i}"), product.Headers);
        var since = Stopwatch.GetTimestamp();
        BackupEnumerateResponse all;
        do
        {
            await Task.Delay(500);
            all = await client.EnumerateAsync(new BackupEnumerateRequest { OrgId = Fleet.Org }, product.Headers);
            if (Stopwatch.GetElapsedTime(since) > Patience)
                throw new TimeoutException($"after {Patience} backups are {string.Join(", ", all.Backups.CountBy(backup => backup.BackupInfo.Status.Status))}");
        }
        while (all.Backups.Any(backup => backup.BackupInfo.Status.Status is BackupStatus.Pending or BackupStatus.InProgress));
        if (all.Backups.FirstOrDefault(backup => backup.BackupInfo.Status.Status != BackupStatus.Success) is { } other)
            throw new InvalidOperationException($"backup {other.Metadata.Name} is {other.BackupInfo.Status.Status}: {other.BackupInfo.Status.Reason}");
    }
}
