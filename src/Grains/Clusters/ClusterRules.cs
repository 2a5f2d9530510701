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
        next.Cluster.Metadata.TakeLabels(request.Metadata);
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
        next.Revision = record.Revision + 1;
        return Report(next, health with { Revision = next.Revision }, now);
    }

    /// <summary>What a check or the watch says. Reports of a connection that was replaced do not count, nor does anything about a cluster that is leaving.</summary>
    public static ClusterRecord Report(ClusterRecord record, ClusterHealth health, DateTimeOffset now)
    {
        if (record.Deleting || health.Revision != record.Revision)
            return record;
        var next = record.Clone();
        var info = next.Cluster.ClusterInfo;
        info.Status = new ClusterInfo.Types.StatusInfo { Status = health.Online ? Status.Online : Status.Offline, Reason = health.Reason };
        if (health.KubernetesVersion.Length > 0)
            info.K8SVersion = health.KubernetesVersion;
        if (health.StorkVersion.Length > 0)
            info.StorkVersion = health.StorkVersion;
        if (health.ClusterUid.Length > 0)
            info.ApplicationClusterUuid = health.ClusterUid;
        if (health.AdminNamespace.Length > 0)
            next.AdminNamespace = health.AdminNamespace;
        if (next.Equals(record))
            return record;
        next.Cluster.Metadata.Touched(now);
        return next;
    }

    public static ClusterRecord Delete(ClusterRecord record, ClusterDeleteRequest request, Caller caller, DateTimeOffset now)
    {
        var next = record.Clone();
        next.Deleting = true;
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
            References = [.. new[] { info.CloudCredentialRef?.Uid, info.PlatformCredentialRef?.Uid }.OfType<string>().Where(uid => uid.Length > 0)],
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
        KubernetesVersion = probe.KubernetesVersion,
        StorkVersion = probe.StorkVersion ?? "",
        AdminNamespace = probe.AdminNamespace,
        ClusterUid = probe.ClusterUid ?? "",
    };
}
