using PxBackup.Api;
using PxBackup.Grains.Access;
using PxBackup.Grains.Catalog;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.Access;
using PxBackup.Grains.Records;
using Config = PxBackup.Api.CloudCredentialInfo.ConfigOneofCase;
using Provider = PxBackup.Api.CloudCredentialInfo.Types.Type;

namespace PxBackup.Grains.CloudCredentials;

/// <summary>The rules of cloud credentials. Facts come in, the next record goes out: no I/O, no clock, no Orleans.</summary>
internal static class CloudCredentialRules
{
    /// <summary>A new credential; the same request by the same owner gives the credential that is there.</summary>
    public static CloudCredentialRecord Create(CloudCredentialRecord? record, CloudCredentialCreateRequest request, ObjectKey key, Caller caller, DateTimeOffset now)
    {
        var hash = RequestHash.Of(request);
        if (record is not null)
        {
            var isCallers = AccessRules.OwnerOf(record.CloudCredential.Metadata) == caller.UserId;
            return isCallers && record.RequestHash.Equals(hash) && record.CloudCredential.CloudCredentialInfo.Equals(request.CloudCredential)
                ? record
                : throw RequestHash.Taken(ObjectKind.CloudCredential, key, isCallers);
        }

        Check(request.CloudCredential);
        return new()
        {
            CloudCredential = new()
            {
                Metadata = ObjectMetadata.New(request.Metadata, key, caller, now),
                CloudCredentialInfo = request.CloudCredential.Clone(),
            },
            Revision = 1,
            RequestHash = hash,
        };
    }

    /// <summary>A configuration in the request replaces the stored one wholly, secrets included; none keeps it. Labels likewise.</summary>
    public static CloudCredentialRecord Update(CloudCredentialRecord record, CloudCredentialUpdateRequest request, DateTimeOffset now)
    {
        var next = record.Clone();
        var stored = record.CloudCredential.CloudCredentialInfo;
        if (request.CloudCredential is { } given)
        {
            if (given.Type != Provider.Invalid && given.Type != stored.Type)
                throw DomainException.InvalidField("cloud_credential.type", $"cannot change from {ProtoNames.NameOf(stored.Type)} to {ProtoNames.NameOf(given.Type)}; create another cloud credential");
            if (given.ConfigCase != Config.None)
                next.CloudCredential.CloudCredentialInfo = new CloudCredentialInfo(given) { Type = stored.Type };
        }

        Check(next.CloudCredential.CloudCredentialInfo);
        next.CloudCredential.Metadata.TakeLabels(request.Metadata);
        if (next.Equals(record))
            return record;
        if (!next.CloudCredential.CloudCredentialInfo.Equals(stored))
            next.Revision++;
        next.CloudCredential.Metadata.Touched(now);
        return next;
    }

    /// <summary>Refuses the deletion of a credential that is referred to.</summary>
    /// <param name="metadata">The credential's.</param>
    /// <param name="kind">What refers to it.</param>
    /// <param name="name">Name of one such object; null when there is none.</param>
    public static void CheckUnused(Metadata metadata, ObjectKind kind, string? name)
    {
        if (name is not null)
            throw new DomainException(ErrorReason.InUse, $"{kind.Title()} [{name}] has reference to cloud credential [{metadata.Name}:{metadata.Uid}]");
    }

    /// <summary>Tells whether copies elsewhere are current: changes with every change of the credential.</summary>
    public static string RevisionOf(CloudCredentialObject credential) =>
        $"{credential.Metadata.LastUpdateTime.Seconds}-{credential.Metadata.LastUpdateTime.Nanos}";

    /// <summary>What lists see.</summary>
    public static RecordIndex IndexOf(CloudCredentialRecord record) =>
        record.CloudCredential.Metadata.ToIndex() with { Type = ProtoNames.NameOf(record.CloudCredential.CloudCredentialInfo.Type) };

    // Shapes are the gateway's business; a record that no code could use must not come to rest all the same.
    private static void Check(CloudCredentialInfo? info)
    {
        if (info is null || info.Type == Provider.Invalid)
            throw DomainException.InvalidField("cloud_credential.type", $"is required; one of {ProtoNames.Choices<Provider>()}");
        var (config, field) = info.Type switch
        {
            Provider.Aws => (Config.AwsConfig, "aws_config"),
            Provider.Azure => (Config.AzureConfig, "azure_config"),
            Provider.Google => (Config.GoogleConfig, "google_config"),
            Provider.Ibm => (Config.IbmConfig, "ibm_config"),
            Provider.Rancher => (Config.RancherConfig, "rancher_config"),
            _ => throw DomainException.InvalidField("cloud_credential.type", $"is not known; one of {ProtoNames.Choices<Provider>()}"),
        };
        if (info.ConfigCase != config)
            throw DomainException.InvalidField($"cloud_credential.{field}", $"is required for type {ProtoNames.NameOf(info.Type)}, and no other configuration");
        if (info.AwsConfig is { } aws && (aws.AccessKey.Length == 0 || aws.SecretKey.Length == 0))
            throw DomainException.InvalidField("cloud_credential.aws_config", "needs access_key and secret_key; an update replaces the whole configuration");
    }
}
