using Google.Protobuf.WellKnownTypes;
using PxBackup.Api;
using PxBackup.Grains.Access;
using PxBackup.Grains.Catalog;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.Access;
using PxBackup.Grains.Records;
using Provider = PxBackup.Api.BackupLocationInfo.Types.Type;
using Status = PxBackup.Api.BackupLocationInfo.Types.StatusInfo.Types.Status;

namespace PxBackup.Grains.BackupLocations;

/// <summary>The rules of backup locations. Facts come in, the next record goes out: no I/O, no clock, no Orleans.</summary>
internal static class BackupLocationRules
{
    /// <summary>When a sweep looks again at unfinished work: after twice the longest validation.</summary>
    public static readonly TimeSpan LookAgainAfter = TimeSpan.FromMinutes(1);

    /// <summary>The record, when this request made it; null when there is none.</summary>
    /// <exception cref="DomainException"><see cref="ErrorReason.AlreadyExists"/>, <see cref="ErrorReason.RequestMismatch"/>: the uid is taken.</exception>
    public static BackupLocationRecord? Repeated(BackupLocationRecord? record, BackupLocationCreateRequest request, ObjectKey key, Caller caller)
    {
        if (record is null)
            return null;
        var isCallers = AccessRules.OwnerOf(record.BackupLocation.Metadata) == caller.UserId;
        return isCallers && record.RequestHash.Equals(RequestHash.Of(request)) && record.BackupLocation.BackupLocationInfo.EncryptionKey == request.BackupLocation.EncryptionKey
            ? record
            : throw RequestHash.Taken(ObjectKind.BackupLocation, key, isCallers);
    }

    /// <summary>Refuses what no bucket can be opened with.</summary>
    public static void Check(BackupLocationInfo? info)
    {
        if (info is null || info.Type == Provider.Invalid)
            throw DomainException.InvalidField("backup_location.type", $"is required; one of {ProtoNames.Choices<Provider>()}");
        if (info.Type != Provider.S3)
            throw new DomainException(ErrorReason.Unimplemented, $"backup_location.type: {ProtoNames.NameOf(info.Type)} is not supported in this release; use S3");
        if (info.UseWorkloadIdentity)
            throw new DomainException(ErrorReason.Unimplemented, "backup_location.use_workload_identity: is not supported in this release; name a cloud credential");
        if (info.Path.Length == 0)
            throw DomainException.InvalidField("backup_location.path", "is required; the name of the bucket");
        if (info.CloudCredentialRef is not { Uid.Length: > 0 })
            throw DomainException.InvalidField("backup_location.cloud_credential_ref", "is required for type S3");
        if (info.ConfigCase == BackupLocationInfo.ConfigOneofCase.NfsConfig)
            throw DomainException.InvalidField("backup_location.nfs_config", "does not belong to type S3; use s3_config");
    }

    /// <summary>Refuses a credential that does not open this type of location.</summary>
    public static void CheckCredential(CloudCredentialObject credential)
    {
        if (credential.CloudCredentialInfo.AwsConfig is null)
            throw DomainException.InvalidField("backup_location.cloud_credential_ref",
                $"type S3 needs a cloud credential of type AWS; [{credential.Metadata.Name}] is of type {ProtoNames.NameOf(credential.CloudCredentialInfo.Type)}");
    }

    /// <summary>A new location: valid when <paramref name="outcome"/> says so, else to be validated.</summary>
    public static BackupLocationRecord Create(BackupLocationCreateRequest request, CloudCredentialObject credential, ValidationOutcome? outcome, ObjectKey key, Caller caller, DateTimeOffset now)
    {
        var info = request.BackupLocation.Clone();
        // What only the control plane may say.
        (info.ObjectLockEnabled, info.DeleteBackups, info.Sync, info.SyncInfo) = (false, false, false, null);
        info.ClusterStatus.Clear();
        info.TakeCredential(credential);
        var record = new BackupLocationRecord
        {
            BackupLocation = new() { Metadata = ObjectMetadata.New(request.Metadata, key, caller, now), BackupLocationInfo = info },
            Revision = 1,
            RequestHash = RequestHash.Of(request),
        };
        return record.ToValidate(now).WithOutcome(outcome);
    }

    /// <summary>The location with what the request gives; not validated yet. What it leaves out stays.</summary>
    /// <param name="record">As it rests.</param>
    /// <param name="request">The update.</param>
    /// <param name="credential">The credential that the location will have.</param>
    /// <param name="backups">How many backups the location holds.</param>
    /// <param name="now">Now.</param>
    public static BackupLocationRecord Update(BackupLocationRecord record, BackupLocationUpdateRequest request, CloudCredentialObject credential, long backups, DateTimeOffset now)
    {
        CheckStays(record);
        var next = record.Clone();
        var info = next.BackupLocation.BackupLocationInfo;
        if (request.BackupLocation is { } given)
        {
            if (given.Type != Provider.Invalid && given.Type != info.Type)
                throw DomainException.InvalidField("backup_location.type", $"cannot change from {ProtoNames.NameOf(info.Type)} to {ProtoNames.NameOf(given.Type)}; create another backup location");
            if (given.Path.Length > 0 && given.Path != info.Path && backups > 0)
                throw new DomainException(ErrorReason.WrongState, $"backup_location.path: backup location [{next.BackupLocation.Metadata.Name}] holds {backups} backups in bucket {info.Path}; create another backup location for bucket {given.Path}");
            info.Path = given.Path.Length > 0 ? given.Path : info.Path;
            info.EncryptionKey = given.EncryptionKey.Length > 0 ? given.EncryptionKey : info.EncryptionKey;
            info.UseWorkloadIdentity = given.UseWorkloadIdentity;
            info.TakeConfig(given);
        }

        info.TakeCredential(credential);
        Check(info);
        if (!info.Equals(record.BackupLocation.BackupLocationInfo))
            next.Revision++;
        next.BackupLocation.Metadata.TakeLabels(request.Metadata);
        next.BackupLocation.Metadata.Touched(now);
        // Labels alone say nothing about whether the location works.
        return request.BackupLocation is null && next.Revision == record.Revision ? next : next.ToValidate(now);
    }

    /// <summary>A validation is to begin; one under way goes on.</summary>
    public static BackupLocationRecord Validate(BackupLocationRecord record, DateTimeOffset now)
    {
        CheckStays(record);
        return NeedsValidation(record) ? record : record.Clone().ToValidate(now);
    }

    /// <summary>A validation of <paramref name="revision"/> ended; one of an older revision says nothing about the present one.</summary>
    public static BackupLocationRecord Validated(BackupLocationRecord record, long revision, ValidationOutcome outcome) =>
        NeedsValidation(record) && record.Revision == revision ? record.Clone().WithOutcome(outcome) : record;

    /// <summary>A validation is under way or was interrupted.</summary>
    public static bool NeedsValidation(BackupLocationRecord record) =>
        !record.Deleting && record.BackupLocation.BackupLocationInfo.Status.Status == Status.ValidationInProgress;

    /// <summary>A copy is about to be made there.</summary>
    public static BackupLocationRecord ToBePlaced(BackupLocationRecord record, string clusterUid, string clusterNamespace)
    {
        var placement = new BackupLocationRecord.Types.Placement { ClusterUid = clusterUid, Namespace = clusterNamespace };
        if (record.Placements.Contains(placement))
            return record;
        var next = record.Clone();
        next.Placements.Add(placement);
        return next;
    }

    /// <summary>
    /// The location goes away. Asked again: a deletion with its backups stays one, whatever the later call says; one that keeps the data
    /// becomes one for what is left.
    /// </summary>
    public static BackupLocationRecord Delete(BackupLocationRecord record, bool deleteBackups, long schedules, Caller caller, DateTimeOffset now)
    {
        var metadata = record.BackupLocation.Metadata;
        if (schedules > 0)
            throw new DomainException(ErrorReason.WrongState, $"backup location [{metadata.Name}] is used by {schedules} backup schedules; delete them first");
        deleteBackups |= record.Deleting && record.BackupLocation.BackupLocationInfo.DeleteBackups;
        if (record.Deleting && record.BackupLocation.BackupLocationInfo.DeleteBackups == deleteBackups)
            return record;
        var next = record.Clone();
        (next.Deleting, next.DeletedBy, next.DueAt) = (true, caller.UserId, Timestamp.FromDateTimeOffset(now + LookAgainAfter));
        var info = next.BackupLocation.BackupLocationInfo;
        (info.DeleteBackups, info.ValidationStartedAt) = (deleteBackups, null);
        info.Status = new() { Status = Status.DeletePending, Reason = deleteBackups ? "its backups are being deleted" : "it is being removed; its backups' data stays" };
        next.BackupLocation.Metadata.Touched(now);
        return next;
    }

    /// <summary>The deletion waits for backups: said in the status, and a sweep looks again.</summary>
    public static BackupLocationRecord Waiting(BackupLocationRecord record, long backups, string problem, DateTimeOffset now)
    {
        var reason = problem.Length > 0 ? $"waiting for {backups} backups: {problem}" : $"waiting for {backups} backups";
        if (record.BackupLocation.BackupLocationInfo.Status.Reason == reason && record.DueAt.ToDateTimeOffset() > now + (LookAgainAfter / 2))
            return record;
        var next = record.Clone();
        next.BackupLocation.BackupLocationInfo.Status.Reason = reason;
        next.DueAt = Timestamp.FromDateTimeOffset(now + LookAgainAfter);
        return next;
    }

    /// <summary>Refuses a use that the location's state does not allow. The control plane's own clean-up is never refused.</summary>
    public static void CheckUse(BackupLocationRecord record, Caller caller)
    {
        if (caller.UserId == Caller.System.UserId)
            return;
        CheckStays(record);
        var status = record.BackupLocation.BackupLocationInfo.Status;
        // A look at a location that was found valid as it is keeps nobody from using it.
        if (status.Status == Status.Valid || (NeedsValidation(record) && record.ValidRevision == record.Revision))
            return;
        throw new DomainException(ErrorReason.WrongState,
            $"backup location [{record.BackupLocation.Metadata.Name}] is not valid: {ProtoNames.NameOf(status.Status)}{(status.Reason.Length > 0 ? $": {status.Reason}" : "")}; correct it and validate it again");
    }

    /// <summary>Who must be allowed to use the credential: the caller where it is the owner (or sees everything), else the location's owner.</summary>
    public static Caller CredentialCaller(BackupLocationRecord record, Caller caller)
    {
        var owner = AccessRules.OwnerOf(record.BackupLocation.Metadata);
        return caller.IsSuperAdmin || caller.UserId == owner ? caller : new() { UserId = owner };
    }

    /// <summary>What lists see.</summary>
    public static RecordIndex IndexOf(BackupLocationRecord record)
    {
        var info = record.BackupLocation.BackupLocationInfo;
        return record.BackupLocation.Metadata.ToIndex() with
        {
            Status = ProtoNames.NameOf(info.Status.Status),
            Type = ProtoNames.NameOf(info.Type),
            References = [.. info.ClusterRefs.Append(info.CloudCredentialRef).Select(reference => reference?.Uid ?? "").Where(uid => uid.Length > 0).Distinct()],
            DueAt = record.DueAt?.ToDateTimeOffset(),
        };
    }

    private static void CheckStays(BackupLocationRecord record)
    {
        if (record.Deleting)
            throw new DomainException(ErrorReason.WrongState, $"backup location [{record.BackupLocation.Metadata.Name}] is being deleted");
    }

    private static void TakeCredential(this BackupLocationInfo info, CloudCredentialObject credential)
    {
        info.CloudCredentialRef = new() { Name = credential.Metadata.Name, Uid = credential.Metadata.Uid };
        info.CloudCredential = credential.Metadata.Name;
    }

    // A configuration that says where the store is replaces the stored one; one that does not changes only what it sets.
    private static void TakeConfig(this BackupLocationInfo info, BackupLocationInfo given)
    {
        if (given.NfsConfig is not null)
            throw DomainException.InvalidField("backup_location.nfs_config", "does not belong to type S3; use s3_config");
        if (given.S3Config is not { } config)
            return;
        var changed = config.Endpoint.Length > 0 || config.Region.Length > 0 ? new S3Config() : info.S3Config?.Clone() ?? new S3Config();
        changed.MergeFrom(config);
        info.S3Config = changed;
    }

    private static BackupLocationRecord ToValidate(this BackupLocationRecord next, DateTimeOffset now)
    {
        var info = next.BackupLocation.BackupLocationInfo;
        info.Status = new() { Status = Status.ValidationInProgress };
        info.ValidationStartedAt = Timestamp.FromDateTimeOffset(now);
        next.DueAt = Timestamp.FromDateTimeOffset(now + LookAgainAfter);
        return next;
    }

    /// <summary>The record with the result of its validation; unchanged when there is none yet.</summary>
    public static BackupLocationRecord WithOutcome(this BackupLocationRecord next, ValidationOutcome? outcome)
    {
        if (outcome is null)
            return next;
        var info = next.BackupLocation.BackupLocationInfo;
        info.Status = outcome.IsValid
            ? new() { Status = Status.Valid, Reason = outcome.Notes }
            : new() { Status = Status.ValidationFailed, Reason = outcome.Reason };
        info.ObjectLockEnabled = outcome.ObjectLock ?? info.ObjectLockEnabled;
        next.ValidRevision = outcome.IsValid ? next.Revision : 0;
        next.DueAt = null;
        return next;
    }
}
