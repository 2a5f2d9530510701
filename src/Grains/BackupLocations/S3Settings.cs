using PxBackup.Api;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.BackupLocations;
using PxBackup.ObjectStores;

namespace PxBackup.Grains.BackupLocations;

/// <summary>What a backup location and its cloud credential say together, in the words of <see cref="S3StoreSettings"/>.</summary>
internal static class S3Settings
{
    /// <summary>The settings that open the location's bucket.</summary>
    /// <exception cref="DomainException"><see cref="ErrorReason.WrongState"/>: the credential is not one for S3; <see cref="ErrorReason.InvalidField"/>: an older release took what cannot be meant.</exception>
    public static S3StoreSettings Of(BackupLocationObject location, CloudCredentialObject? credential)
    {
        var info = location.BackupLocationInfo;
        if (credential?.CloudCredentialInfo.AwsConfig is not { } keys)
            throw new DomainException(ErrorReason.WrongState, $"backup location [{location.Metadata.Name}] is of type S3 and needs a cloud credential of type AWS");
        var s3 = info.S3Config ?? new S3Config();
        var (address, pair) = (StoreAddress.Of(s3), StoreKeys.Of(keys));
        return new()
        {
            Bucket = info.Path,
            Region = address.Region,
            Endpoint = address.Url?.GetLeftPart(UriPartial.Authority),
            AccessKey = pair.Access,
            SecretKey = pair.Secret,
            DisableSsl = address.IsPlain,
            DisablePathStyle = s3.DisablePathStyle,
            Sse = SseOf(s3),
            StorageClass = s3.StorageClass.Length > 0 ? s3.StorageClass : null,
        };
    }

    /// <summary>Host and port of the store: what is counted as one.</summary>
    public static string StoreOf(S3StoreSettings settings) => settings.Endpoint ?? $"aws/{settings.Region}";

    /// <summary>Server-side encryption as S3's header says it; null for none.</summary>
    public static string? SseOf(S3Config s3) => s3.SseType switch
    {
        S3Config.Types.Sse.S3 => "AES256",
        S3Config.Types.Sse.Kms => "aws:kms",
        _ => null,
    };
}
