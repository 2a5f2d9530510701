using PxBackup.Api;
using PxBackup.Grains.Catalog;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.Access;
using PxBackup.Grains.Interfaces.Clusters;
using PxBackup.Grains.Records;
using PxBackup.Stork;
using Status = PxBackup.Api.ClusterInfo.Types.StatusInfo.Types.Status;

namespace PxBackup.Grains.Clusters;

/// <summary>The rules of clusters. Facts come in, the next record goes out: no I/O, no clock, no Orleans.</summary>
internal static class ClusterRules
{
    /// <summary>Where Stork acts for several namespaces unless the cluster says otherwise.</summary>
    public const string DefaultAdminNamespace = "kube-system";

    /// <summary>Resources that a cluster's record remembers as to be gone: the newest 200, 100 bytes each; older ones were looked for often.</summary>
    public const int MaxUnwanted = 200;

    /// <summary>
    /// Label of an update that says: the cluster was rebuilt, and this is the uid that its namespace kube-system had before. It is an order and not kept, and
    /// it fits only once.
    /// </summary>
    public const string RebuiltLabel = "pxbackup.io/rebuilt";

    public static ClusterRecord Create(ClusterCreateRequest request, ObjectKey key, ClusterHealth health, Caller caller, DateTimeOffset now)
    {
        var info = new ClusterInfo
        {
            Kubeconfig = request.Kubeconfig,
            PxConfig = request.PxConfig,
            CloudCredential = request.CloudCredential,
            CloudCredentialRef = request.CloudCredentialRef,
            PlatformCredentialRef = request.PlatformCredentialRef,
            TeleportClusterId = request.TeleportClusterId,
            TenantId = request.TenantId,
            ServiceToken = request.ServiceToken,
            Provider = request.Provider == ClusterCreateRequest.Types.Provider.Invalid ? ClusterInfo.Types.Provider.Other : (ClusterInfo.Types.Provider)request.Provider,
        };
        var record = new ClusterRecord
        {
            Cluster = new ClusterObject { Metadata = ObjectMetadata.New(request.Metadata, key, caller, now), ClusterInfo = info },
            RequestHash = RequestHash.Of(request),
            Revision = 1,
            AdminNamespace = DefaultAdminNamespace,
        };
        return Report(record, health with { Revision = 1 }, now);
    }

    /// <summary>Unset fields stay; a changed access begins a new revision.</summary>
    public static ClusterRecord Update(ClusterRecord record, ClusterUpdateRequest request, ClusterHealth? health, DateTimeOffset now)
    {
        var next = record.Clone();
        var info = next.Cluster.ClusterInfo;
        var metadata = request.Metadata.Clone();
        var rebuilt = metadata.Labels.GetValueOrDefault(RebuiltLabel, "");
        metadata.Labels.Remove(RebuiltLabel);
        RefuseOtherCluster(record, request, rebuilt, health);
        next.Cluster.Metadata.TakeLabels(metadata);
        if (request.Kubeconfig.Length > 0)
            info.Kubeconfig = request.Kubeconfig;
        if (request.PxConfig is not null)
            info.PxConfig = request.PxConfig;
        if (request.CloudCredentialRef is { Uid.Length: > 0 })
            (info.CloudCredentialRef, info.CloudCredential) = (request.CloudCredentialRef, request.CloudCredentialRef.Name);
        if (request.PlatformCredentialRef is { Uid.Length: > 0 })
            info.PlatformCredentialRef = request.PlatformCredentialRef;
        next.Cluster.Metadata.Touched(now);
        if (health is null)
            return next;
        (next.Revision, next.StorkSilent) = (record.Revision + 1, false);
        if (health.ClusterUid.Length > 0)
            info.ApplicationClusterUuid = health.ClusterUid;
        return Report(next, health with { Revision = next.Revision }, now);
    }

    /// <summary>A record stands for one Kubernetes cluster, the one with this uid of namespace kube-system: work, left-overs and backups lie there.</summary>
    private static void RefuseOtherCluster(ClusterRecord record, ClusterUpdateRequest request, string rebuilt, ClusterHealth? health)
    {
        var (name, known) = (record.Cluster.Metadata.Name, record.Cluster.ClusterInfo.ApplicationClusterUuid);
        if (rebuilt.Length > 0 && (request.Kubeconfig.Length == 0 || rebuilt != known))
        {
            throw DomainException.InvalidField($"metadata.labels[{RebuiltLabel}]", request.Kubeconfig.Length == 0
                ? "says that the cluster was rebuilt: give its new kubeconfig in the same update"
                : $"must be the uid that namespace kube-system of cluster [{name}] had before: {(known.Length > 0 ? known : "none is known, so that the label is not needed")}");
        }

        if (health is null || rebuilt.Length > 0 || known.Length == 0 || health.ClusterUid == known)
            return;
        throw DomainException.InvalidField("kubeconfig", (health.ClusterUid.Length > 0
            ? $"is another cluster's: its namespace kube-system has uid {health.ClusterUid}, that of cluster [{name}] has {known}; register the other cluster under a name of its own"
            : $"may not be of cluster [{name}]: its account may not read the uid of namespace kube-system, which was {known}; give the account that right ({AccountRights.File})")
            + $", or, if the cluster was rebuilt, add the label {RebuiltLabel}: {known} to this update");
    }

    /// <summary>What a check or the watch says. Reports of a connection that was replaced do not count, nor does anything about a cluster that is leaving.</summary>
    public static ClusterRecord Report(ClusterRecord record, ClusterHealth health, DateTimeOffset now)
    {
        if (health.Revision != record.Revision)
            return record;
        if (record.Deleting)
            return Reachable(record, health.Online || health.Stork == StorkState.Silent, now);
        var next = record.Clone();
        var info = next.Cluster.ClusterInfo;
        if (info.ApplicationClusterUuid.Length == 0)
            info.ApplicationClusterUuid = health.ClusterUid;
        else if (health.ClusterUid.Length > 0 && health.ClusterUid != info.ApplicationClusterUuid)
            return OtherCluster(record, health.ClusterUid, now);
        // What has not been seen to move yet does not end the silence that was seen.
        next.StorkSilent = health.Stork == StorkState.Silent || (health.Stork == StorkState.Unproven && health.Online && record.StorkSilent);
        if (!health.Online)
            info.Status = new ClusterInfo.Types.StatusInfo { Status = Status.Offline, Reason = health.Reason };
        else if (!next.StorkSilent)
            info.Status = new ClusterInfo.Types.StatusInfo { Status = Status.Online, Reason = SameClusterHint(next) };
        if (health.KubernetesVersion.Length > 0)
            info.K8SVersion = health.KubernetesVersion;
        if (health.StorkVersion.Length > 0)
            info.StorkVersion = health.StorkVersion;
        if (health.AdminNamespace.Length > 0)
            next.AdminNamespace = health.AdminNamespace;
        if (next.Equals(record))
            return record;
        next.Cluster.Metadata.Touched(now);
        return next;
    }

    /// <summary>Another registration of the same owner is the same Kubernetes cluster; empty for none.</summary>
    public static ClusterRecord SameAs(ClusterRecord record, string name, DateTimeOffset now)
    {
        if (record.SameAs == name)
            return record;
        var next = record.Clone();
        var status = next.Cluster.ClusterInfo.Status;
        next.SameAs = name;
        if (status.Status == Status.Online)
            status.Reason = SameClusterHint(next);
        next.Cluster.Metadata.Touched(now);
        return next;
    }

    private static string SameClusterHint(ClusterRecord record) => record.SameAs.Length == 0 ? ""
        : $"cluster [{record.SameAs}] is the same Kubernetes cluster (uid of kube-system: {record.Cluster.ClusterInfo.ApplicationClusterUuid}): each counts only its own work; keep one of them";

    private static ClusterRecord OtherCluster(ClusterRecord record, string uid, DateTimeOffset now)
    {
        var info = record.Cluster.ClusterInfo;
        var reason = ClusterErrors.Describe(new ClusterException(ClusterFailure.OtherCluster,
            $"The server is another cluster than the one that was registered: its namespace kube-system has uid {uid}, not {info.ApplicationClusterUuid}.",
            $"Correct the address, or register the other cluster under a name of its own; if the cluster was rebuilt, update it with the label {RebuiltLabel}: {info.ApplicationClusterUuid}."));
        if (info.Status.Status == Status.Offline && info.Status.Reason == reason)
            return record;
        var next = record.Clone();
        next.Cluster.ClusterInfo.Status = new ClusterInfo.Types.StatusInfo { Status = Status.Offline, Reason = reason };
        next.Cluster.Metadata.Touched(now);
        return next;
    }

    public static ClusterRecord Delete(ClusterRecord record, ClusterDeleteRequest request, Caller caller, DateTimeOffset now)
    {
        var next = record.Clone();
        next.Deleting = true;
        next.DeletingSince ??= Google.Protobuf.WellKnownTypes.Timestamp.FromDateTimeOffset(now);
        if (!record.Deleting && record.Cluster.ClusterInfo.Status.Status != Status.Online)
            next.UnreachableSince = next.DeletingSince;
        next.DueAt = Google.Protobuf.WellKnownTypes.Timestamp.FromDateTimeOffset(now);
        next.DeleteEverybodysBackups |= request.DeleteAllClusterBackups;
        var info = next.Cluster.ClusterInfo;
        info.DeleteBackups |= request.DeleteBackups || request.DeleteAllClusterBackups;
        info.DeleteRestores |= request.DeleteRestores;
        info.DeleteAllClusterBackups |= request.DeleteAllClusterBackups;
        info.DeletedBy = caller.UserId;
        info.Status = new ClusterInfo.Types.StatusInfo { Status = Status.DeletePending, Reason = "the cluster is being removed" };
        next.Cluster.Metadata.Touched(now);
        return next.Equals(record) ? record : next;
    }

    /// <summary>Whether a cluster that is to be removed answers.</summary>
    private static ClusterRecord Reachable(ClusterRecord record, bool online, DateTimeOffset now)
    {
        if (online == (record.UnreachableSince is null))
            return record;
        var next = record.Clone();
        next.UnreachableSince = online ? null : Google.Protobuf.WellKnownTypes.Timestamp.FromDateTimeOffset(now);
        return next;
    }

    /// <summary>Until when the removal waits for a cluster that cannot be reached; null while it can.</summary>
    public static DateTimeOffset? WaitsUntil(ClusterRecord record, ClusterOptions options) => record.UnreachableSince?.ToDateTimeOffset() + options.UnreachableTimeout;

    /// <summary>
    /// What a call places or takes away is noted before: whatever becomes of the call, the resource is known. Backups and restores have
    /// records of their own.
    /// </summary>
    public static ClusterRecord Noted(ClusterRecord record, ClusterCall call)
    {
        if (call.Resource is not (ClusterResource.Secret or ClusterResource.BackupLocation or ClusterResource.Rule) || call.Verb is not (ClusterVerb.Adopt or ClusterVerb.Apply or ClusterVerb.Delete))
            return record;
        var unwanted = call.Verb == ClusterVerb.Delete;
        var there = record.Placed.FirstOrDefault(one => one.Kind == (int)call.Resource && one.Namespace == call.Namespace && one.Name == call.Name && one.Uid == call.Uid);
        if (there is null ? unwanted : there.Unwanted == unwanted)
            return record; // What was never placed there is not to be looked for, either.
        var next = record.Clone();
        if (unwanted)
        {
            // A location's BackupLocation and Secret have one name and go together: the second is known, too, where the call for the first fails.
            foreach (var pair in next.Placed.Where(one => one.Namespace == call.Namespace && one.Name == call.Name && one.Uid == call.Uid))
                pair.Unwanted = true;
        }
        else
        {
            if (there is not null)
                next.Placed.Remove(there);
            next.Placed.Add(new PlacedResource { Kind = (int)call.Resource, Namespace = call.Namespace, Name = call.Name, Uid = call.Uid });
        }

        while (next.Placed.Count(one => one.Unwanted) > MaxUnwanted)
            next.Placed.Remove(next.Placed.First(one => one.Unwanted));
        return next;
    }

    /// <summary>The call that takes a placed resource away.</summary>
    public static ClusterCall Removal(PlacedResource resource) => new()
    {
        Verb = ClusterVerb.Delete,
        Resource = (ClusterResource)resource.Kind,
        Namespace = resource.Namespace,
        Name = resource.Name,
        Uid = resource.Uid,
    };

    /// <summary>The order in which placed resources go: Stork needs the later ones to let go of the earlier ones.</summary>
    public static int OrderOf(PlacedResource resource) => (ClusterResource)resource.Kind switch
    {
        ClusterResource.ApplicationRestore => 0,
        ClusterResource.ApplicationBackup => 1,
        ClusterResource.BackupLocation => 2, // One without its Secret stops Stork for all of them.
        _ => 3,
    };

    /// <summary>Resources in words, for a status or a log line: how many of which kind, and the first names.</summary>
    public static string Describe(IReadOnlyCollection<PlacedResource> resources, long more = 0)
    {
        const int names = 5;
        if (resources.Count == 0)
            return "nothing";
        var kinds = string.Join(", ", resources.GroupBy(one => (ClusterResource)one.Kind).OrderBy(kind => kind.Key).Select(kind => $"{kind.Count()} {kind.Key}{(kind.Count() > 1 ? "s" : "")}"));
        var first = string.Join(", ", resources.Take(names).Select(one => $"{(ClusterResource)one.Kind} {one.Namespace}/{one.Name}"));
        return $"{kinds} ({first}{(resources.Count + more > names ? $" and {resources.Count + more - names} more" : "")})";
    }

    /// <summary>What holds up the removal, for the status.</summary>
    public static ClusterRecord DeletionWaits(ClusterRecord record, string reason, DateTimeOffset now, TimeSpan again)
    {
        var next = record.Clone();
        next.Cluster.ClusterInfo.Status.Reason = reason;
        if (next.Equals(record))
            return record;
        next.DueAt = Google.Protobuf.WellKnownTypes.Timestamp.FromDateTimeOffset(now + again);
        return next;
    }

    public static RecordIndex IndexOf(ClusterRecord record)
    {
        var info = record.Cluster.ClusterInfo;
        return record.Cluster.Metadata.ToIndex() with
        {
            Status = ProtoNames.NameOf(info.Status.Status),
            Type = ProtoNames.NameOf(info.Provider),
            ClusterName = record.Cluster.Metadata.Name,
            ClusterUid = record.Cluster.Metadata.Uid,
            // The cluster's own identity, too: so another registration of it is found.
            References = [.. new[] { info.CloudCredentialRef?.Uid, info.PlatformCredentialRef?.Uid, info.ApplicationClusterUuid }.OfType<string>().Where(uid => uid.Length > 0)],
            DueAt = record.DueAt?.ToDateTimeOffset(),
        };
    }

    public static ClusterFacts FactsOf(ClusterRecord record) => new()
    {
        Name = record.Cluster.Metadata.Name,
        Online = record.Cluster.ClusterInfo.Status.Status == Status.Online,
        Reason = record.Cluster.ClusterInfo.Status.Reason,
        AdminNamespace = record.AdminNamespace,
        StorkVersion = record.Cluster.ClusterInfo.StorkVersion,
        Leaving = record.Deleting,
    };

    public static ClusterHealth Healthy(long revision, ClusterProbe probe) => new()
    {
        Revision = revision,
        Online = true,
        KubernetesVersion = OutsideText.OneLine(probe.KubernetesVersion, 64),
        StorkVersion = OutsideText.OneLine(probe.StorkVersion, 64),
        AdminNamespace = probe.AdminNamespace,
        ClusterUid = OutsideText.OneLine(probe.ClusterUid, 64),
    };

    /// <summary>The same cluster when Stork's program is silent.</summary>
    public static ClusterHealth WithoutStork(this ClusterHealth health, ClusterException cause) =>
        health with { Online = false, Stork = StorkState.Silent, Reason = ClusterErrors.Describe(cause) };

    /// <summary>What a failed check says.</summary>
    public static ClusterHealth Unhealthy(long revision, Exception failure) =>
        new() { Revision = revision, Online = false, Reason = ClusterErrors.Describe(failure), ClusterUid = (failure as ClusterException)?.ClusterUid ?? "" };
}
