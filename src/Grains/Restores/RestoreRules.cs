using Google.Protobuf.WellKnownTypes;
using PxBackup.Api;
using PxBackup.Grains.Backups;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.Access;
using PxBackup.Grains.Interfaces.Clusters;
using PxBackup.Grains.Records;
using PxBackup.Grains.Recovery;
using ResourceStatus = PxBackup.Api.RestoreInfo.Types.RestoreResourceState.Types.ResourceStatus;
using Phase = PxBackup.Grains.Restores.RestoreRecord.Types.Phase;
using Status = PxBackup.Api.RestoreInfo.Types.StatusInfo.Types.Status;

namespace PxBackup.Grains.Restores;

/// <summary>The rules of restores. Facts come in, the next record goes out: no I/O, no clock, no Orleans.</summary>
internal static class RestoreRules
{
    public static RestoreRecord Create(
        RestoreCreateRequest request, ObjectKey key, ClusterFacts cluster, BackupObject backup, Caller caller, RestoreOptions options, DateTimeOffset now)
    {
        if (cluster.Leaving)
            throw new DomainException(ErrorReason.WrongState, $"cluster [{cluster.Name}] is being removed: nothing can be restored to it");
        if (!cluster.Online)
            throw new DomainException(ErrorReason.Unreachable, $"cluster [{cluster.Name}] is not online: {cluster.Reason}");
        var info = new RestoreInfo
        {
            Backup = backup.Metadata.Name,
            BackupRef = new ObjectRef { Name = backup.Metadata.Name, Uid = backup.Metadata.Uid },
            BackupLocation = backup.BackupInfo.BackupLocation,
            BackupLocationRef = backup.BackupInfo.BackupLocationRef,
            Cluster = cluster.Name,
            ClusterRef = new ObjectRef { Name = cluster.Name, Uid = request.ClusterRef.Uid },
            // Stork loses its own default, so the policy is always said: Retain unless asked otherwise.
            ReplacePolicy = request.ReplacePolicy == ReplacePolicy.Types.Type.Invalid ? ReplacePolicy.Types.Type.Retain : request.ReplacePolicy,
            BackupObjectType = new RestoreInfo.Types.BackupObjectType { Type = RestoreInfo.Types.BackupObjectType.Types.Type.All },
            Status = new RestoreInfo.Types.StatusInfo { Status = Status.Pending, Reason = BackupRules.Accepted },
            StorkVersion = cluster.StorkVersion,
            RestoreStatus = new RestoreInfo.Types.RestoreResourceState(),
        };
        info.LabelSelectors.Add(backup.BackupInfo.LabelSelectors);
        RestoreSelection.Settle(info, request, backup, cluster);
        var kept = backup.Clone();
        kept.BackupInfo.Resources.Clear(); // The list stays with the backup; Stork reads the bucket.
        var restore = new RestoreObject { Metadata = ObjectMetadata.New(request.Metadata, key, caller, now), RestoreInfo = info };
        return new RestoreRecord
        {
            Restore = restore,
            Phase = Phase.Accepted,
            RequestHash = RequestHash.Of(request),
            CreatedBy = caller.UserName,
            BySuperAdmin = caller.IsSuperAdmin,
            Deadline = At(now + options.PendingTimeout),
            ResourceName = StorkRestores.NameOf(restore),
            ResourceNamespace = cluster.AdminNamespace,
            Backup = kept,
        }.Due(now, options);
    }

    public static RestoreRecord Placed(RestoreRecord record, string resourceUid, RestoreOptions options, DateTimeOffset now)
    {
        if (record.Phase != Phase.Accepted)
            return record;
        var next = record.Clone();
        (next.Phase, next.ResourceUid, next.Deadline) = (Phase.Running, resourceUid, At(now + options.StageTimeout));
        next.Restore.RestoreInfo.Status = new RestoreInfo.Types.StatusInfo { Status = Status.InProgress, Reason = "placed on the cluster" };
        return next.Touched(now, options);
    }

    /// <summary>
    /// The report comes from the cluster and the namespace that the record names and bears the name of what was made for it: the
    /// ApplicationRestore or the ApplicationBackup that it restores from.
    /// </summary>
    public static bool Concerns(RestoreRecord record, StorkReport report) =>
        report.ClusterUid.Length == 0 // Looked at through the record's own cluster.
        || (report.ClusterUid == record.Restore.RestoreInfo.ClusterRef.Uid && report.Namespace == record.ResourceNamespace && report.Name == record.ResourceName);

    public static RestoreRecord Observe(RestoreRecord record, StorkReport report, RestoreOptions options, DateTimeOffset now)
    {
        if (record.Phase != Phase.Running)
            return record; // A late report does not reopen a finished restore.
        if (report.ResourceUid != record.ResourceUid)
            return record; // Another resource, under the same name.
        var mark = $"{report.Stage}/{report.Status}/{report.RestoredCount}/{report.VolumeCount}/{report.LastUpdate}";
        if (mark == record.ProgressMark || report.IsFinal)
            return record; // Level, not edge: repeats are normal.
        var next = record.Clone();
        var info = next.Restore.RestoreInfo;
        (next.ProgressMark, next.Deadline) = (mark, At(now + options.StageTimeout));
        info.Status = new RestoreInfo.Types.StatusInfo { Status = Status.InProgress, Reason = BackupRules.StorkWorks(report.Stage, report.Reason) };
        // A report may have been overtaken by a newer one: what a reader has seen of the progress does not go back.
        var applying = report.Stage == "Applications" || info.RestoreStatus.RestoreStatus == ResourceStatus.Applying;
        info.RestoreStatus = new RestoreInfo.Types.RestoreResourceState { RestoreStatus = applying ? ResourceStatus.Applying : ResourceStatus.Preparing };
        info.ResourceCount = Math.Max(info.ResourceCount, (ulong)Math.Max(report.ResourceCount, 0));
        info.RestoredResourceCount = Math.Max(info.RestoredResourceCount, (ulong)Math.Max(report.RestoredCount, 0));
        info.TotalSize = Math.Max(info.TotalSize, (ulong)Math.Max(report.TotalSize, 0));
        return next.Touched(now, options);
    }

    public static RestoreRecord Explain(RestoreRecord record, string reason, RestoreOptions options, DateTimeOffset now)
    {
        if (record.Phase is Phase.Finished or Phase.Cleaning || record.Restore.RestoreInfo.Status.Reason == reason)
            return record;
        var next = record.Clone();
        next.Restore.RestoreInfo.Status.Reason = reason;
        return next.Touched(now, options);
    }

    /// <summary>Stork has ended it. Its resources on the cluster are still to be removed: a finished restore that lives on keeps re-creating the namespaces.</summary>
    public static RestoreRecord Finish(RestoreRecord record, Stork.Resources.ApplicationRestore resource, RestoreOptions options, DateTimeOffset now)
    {
        if (record.Phase != Phase.Running || resource.Metadata.Uid != record.ResourceUid)
            return record;
        var next = record.Clone();
        var info = next.Restore.RestoreInfo;
        StorkRestores.Take(info, resource);
        info.Status = RestoreOutcome.Of(record.Restore.RestoreInfo, info);
        info.RestoredResourceCount = RestoreOutcome.RestoredOf(info);
        next.Phase = Phase.Cleaning;
        return next.Touched(now, options);
    }

    /// <summary>It will not succeed any more; what exists on the cluster is to be removed.</summary>
    public static RestoreRecord Fail(RestoreRecord record, string reason, RestoreOptions options, DateTimeOffset now)
    {
        if (record.Phase is Phase.Finished or Phase.Cleaning or Phase.Deleting)
            return record;
        var next = record.Clone();
        next.Restore.RestoreInfo.Status = new RestoreInfo.Types.StatusInfo { Status = Status.Failed, Reason = reason };
        next.Phase = Phase.Cleaning;
        return next.Touched(now, options);
    }

    /// <summary>
    /// Its cluster is being removed. What waits ends at once. What runs goes on until Stork has let go of it: deleting a running
    /// ApplicationRestore does not stop Stork, so only what is seen then says how it ended.
    /// </summary>
    public static RestoreRecord Cancel(RestoreRecord record, string reason, RestoreOptions options, DateTimeOffset now)
    {
        if (record.Phase != Phase.Running)
            return Fail(record, reason, options, now);
        if (record.Cancelled.Length > 0)
            return record;
        var next = record.Clone();
        next.Cancelled = reason;
        next.Restore.RestoreInfo.Status.Reason = $"{reason}; waiting until Stork has let go of it";
        return next.Touched(now, options);
    }

    /// <summary>
    /// The ApplicationRestore went while Stork was working on it. Its last report counts if it tells the end; otherwise nobody knows how
    /// far Stork came, and the reason says so.
    /// </summary>
    public static RestoreRecord Lost(RestoreRecord record, StorkReport? last, string reason, RestoreOptions options, DateTimeOffset now)
    {
        if (record.Phase != Phase.Running)
            return record;
        if (last is not { IsFinal: true, Gone: false } || last.ResourceUid != record.ResourceUid)
            return Fail(record, $"{reason}; {MayFinish(record)}", options, now);
        var next = record.Clone();
        StorkRestores.Take(next.Restore.RestoreInfo, last);
        next.Phase = Phase.Cleaning;
        return next.Touched(now, options);
    }

    /// <summary>What can be said of a restore that Stork was working on when it was last seen.</summary>
    public static string MayFinish(RestoreRecord record)
    {
        var info = record.Restore.RestoreInfo;
        return $"Stork may still finish it: {info.RestoredResourceCount} of {(info.ResourceCount > 0 ? info.ResourceCount.ToString(System.Globalization.CultureInfo.InvariantCulture) : "an unknown number of")} resources were restored when it was last seen";
    }

    public static RestoreRecord Cleaned(RestoreRecord record)
    {
        if (record.Phase != Phase.Cleaning)
            return record;
        var next = record.Clone();
        (next.Phase, next.DueAt, next.Deadline, next.ProgressMark) = (Phase.Finished, null, null, "");
        return next;
    }

    /// <summary>
    /// An ApplicationRestore is there after the restore's end: made by a silo that stood still before it and woke up later, or the very
    /// one that was removed, back with an older snapshot of the cluster's etcd. It would restore a second time over what runs now and
    /// bring back namespaces that people have deleted: it is removed.
    /// </summary>
    public static RestoreRecord Reappeared(RestoreRecord record, StorkReport report, RestoreOptions options, DateTimeOffset now)
    {
        if (record.Phase != Phase.Finished || report.Gone)
            return record;
        var next = record.Clone();
        next.Phase = Phase.Cleaning;
        return next.Due(now, options);
    }

    public static RestoreRecord Delete(RestoreRecord record, RestoreOptions options, DateTimeOffset now)
    {
        if (record.Phase == Phase.Deleting)
            return record;
        var next = record.Clone();
        next.Phase = Phase.Deleting;
        next.Restore.RestoreInfo.Status = new RestoreInfo.Types.StatusInfo { Status = Status.Deleting, Reason = "the restore is being deleted" };
        return next.Touched(now, options);
    }

    public static RestoreRecord Update(RestoreRecord record, RestoreUpdateRequest request, DateTimeOffset now)
    {
        var next = record.Clone();
        next.Restore.Metadata.TakeLabels(request.Metadata);
        next.Restore.Metadata.Touched(now);
        return next;
    }

    public static RecordIndex IndexOf(RestoreRecord record)
    {
        var info = record.Restore.RestoreInfo;
        return record.Restore.Metadata.ToIndex() with
        {
            Status = info.Status.Status.ToString(),
            Type = info.BackupObjectType.Type.ToString(),
            ClusterName = info.ClusterRef.Name,
            ClusterUid = info.ClusterRef.Uid,
            BackupName = info.Backup,
            Size = (long)Math.Min(info.TotalSize, long.MaxValue),
            References = [.. BackupRules.ReferencesOf(info.ClusterRef, info.BackupRef, info.BackupLocationRef), .. record.Phase == Phase.Cleaning ? [StillOn.Cluster(info.ClusterRef.Uid)] : Array.Empty<string>()],
            DueAt = record.DueAt?.ToDateTimeOffset(),
        };
    }

    private static RestoreRecord Touched(this RestoreRecord record, DateTimeOffset now, RestoreOptions options)
    {
        record.Restore.Metadata.Touched(now);
        return record.Due(now, options);
    }

    private static RestoreRecord Due(this RestoreRecord record, DateTimeOffset now, RestoreOptions options)
    {
        record.DueAt = At(now + options.SweepAfter);
        return record;
    }

    private static Timestamp At(DateTimeOffset instant) => Timestamp.FromDateTimeOffset(instant);
}
