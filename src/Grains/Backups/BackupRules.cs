using Google.Protobuf.WellKnownTypes;
using PxBackup.Api;
using PxBackup.Grains.BackupLocations;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.Access;
using PxBackup.Grains.Interfaces.BackupLocations;
using PxBackup.Grains.Interfaces.Clusters;
using PxBackup.Grains.Records;
using PxBackup.Grains.Recovery;
using Phase = PxBackup.Grains.Backups.BackupRecord.Types.Phase;
using Stage = PxBackup.Api.BackupInfo.Types.Stage;
using Status = PxBackup.Api.BackupInfo.Types.StatusInfo.Types.Status;

namespace PxBackup.Grains.Backups;

/// <summary>The rules of backups. Facts come in, the next record goes out: no I/O, no clock, no Orleans.</summary>
internal static class BackupRules
{
    /// <summary>Why work that is accepted and has not begun waits.</summary>
    public const string WaitsForRoom = "waiting for room on the cluster";

    /// <summary>Why work that was just accepted has not begun.</summary>
    public const string Accepted = "accepted";

    public static BackupRecord Create(
        BackupCreateRequest request, ObjectKey key, ClusterFacts cluster, OpenLocation location, Caller caller, BackupOptions options, DateTimeOffset now,
        IReadOnlyCollection<string>? kindsOfCluster = null)
    {
        if (cluster.Leaving)
            throw new DomainException(ErrorReason.WrongState, $"cluster [{cluster.Name}] is being removed: no backup can be taken of it");
        if (!cluster.Online)
            throw new DomainException(ErrorReason.Unreachable, $"cluster [{cluster.Name}] is not online: {cluster.Reason}");
        var info = new BackupInfo
        {
            Cluster = request.ClusterRef.Name,
            ClusterRef = request.ClusterRef,
            BackupLocation = request.BackupLocationRef.Name,
            BackupLocationRef = request.BackupLocationRef,
            CloudCredential = location.Location.BackupLocationInfo.CloudCredentialRef?.Name ?? "",
            CloudCredentialRef = location.Location.BackupLocationInfo.CloudCredentialRef,
            NsLabelSelectors = request.NsLabelSelectors,
            CsiSnapshotClassName = request.CsiSnapshotClassName,
            SkipVmAutoExecRules = request.SkipVmAutoExecRules,
            DirectKdmp = request.DirectKdmp,
            KeepCrStatus = request.KeepCrStatus,
            AdvancedResourceLabelSelector = request.AdvancedResourceLabelSelector,
            BackupType = request.BackupType == BackupCreateRequest.Types.BackupType.Invalid
                ? null
                : new BackupInfo.Types.BackupType { Type = (BackupInfo.Types.BackupType.Types.Type)request.BackupType },
            BackupObjectType = new BackupInfo.Types.BackupObjectType
            {
                Type = request.BackupObjectType?.Type is null or BackupCreateRequest.Types.BackupObjectType.Types.Type.Invalid
                    ? BackupInfo.Types.BackupObjectType.Types.Type.All
                    : (BackupInfo.Types.BackupObjectType.Types.Type)request.BackupObjectType.Type,
            },
            Status = new BackupInfo.Types.StatusInfo { Status = Status.Pending, Reason = Accepted },
            Stage = Stage.Initial,
            StorkVersion = cluster.StorkVersion,
            TargetNamespace = cluster.AdminNamespace,
        };
        info.Namespaces.Add(request.Namespaces);
        info.LabelSelectors.Add(request.LabelSelectors);
        info.IncludeResources.Add(request.IncludeResources);
        info.ResourceTypes.Add(request.ResourceTypes);
        info.ExcludeResourceTypes.Add(request.ExcludeResourceTypes);
        info.VolumeSnapshotClassMapping.Add(request.VolumeSnapshotClassMapping);
        BackupSelection.Settle(info, kindsOfCluster ?? []);
        return new BackupRecord
        {
            Backup = new BackupObject { Metadata = ObjectMetadata.New(request.Metadata, key, caller, now), BackupInfo = info },
            Phase = Phase.Accepted,
            RequestHash = RequestHash.Of(request),
            CreatedBy = caller.UserName,
            BySuperAdmin = caller.IsSuperAdmin,
            Deadline = At(now + options.PendingTimeout),
        }.Due(now, options);
    }

    /// <summary>The ApplicationBackup exists. An earlier answer may have been lost: then this changes nothing.</summary>
    public static BackupRecord Placed(BackupRecord record, string name, string uid, string locationName, IReadOnlyList<string> missing, BackupOptions options, DateTimeOffset now,
        IReadOnlyList<string>? missingKinds = null)
    {
        if (record.Phase != Phase.Accepted)
            return record;
        var next = record.Clone();
        var info = next.Backup.BackupInfo;
        (next.Phase, next.LocationName, next.Deadline) = (Phase.Running, locationName, At(now + options.StageTimeout));
        (info.CrName, info.CrUid) = (name, uid);
        info.MissingNamespaces.Clear();
        info.MissingNamespaces.Add(missing);
        next.MissingKinds.Clear();
        next.MissingKinds.Add(missingKinds ?? []);
        info.Status = new BackupInfo.Types.StatusInfo { Status = Status.InProgress, Reason = "placed on the cluster" };
        return next.Touched(now, options);
    }

    /// <summary>
    /// The resource was found by its name: a crash or a deletion came between its creation and <see cref="Placed"/>. Its uid leads
    /// to what it left in the bucket.
    /// </summary>
    public static BackupRecord Identified(BackupRecord record, string name, string uid)
    {
        if (record.Backup.BackupInfo.CrUid.Length > 0 || !BackupFolder.IsComponent(uid))
            return record;
        var next = record.Clone();
        (next.Backup.BackupInfo.CrName, next.Backup.BackupInfo.CrUid) = (name, uid);
        return next;
    }

    /// <summary>
    /// The report comes from the cluster and the namespace that the record names (or the cluster that it is deleted through) and is about the
    /// resource that was made for it. A label alone proves nothing: anybody can write it on a cluster of his own.
    /// </summary>
    public static bool Concerns(BackupRecord record, StorkReport report)
    {
        if (report.ClusterUid.Length == 0)
            return true; // Looked at through the record's own cluster.
        var info = record.Backup.BackupInfo;
        return (report.ClusterUid == info.ClusterRef.Uid || (record.Phase == Phase.Deleting && report.ClusterUid == record.DeleteThrough))
            && report.Namespace == info.TargetNamespace && report.Name == StorkBackups.NameOf(record.Backup);
    }

    /// <summary>What Stork says on the way. The end is taken from the whole resource by <see cref="Finish"/>.</summary>
    public static BackupRecord Observe(BackupRecord record, StorkReport report, BackupOptions options, DateTimeOffset now)
    {
#if SEEDED_BUGS
        if (record.Phase != Phase.Running && !SeededBugs.Is("late-report-reopens"))
            return record;
#else
        if (record.Phase != Phase.Running)
            return record; // A late report does not reopen a finished backup.
#endif
        if (report.ResourceUid != record.Backup.BackupInfo.CrUid)
            return record; // Another resource, under the same name.
        var mark = $"{report.Stage}/{report.Status}/{report.ResourceCount}/{report.VolumeCount}/{report.LastUpdate}";
        if (mark == record.ProgressMark || report.IsFinal)
            return record; // Level, not edge: repeats are normal.
        var next = record.Clone();
        var info = next.Backup.BackupInfo;
        (next.ProgressMark, next.Deadline) = (mark, At(now + options.StageTimeout));
        var stage = StorkBackups.StageOf(report.Stage);
        if (stage > info.Stage)
            info.Stage = stage;
        info.Status = new BackupInfo.Types.StatusInfo { Status = Status.InProgress, Reason = StorkWorks(report.Stage, report.Reason) };
#if SEEDED_BUGS
        if (SeededBugs.Is("progress-goes-back"))
            info.ResourceCount = 0;
#endif
        // A report may have been overtaken by a newer one: what a reader has seen of the progress does not go back.
        info.ResourceCount = Math.Max(info.ResourceCount, (ulong)Math.Max(report.ResourceCount, 0));
        info.TotalSize = Math.Max(info.TotalSize, (ulong)Math.Max(report.TotalSize, 0));
        if (stage == Stage.Applications && info.CompletionTimeInfo?.VolumesCompletionTime is null)
            info.CompletionTimeInfo = new completionTimeInfo { VolumesCompletionTime = At(now) };
        return next.Touched(now, options);
    }

    /// <summary>What Stork says about work under way; where it says nothing, the stage: a reason is never emptied.</summary>
    public static string StorkWorks(string stage, string reason) =>
        StoreTexts.OfStork(reason) is { Length: > 0 } says ? says : stage.Length > 0 ? $"Stork is in stage '{OutsideText.OneLine(stage, 63)}'" : "placed on the cluster";

    /// <summary>Tells a waiting client what holds the backup up, without counting as progress.</summary>
    public static BackupRecord Explain(BackupRecord record, string reason, BackupOptions options, DateTimeOffset now)
    {
        if (record.Phase == Phase.Finished || record.Backup.BackupInfo.Status.Reason == reason)
            return record;
        var next = record.Clone();
        next.Backup.BackupInfo.Status.Reason = reason;
        return next.Touched(now, options);
    }

    /// <summary>Stork has ended it: its whole resource decides.</summary>
    public static BackupRecord Finish(BackupRecord record, Stork.Resources.ApplicationBackup resource, DateTimeOffset now, IReadOnlyCollection<string>? warnings = null)
    {
        if (record.Phase != Phase.Running || resource.Metadata.Uid != record.Backup.BackupInfo.CrUid)
            return record;
        var next = record.Clone();
        var info = next.Backup.BackupInfo;
        StorkBackups.Take(info, resource, now);
        NotBefore(next.Backup.Metadata.CreateTime, info.CompletionTimeInfo);
        info.Status = BackupOutcome.Of(record.Backup.BackupInfo, info, record.MissingKinds, warnings ?? []);
        TakePath(next.Backup, resource.Status.BackupPath);
        return next.AtRest(now);
    }

    // A path that is not the backup's own is a mistake or an attack: it is said, and nothing else comes of it.
    private static void TakePath(BackupObject backup, string reported)
    {
        var (info, folder) = (backup.BackupInfo, BackupFolder.Of(backup));
        info.BackupPath = reported.Length > 0 ? folder?.Path ?? "" : "";
        if (folder?.Is(reported) != true && reported.Length > 0)
            info.Status.Reason = $"{info.Status.Reason}; {BackupFolder.Refusal(reported, folder)}";
    }

    // Stork's times are whole seconds of the cluster's clock, which may be behind ours: nothing ends before it was asked for.
    private static void NotBefore(Google.Protobuf.WellKnownTypes.Timestamp created, completionTimeInfo times)
    {
        times.VolumesCompletionTime = Later(times.VolumesCompletionTime);
        times.ResourcesCompletionTime = Later(times.ResourcesCompletionTime);
        times.TotalCompletionTime = Later(times.TotalCompletionTime);

        Google.Protobuf.WellKnownTypes.Timestamp Later(Google.Protobuf.WellKnownTypes.Timestamp time) => time.CompareTo(created) < 0 ? created : time;
    }

    /// <summary>It will not succeed any more. What may exist on the cluster is to be removed, so that Stork stops trying.</summary>
    public static BackupRecord Fail(BackupRecord record, string reason, DateTimeOffset now)
    {
        if (record.Phase is Phase.Finished or Phase.Deleting)
            return record;
        var next = record.Clone();
        next.RemoveResource = true;
#if SEEDED_BUGS
        if (SeededBugs.Is("given-up-and-left"))
            next.RemoveResource = false;
#endif
        next.Backup.BackupInfo.Status = new BackupInfo.Types.StatusInfo { Status = Status.Failed, Reason = reason };
        next.Backup.BackupInfo.Stage = Stage.Final;
        next = next.AtRest(now);
        next.DueAt = At(now); // The removal is still to be done.
        return next;
    }

    /// <summary>
    /// A resource is on the cluster of a backup that was given up: a request to create it was long on its way, or came from a silo that
    /// stood still, and arrived after the end or after the removal. It is to go. What Stork itself ended keeps its resource, and
    /// that of a successful backup is never touched: it may have been put back by hand.
    /// </summary>
    public static BackupRecord Reappeared(BackupRecord record, StorkReport report, DateTimeOffset now)
    {
        var info = record.Backup.BackupInfo;
#if SEEDED_BUGS
        if (SeededBugs.Is("late-resource-ignored"))
            return record;
#endif
        var endedByStork = info.CompletionTimeInfo?.TotalCompletionTime is not null;
        if (record.Phase != Phase.Finished || record.RemoveResource || report.Gone || info.Status.Status != Status.Failed || (endedByStork && report.ResourceUid == info.CrUid))
            return record;
        var next = record.Clone();
        (next.RemoveResource, next.DueAt) = (true, At(now));
        return next;
    }

    /// <summary>Nothing of a failed backup is left on the cluster.</summary>
    public static BackupRecord ResourceRemoved(BackupRecord record)
    {
        if (!record.RemoveResource || record.Phase != Phase.Finished)
            return record; // A deletion that was asked for meanwhile has its own end.
        var next = record.Clone();
        (next.RemoveResource, next.DueAt) = (false, null);
        return next;
    }

    /// <summary>The backup's objects are not in the bucket: it cannot be restored from. One that is on its way out is left alone.</summary>
    public static BackupRecord FilesMissing(BackupRecord record, string missing, DateTimeOffset now)
    {
        var status = record.Backup.BackupInfo.Status;
        if (record.Phase != Phase.Finished || status.Status is not (Status.Success or Status.PartialSuccess))
            return record;
        var next = record.Clone();
        next.BeforeMissing = status.Clone();
        next.Backup.BackupInfo.Status = new BackupInfo.Types.StatusInfo { Status = Status.CloudBackupMissing, Reason = MissingText(record.Backup, missing) };
        next.Backup.Metadata.Touched(now);
        return next;
    }

    /// <summary>They are there again: the outcome is what it was.</summary>
    public static BackupRecord FilesFound(BackupRecord record, DateTimeOffset now)
    {
        if (record.Phase != Phase.Finished || record.BeforeMissing is null || record.Backup.BackupInfo.Status.Status != Status.CloudBackupMissing)
            return record;
        var next = record.Clone();
        (next.Backup.BackupInfo.Status, next.BeforeMissing) = (record.BeforeMissing.Clone(), null);
        next.Backup.Metadata.Touched(now);
        return next;
    }

    /// <summary>What clients look for, the files, and where they are looked for.</summary>
    public static string MissingText(BackupObject backup, string missing) =>
        $"CloudBackup objects are missing: {missing} in {BackupFolder.Of(backup)?.Path ?? "no folder that is known"} of backup location [{backup.BackupInfo.BackupLocationRef.Name}]; put them back into the bucket, or take a new backup";

    /// <summary>
    /// The backup goes. What was accepted before is never weakened: a deletion with the data stays one, and a cluster that was named stays
    /// to be cleaned.
    /// </summary>
    public static BackupRecord Delete(BackupRecord record, string throughCluster, bool keepData, BackupOptions options, DateTimeOffset now)
    {
        keepData &= record.Phase != Phase.Deleting || record.KeepData;
        if (record.Phase == Phase.Deleting && (throughCluster.Length == 0 || record.DeleteThrough == throughCluster) && record.KeepData == keepData)
            return record;
        var next = record.Clone();
        (next.Phase, next.KeepData, next.RemoveResource) = (Phase.Deleting, keepData, false);
        if (throughCluster.Length > 0 && throughCluster != record.DeleteThrough)
        {
            if (record.DeleteThrough.Length > 0 && !next.DeleteThroughToo.Contains(record.DeleteThrough))
                next.DeleteThroughToo.Add(record.DeleteThrough);
            next.DeleteThrough = throughCluster;
        }

        next.Backup.BackupInfo.Status = new BackupInfo.Types.StatusInfo { Status = Status.Deleting, Reason = "the backup is being deleted" };
#if SEEDED_BUGS
        if (SeededBugs.Is("sweep-skips-deleting"))
            {
                (next.DueAt, _) = (null, next.Backup.Metadata.Touched(now));
                return next;
            }
#endif
        return next.Touched(now, options);
    }

    /// <summary>A deletion that the store forbids for now waits as DeletePending.</summary>
    public static BackupRecord DeletionWaits(BackupRecord record, string reason, BackupOptions options, DateTimeOffset now)
    {
        if (record.Phase != Phase.Deleting || (record.Backup.BackupInfo.Status.Reason == reason && record.DueAt.ToDateTimeOffset() > now))
            return record;
        var next = record.Clone();
        next.Backup.BackupInfo.Status = new BackupInfo.Types.StatusInfo { Status = Status.DeletePending, Reason = reason };
        next.Backup.Metadata.Touched(now);
        next.DueAt = At(now + options.LockedInterval); // Not with the next sweeps: each look costs a walk through the bucket.
        return next;
    }

    public static BackupRecord Update(BackupRecord record, BackupUpdateRequest request, DateTimeOffset now)
    {
        var next = record.Clone();
        next.Backup.Metadata.TakeLabels(request.Metadata);
        if (request.CloudCredentialRef is { Uid.Length: > 0 } credential)
            (next.Backup.BackupInfo.CloudCredentialRef, next.Backup.BackupInfo.CloudCredential) = (credential, credential.Name);
        next.Backup.Metadata.Touched(now);
        return next;
    }

    public static bool IsRestorable(BackupInfo info) =>
#if SEEDED_BUGS
        SeededBugs.Is("restores-unfinished") ||
#endif
        info.Status.Status is Status.Success or Status.PartialSuccess;

    public static RecordIndex IndexOf(BackupRecord record)
    {
        var info = record.Backup.BackupInfo;
        return record.Backup.Metadata.ToIndex() with
        {
            Status = info.Status.Status.ToString(),
            Type = (info.BackupObjectType?.Type ?? BackupInfo.Types.BackupObjectType.Types.Type.All).ToString(),
            ClusterName = info.ClusterRef.Name,
            ClusterUid = info.ClusterRef.Uid,
            Size = (long)Math.Min(info.TotalSize, long.MaxValue),
            References = [.. record.RemoveResource ? [StillOn.Cluster(info.ClusterRef.Uid)] : Array.Empty<string>(), .. ReferencesOf(info.ClusterRef, info.BackupLocationRef, info.CloudCredentialRef, info.SchedulePolicyRef, info.VolumeResourceOnlyPolicyRef, info.PreExecRuleRef, info.PostExecRuleRef,
                info.BackupSchedule is { } schedule ? new ObjectRef { Name = schedule.Name, Uid = schedule.Uid } : null)],
            DueAt = record.DueAt?.ToDateTimeOffset(),
        };
    }

    /// <summary>The uids of the references that are set.</summary>
    public static IReadOnlyCollection<string> ReferencesOf(params IEnumerable<ObjectRef?> references) =>
        [.. references.Select(reference => reference?.Uid ?? "").Where(uid => uid.Length > 0).Distinct()];

    private static BackupRecord AtRest(this BackupRecord record, DateTimeOffset now)
    {
        (record.Phase, record.DueAt, record.Deadline, record.ProgressMark) = (Phase.Finished, null, null, "");
        record.Backup.Metadata.Touched(now);
        return record;
    }

    private static BackupRecord Touched(this BackupRecord record, DateTimeOffset now, BackupOptions options)
    {
        record.Backup.Metadata.Touched(now);
        return record.Due(now, options);
    }

    private static BackupRecord Due(this BackupRecord record, DateTimeOffset now, BackupOptions options)
    {
        record.DueAt = At(now + options.SweepAfter);
        return record;
    }

    private static Timestamp At(DateTimeOffset instant) => Timestamp.FromDateTimeOffset(instant);
}
