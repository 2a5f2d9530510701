using Google.Protobuf.Collections;
using PxBackup.Api;
using PxBackup.Gateway.Requests;
using PxBackup.Grains.Interfaces;
using Status = PxBackup.Api.BackupInfo.Types.StatusInfo.Types.Status;

namespace PxBackup.Gateway.Backups;

/// <summary>What requests for backups may hold. Pure: looks at the request alone and fills in the organization.</summary>
internal static class BackupValidation
{
    // Every entry travels to the cluster in one Stork resource, whose size Kubernetes limits (1.5 MiB in etcd).
    private const int MostEntries = 10_000;

    public static BackupCreateRequest Validated(this BackupCreateRequest request)
    {
        Fields.NewMetadata(request.Metadata, KubernetesNames.Resource);
        Fields.RequiredRef("backup_location_ref", request.BackupLocationRef, "backup_location", request.BackupLocation);
        Fields.RequiredRef("cluster_ref", request.ClusterRef, "cluster", request.Cluster);
        WhatIsNotBuilt(request);
        if (request.Namespaces.Count == 0 && request.NsLabelSelectors.Length == 0 && request.IncludeResources.Count == 0)
            throw DomainException.InvalidField("namespaces", "nothing to back up: give namespaces, ns_label_selectors or include_resources");
        Namespaces(request.Namespaces);
        if (request.NsLabelSelectors.Length > 0)
            LabelSelector.Check("ns_label_selectors", request.NsLabelSelectors);
        foreach (var (key, value) in request.LabelSelectors)
            if (!KubernetesNames.IsLabelKey(key) || !KubernetesNames.IsLabelValue(value))
                throw DomainException.InvalidField("label_selectors", $"'{KubernetesNames.Shown(key)}={KubernetesNames.Shown(value)}' is not a Kubernetes label");
        Resources("include_resources", request.IncludeResources);
        Kinds("resource_types", request.ResourceTypes);
        Kinds("exclude_resource_types", request.ExcludeResourceTypes);
        Fields.Known("backup_type", request.BackupType);
        if (request.CsiSnapshotClassName.Length > 0)
            KubernetesNames.Subdomain("csi_snapshot_class_name", request.CsiSnapshotClassName);
        foreach (var (provisioner, snapshotClass) in request.VolumeSnapshotClassMapping)
        {
            Fields.Required("volume_snapshot_class_mapping key", provisioner);
            Fields.Text("volume_snapshot_class_mapping key", provisioner, Fields.LongestName);
            KubernetesNames.Subdomain($"volume_snapshot_class_mapping[{KubernetesNames.Shown(provisioner)}]", snapshotClass);
        }
        return request;
    }

    public static BackupUpdateRequest Validated(this BackupUpdateRequest request)
    {
        Fields.Metadata(request.Metadata);
        Fields.Ref("cloud_credential_ref", request.CloudCredentialRef);
        Fields.OptionalName("cloud_credential", request.CloudCredential);
        return request;
    }

    public static BackupEnumerateRequest Validated(this BackupEnumerateRequest request)
    {
        request.OrgId = Fields.OrgOrDefault(request.OrgId);
        ListOptions.Check(request.EnumerateOptions);
        ListOptions.Statuses<Status>(request.EnumerateOptions);
        return request;
    }

    public static BackupInspectRequest Validated(this BackupInspectRequest request)
    {
        request.OrgId = Fields.OrgOrDefault(request.OrgId);
        Fields.NameAndUid(request.Name, request.Uid);
        return request;
    }

    public static BackupDeleteRequest Validated(this BackupDeleteRequest request)
    {
        request.OrgId = Fields.OrgOrDefault(request.OrgId);
        Fields.NameAndUid(request.Name, request.Uid);
        Fields.Ref("cluster_ref", request.ClusterRef);
        Fields.OptionalName("cluster", request.Cluster);
        if (request.Force)
            throw DomainException.InvalidField("force", "is for federated installations only; this one is not");
        return request;
    }

    /// <summary>The resources that a backup or restore is limited to.</summary>
    internal static void Resources(string field, RepeatedField<ResourceInfo> resources)
    {
        Count(field, resources.Count);
        for (var i = 0; i < resources.Count; i++)
        {
            var (resource, path) = (resources[i], $"{field}[{i}]");
            Fields.Required($"{path}.kind", resource.Kind);
            Fields.Required($"{path}.version", resource.Version);
            Fields.Required($"{path}.name", resource.Name);
            Fields.Text($"{path}.kind", resource.Kind, Fields.LongestName);
            Fields.Text($"{path}.version", resource.Version, Fields.LongestName);
            Fields.Text($"{path}.group", resource.Group, Fields.LongestName);
            Fields.Text($"{path}.name", resource.Name, Fields.LongestName);
            if (resource.Namespace.Length > 0)
                KubernetesNames.Namespace($"{path}.namespace", resource.Namespace);
        }
    }

    private static void WhatIsNotBuilt(BackupCreateRequest request)
    {
        Fields.MustBeUnset(!request.PreExecRuleRef.IsNone(), "pre_exec_rule_ref", "rules are");
        Fields.MustBeUnset(request.PreExecRule.Length > 0, "pre_exec_rule", "rules are");
        Fields.MustBeUnset(!request.PostExecRuleRef.IsNone(), "post_exec_rule_ref", "rules are");
        Fields.MustBeUnset(request.PostExecRule.Length > 0, "post_exec_rule", "rules are");
        Fields.MustBeUnset(!request.VolumeResourceOnlyPolicyRef.IsNone(), "volume_resource_only_policy_ref", "volume resource only policies are");
        Fields.MustBeUnset(request.AdvancedResourceLabelSelector.Length > 0, "advanced_resource_label_selector", "label selectors with operators are (label_selectors selects by equal labels)");
        Fields.MustBeUnset(request.KeepCrStatus, "keep_cr_status", "backups with the status of custom resources are");
        if (request.BackupObjectType is not { } type)
            return;
        Fields.Known("backup_object_type.type", type.Type);
        Fields.MustBeUnset(type.Type == BackupCreateRequest.Types.BackupObjectType.Types.Type.VirtualMachine, "backup_object_type.type", "backups of virtual machines are");
    }

    private static void Namespaces(RepeatedField<string> namespaces)
    {
        Count("namespaces", namespaces.Count);
        for (var i = 0; i < namespaces.Count; i++)
        {
            if (namespaces[i] != "*")
                KubernetesNames.Namespace($"namespaces[{i}]", namespaces[i]);
            else if (namespaces.Count > 1)
                throw DomainException.InvalidField($"namespaces[{i}]", "'*' means all namespaces and stands alone");
        }
    }

    private static void Kinds(string field, RepeatedField<string> kinds)
    {
        Count(field, kinds.Count);
        for (var i = 0; i < kinds.Count; i++)
        {
            Fields.Required($"{field}[{i}]", kinds[i]);
            Fields.Text($"{field}[{i}]", kinds[i], Fields.LongestName);
        }
    }

    private static void Count(string field, int count)
    {
        if (count > MostEntries)
            throw DomainException.InvalidField(field, $"holds {count} entries; at most {MostEntries} are allowed");
    }
}
