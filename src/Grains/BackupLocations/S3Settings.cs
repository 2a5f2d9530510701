using PxBackup.Api;
using PxBackup.Grains.Interfaces;
using PxBackup.ObjectStores;

namespace PxBackup.Grains.BackupLocations;

/// <summary>What a backup location and its cloud credential say together, in the words of <see cref="S3StoreSettings"/>.</summary>
internal static class S3Settings
{
    private const string DefaultRegion = "us-east-1";
    private const string GlobalAwsHost = "s3.amazonaws.com";

    /// <summary>The settings that open the location's bucket.</summary>
    /// <exception cref="DomainException"><see cref="ErrorReason.WrongState"/>: the credential is not one for S3.</exception>
    public static S3StoreSettings Of(BackupLocationObject location, CloudCredentialObject? credential)
    {
        var info = location.BackupLocationInfo;
        if (credential?.CloudCredentialInfo.AwsConfig is not { } keys)
            throw new DomainException(ErrorReason.WrongState, $"backup location [{location.Metadata.Name}] is of type S3 and needs a cloud credential of type AWS");
        var s3 = info.S3Config ?? new S3Config();
        return new()
        {
            Bucket = info.Path,
            Region = s3.Region.Length > 0 ? s3.Region : DefaultRegion,
            Endpoint = EndpointOf(s3),
            AccessKey = keys.AccessKey,
            SecretKey = keys.SecretKey,
            DisableSsl = s3.DisableSsl,
            DisablePathStyle = s3.DisablePathStyle,
            Sse = SseOf(s3),
            StorageClass = s3.StorageClass.Length > 0 ? s3.StorageClass : null,
        };
    }

    /// <summary>
    /// Host, host:port or URL as given, without blanks around it and slashes after it; null for AWS itself. AWS's global host
    /// counts as none: it would send requests for other regions elsewhere, with a signature that no longer holds.
    /// </summary>
    private static string? EndpointOf(S3Config s3)
    {
        var endpoint = s3.Endpoint.Trim().TrimEnd('/');
        var host = endpoint[(endpoint.IndexOf("://", StringComparison.Ordinal) is var at and >= 0 ? at + 3 : 0)..];
        return endpoint.Length == 0 || (!s3.DisableSsl && host.Equals(GlobalAwsHost, StringComparison.OrdinalIgnoreCase)) ? null : endpoint;
    }

    private static string? SseOf(S3Config s3) => s3.SseType switch
    {
        S3Config.Types.Sse.S3 => "AES256",
        S3Config.Types.Sse.Kms => "aws:kms",
        _ => null,
    };
}
