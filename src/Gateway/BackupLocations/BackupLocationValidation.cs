using PxBackup.Api;
using PxBackup.Gateway.Requests;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.BackupLocations;
using Kind = PxBackup.Api.BackupLocationInfo.Types.Type;

namespace PxBackup.Gateway.BackupLocations;

/// <summary>What requests for backup locations may hold. Pure: looks at the request alone and fills in the organization.</summary>
internal static class BackupLocationValidation
{
    private const int LongestKey = 4096;

    public static BackupLocationCreateRequest Validated(this BackupLocationCreateRequest request)
    {
        Fields.NewMetadata(request.Metadata);
        if (request.BackupLocation is not { } location)
            throw DomainException.InvalidField("backup_location", "is required");
        if (location.Type == Kind.Invalid)
            throw DomainException.InvalidField("backup_location.type", "is required: S3");
        Location(location);
        Fields.Required("backup_location.path", location.Path);
        Fields.RequiredRef("backup_location.cloud_credential_ref", location.CloudCredentialRef, "backup_location.cloud_credential", location.CloudCredential);
        return request;
    }

    public static BackupLocationUpdateRequest Validated(this BackupLocationUpdateRequest request)
    {
        Fields.Metadata(request.Metadata);
        if (request.BackupLocation is { } location)
            Location(location);
        return request;
    }

    public static BackupLocationEnumerateRequest Validated(this BackupLocationEnumerateRequest request)
    {
        request.OrgId = Fields.OrgOrDefault(request.OrgId);
        Fields.Labels("labels", request.Labels);
        Fields.OptionalName("cloud_credential", request.CloudCredential);
        Fields.Ref("cloud_credential_ref", request.CloudCredentialRef);
        Fields.Ref("cluster_ref", request.ClusterRef);
        ListOptions.Check(request.EnumerateOptions);
        if (request.BackupLocationEnumerateOptions is { } options)
        {
            ListOptions.Known("backup_location_enumerate_options.provider_types", options.ProviderTypes);
            ListOptions.Known("backup_location_enumerate_options.statuses", options.Statuses);
        }
        return request;
    }

    public static BackupLocationInspectRequest Validated(this BackupLocationInspectRequest request)
    {
        request.OrgId = Fields.OrgOrDefault(request.OrgId);
        Fields.NameAndUid(request.Name, request.Uid);
        return request;
    }

    public static BackupLocationDeleteRequest Validated(this BackupLocationDeleteRequest request)
    {
        request.OrgId = Fields.OrgOrDefault(request.OrgId);
        Fields.NameAndUid(request.Name, request.Uid);
        return request;
    }

    public static BackupLocationValidateRequest Validated(this BackupLocationValidateRequest request)
    {
        request.OrgId = Fields.OrgOrDefault(request.OrgId);
        Fields.NameAndUid(request.Name, request.Uid);
        Fields.MustBeUnset(request.ClusterRefs.Any(reference => !reference.IsNone()), "cluster_refs", "validation from clusters is");
        return request;
    }

    // What is unset stays unchanged in an update; a create asks for the rest itself.
    private static void Location(BackupLocationInfo location)
    {
        Fields.Known("backup_location.type", location.Type);
        Fields.MustBeUnset(location.Type is not (Kind.Invalid or Kind.S3), "backup_location.type", $"locations of type {location.Type} are");
        if (location.Type == Kind.S3 && location.ConfigCase == BackupLocationInfo.ConfigOneofCase.NfsConfig)
            throw DomainException.InvalidField("backup_location.nfs_config", "does not fit a location of type S3: give backup_location.s3_config, and no other configuration");
        Fields.MustBeUnset(location.ConfigCase == BackupLocationInfo.ConfigOneofCase.NfsConfig, "backup_location.nfs_config", "locations of type NFS are");
        Fields.MustBeUnset(location.UseWorkloadIdentity, "backup_location.use_workload_identity", "workload identity is");
        Fields.MustBeUnset(location.ClusterRefs.Any(reference => !reference.IsNone()), "backup_location.cluster_refs", "workload identity is");
        Fields.MustBeUnset(location.Sync, "backup_location.sync", "synchronisation on demand is");
        Fields.Ref("backup_location.cloud_credential_ref", location.CloudCredentialRef);
        Fields.OptionalName("backup_location.cloud_credential", location.CloudCredential);
        Fields.Text("backup_location.encryption_key", location.EncryptionKey, LongestKey);
        if (location.Path.Length > 0 && !BucketName.IsValid(location.Path))
            throw DomainException.InvalidField("backup_location.path", $"'{KubernetesNames.Shown(location.Path)}' is not a bucket's name: {BucketName.Rule}");
        if (location.S3Config is { } s3)
            S3(s3);
    }

    private static void S3(S3Config s3)
    {
        const string Field = "backup_location.s3_config";
        _ = StoreAddress.Of(s3, Field);
        if (s3.StorageClass.Length > 64 || !s3.StorageClass.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-'))
            throw DomainException.InvalidField($"{Field}.storage_class", "must be a word such as STANDARD_IA");
        Fields.Known($"{Field}.sse_type", s3.SseType);
        if (s3.AzureEnvironment is { } azure)
            Fields.Known($"{Field}.azure_environment.type", azure.Type);
    }
}
