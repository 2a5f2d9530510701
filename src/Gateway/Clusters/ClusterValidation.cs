using System.Buffers.Text;
using PxBackup.Api;
using PxBackup.Gateway.Requests;
using PxBackup.Grains.Interfaces;
using Status = PxBackup.Api.ClusterInfo.Types.StatusInfo.Types.Status;

namespace PxBackup.Gateway.Clusters;

/// <summary>What requests for application clusters may hold. Pure: looks at the request alone and fills in the organization.</summary>
internal static class ClusterValidation
{
    // The kubeconfig parser's own bound is lower; this one keeps hopeless texts from being decoded at all.
    private const int LongestKubeconfig = 2 * 1024 * 1024;

    public static ClusterCreateRequest Validated(this ClusterCreateRequest request)
    {
        Fields.NewMetadata(request.Metadata);
        Fields.Required("kubeconfig", request.Kubeconfig);
        Kubeconfig(request.Kubeconfig);
        Fields.Ref("cloud_credential_ref", request.CloudCredentialRef);
        Fields.OptionalName("cloud_credential", request.CloudCredential);
        Fields.Known("provider", request.Provider);
        Fields.MustBeUnset(!request.PlatformCredentialRef.IsNone(), "platform_credential_ref", "Rancher clusters are");
        Fields.MustBeUnset(request.TeleportClusterId.Length > 0, "teleport_cluster_id", "clusters behind Teleport are");
        Fields.MustBeUnset(request.TenantId.Length > 0, "tenant_id", "clusters of a tenant are");
        Fields.MustBeUnset(request.ServiceToken.Length > 0, "service_token", "clusters of a tenant are");
        return request;
    }

    public static ClusterUpdateRequest Validated(this ClusterUpdateRequest request)
    {
        Fields.Metadata(request.Metadata);
        Kubeconfig(request.Kubeconfig);
        Fields.Ref("cloud_credential_ref", request.CloudCredentialRef);
        Fields.OptionalName("cloud_credential", request.CloudCredential);
        Fields.MustBeUnset(!request.PlatformCredentialRef.IsNone(), "platform_credential_ref", "Rancher clusters are");
        return request;
    }

    public static ClusterEnumerateRequest Validated(this ClusterEnumerateRequest request)
    {
        request.OrgId = Fields.OrgOrDefault(request.OrgId);
        Fields.Labels("labels", request.Labels);
        Fields.OptionalName("cloud_credential", request.CloudCredential);
        Fields.Ref("cloud_credential_ref", request.CloudCredentialRef);
        Fields.Ref("backup_location_ref", request.BackupLocationRef);
        ListOptions.Check(request.EnumerateOptions);
        ListOptions.Statuses<Status>(request.EnumerateOptions);
        if (request.ClusterEnumerateOptions is { } options)
        {
            const string Field = "cluster_enumerate_options";
            ListOptions.Known($"{Field}.cluster_status", options.ClusterStatus);
            ListOptions.Known($"{Field}.cluster_providers", options.ClusterProviders);
            Fields.MustBeUnset(options.ProjectNames.Count > 0, $"{Field}.project_names", "discovered clusters are");
            Fields.MustBeUnset(options.ClusterDiscoveryConfigRefs.Any(reference => !reference.IsNone()), $"{Field}.cluster_discovery_config_refs", "discovered clusters are");
            Fields.MustBeUnset(options.ShootLabelSelector.Length > 0, $"{Field}.shoot_label_selector", "discovered clusters are");
        }
        return request;
    }

    public static ClusterInspectRequest Validated(this ClusterInspectRequest request)
    {
        request.OrgId = Fields.OrgOrDefault(request.OrgId);
        Fields.NameAndUid(request.Name, request.Uid);
        return request;
    }

    public static ClusterDeleteRequest Validated(this ClusterDeleteRequest request)
    {
        request.OrgId = Fields.OrgOrDefault(request.OrgId);
        Fields.NameAndUid(request.Name, request.Uid);
        return request;
    }

    public static ResourceTypeRequest Validated(this ResourceTypeRequest request)
    {
        request.OrgId = Fields.OrgOrDefault(request.OrgId);
        Fields.RequiredRef("cluster_ref", request.ClusterRef, "cluster", "");
        return request;
    }

    private static void Kubeconfig(string kubeconfig)
    {
        if (kubeconfig.Length > LongestKubeconfig)
            throw DomainException.InvalidField("kubeconfig", $"is {kubeconfig.Length} characters long; at most {LongestKubeconfig} are allowed");
        if (!Base64.IsValid(kubeconfig))
            throw DomainException.InvalidField("kubeconfig", "must be the whole kubeconfig file in base64 (such as `base64 -w0 kubeconfig` prints)");
    }
}
