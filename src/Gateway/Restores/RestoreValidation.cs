using PxBackup.Api;
using PxBackup.Gateway.Backups;
using PxBackup.Gateway.Requests;
using PxBackup.Grains.Interfaces;
using ObjectType = PxBackup.Api.RestoreCreateRequest.Types.BackupObjectType.Types.Type;
using Status = PxBackup.Api.RestoreInfo.Types.StatusInfo.Types.Status;

namespace PxBackup.Gateway.Restores;

/// <summary>What requests for restores may hold. Pure: looks at the request alone and fills in the organization.</summary>
internal static class RestoreValidation
{
    public static RestoreCreateRequest Validated(this RestoreCreateRequest request)
    {
        Fields.NewMetadata(request.Metadata, KubernetesNames.Resource);
        Fields.RequiredRef("backup_ref", request.BackupRef, "backup", request.Backup);
        Fields.RequiredRef("cluster_ref", request.ClusterRef, "cluster", request.Cluster);
        WhatIsNotBuilt(request);
        Fields.Known("replace_policy", request.ReplacePolicy);
        foreach (var (source, target) in request.NamespaceMapping)
        {
            KubernetesNames.Namespace("namespace_mapping key", source);
            KubernetesNames.Namespace($"namespace_mapping[{source}]", target);
        }
        foreach (var (source, target) in request.StorageClassMapping)
        {
            KubernetesNames.Subdomain("storage_class_mapping key", source);
            KubernetesNames.Subdomain($"storage_class_mapping[{source}]", target);
        }
        BackupValidation.Resources("include_resources", request.IncludeResources);
        for (var i = 0; i < request.IncludeOptionalResourceTypes.Count; i++)
        {
            Fields.Required($"include_optional_resource_types[{i}]", request.IncludeOptionalResourceTypes[i]);
            Fields.Text($"include_optional_resource_types[{i}]", request.IncludeOptionalResourceTypes[i], Fields.LongestName);
        }
        return request;
    }

    public static RestoreUpdateRequest Validated(this RestoreUpdateRequest request)
    {
        Fields.Metadata(request.Metadata);
        return request;
    }

    public static RestoreEnumerateRequest Validated(this RestoreEnumerateRequest request)
    {
        request.OrgId = Fields.OrgOrDefault(request.OrgId);
        ListOptions.Check(request.EnumerateOptions);
        ListOptions.Statuses<Status>(request.EnumerateOptions);
        return request;
    }

    public static RestoreInspectRequest Validated(this RestoreInspectRequest request)
    {
        request.OrgId = Fields.OrgOrDefault(request.OrgId);
        Fields.NameAndUid(request.Name, request.Uid);
        return request;
    }

    public static RestoreDeleteRequest Validated(this RestoreDeleteRequest request)
    {
        request.OrgId = Fields.OrgOrDefault(request.OrgId);
        Fields.NameAndUid(request.Name, request.Uid);
        return request;
    }

    private static void WhatIsNotBuilt(RestoreCreateRequest request)
    {
        if (request.BackupObjectType is { } type)
        {
            Fields.Known("backup_object_type.type", type.Type);
            Fields.MustBeUnset(type.Type == ObjectType.VirtualMachine, "backup_object_type.type", "restores of virtual machines are");
        }
        Fields.MustBeUnset(request.VirtualMachineRestoreOptions is { } options && (options.SkipMacMasking || options.SkipVmRestart),
            "virtual_machine_restore_options", "restores of virtual machines are");
        Fields.MustBeUnset(request.IsSfr, "is_sfr", "restores of single files are");
        Fields.MustBeUnset(request.FileLevelRestoreInfo is not null, "file_level_restore_info", "restores of single files are");
        Fields.MustBeUnset(request.RancherProjectMapping.Count > 0, "rancher_project_mapping", "Rancher projects are");
        Fields.MustBeUnset(request.RancherProjectNameMapping.Count > 0, "rancher_project_name_mapping", "Rancher projects are");
        Fields.MustBeUnset(request.Filter is { ResourceFilterCase: not RestoreCreateRequest.Types.Filter.ResourceFilterOneofCase.None }, "filter", "filters of a restore are");
        Fields.MustBeUnset(request.ExcludeResources.Count > 0, "exclude_resources", "exclusions of a restore are");
        Fields.MustBeUnset(request.TargetNamespacePrefix.Length > 0, "target_namespace_prefix", "prefixes of target namespaces are");
    }
}
