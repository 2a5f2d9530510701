using System.Text;
using PxBackup.Api;
using PxBackup.Grains.Clusters;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.BackupLocations;
using PxBackup.Grains.Interfaces.Clusters;
using PxBackup.Stork.Resources;

namespace PxBackup.Grains.BackupLocations;

/// <summary>Translates a backup location into Stork's BackupLocation and the Secret that opens it.</summary>
internal static class StorkLocations
{
    /// <summary>Name of both resources on every cluster.</summary>
    public static string NameOf(Metadata metadata) => StorkLabels.NameFor(ResourceNames.Clean(metadata.Name), metadata.Uid);

    /// <summary>
    /// What keeps a cluster's copy current: the Secret first, since one BackupLocation without its Secret stops Stork for all
    /// of them. Credentials and the pass phrase rest in the Secret only.
    /// </summary>
    public static IReadOnlyList<ClusterCall> Place(OpenLocation open, string clusterNamespace)
    {
        var (metadata, info) = (open.Location.Metadata, open.Location.BackupLocationInfo);
        var name = NameOf(metadata);
        var s3 = info.S3Config ?? new S3Config();
        var (address, keys, sse) = (StoreAddress.Of(s3), StoreKeys.Of(open.Credential?.CloudCredentialInfo.AwsConfig), S3Settings.SseOf(s3) ?? "");
        var secret = new Secret
        {
            Metadata = Labelled(name, clusterNamespace, metadata),
            Type = "Opaque",
            Data = new Dictionary<string, byte[]>
            {
                ["path"] = Text(info.Path),
                ["endpoint"] = Text(address.HostAndPort),
                ["region"] = Text(address.Region),
                ["disableSSL"] = Text(address.IsPlain ? "true" : "false"),
                ["accessKeyID"] = Text(keys.Access),
                ["secretAccessKey"] = Text(keys.Secret),
                ["encryptionKey"] = Text(info.EncryptionKey),
                ["sse"] = Text(sse),
                ["storageClass"] = Text(s3.StorageClass),
            },
        };
        var location = new StorkBackupLocation
        {
            Metadata = Labelled(name, clusterNamespace, metadata),
            Location = new BackupLocationItem
            {
                Type = "s3",
                Path = info.Path,
                SecretConfig = name,
                S3Config = new StorkS3
                {
                    Endpoint = address.HostAndPort,
                    Region = address.Region,
                    DisableSsl = address.IsPlain,
                    Sse = sse,
                    StorageClass = s3.StorageClass,
                },
            },
        };
        return [Apply(ClusterResource.Secret, secret), Apply(ClusterResource.BackupLocation, location)];
    }

    /// <summary>What takes a cluster's copy away: the BackupLocation first, since one without its Secret stops Stork for all of them.</summary>
    public static IReadOnlyList<ClusterCall> Remove(Metadata metadata, string clusterNamespace)
    {
        var call = new ClusterCall { Verb = ClusterVerb.Delete, Namespace = clusterNamespace, Name = NameOf(metadata), Uid = metadata.Uid };
        return [call with { Resource = ClusterResource.BackupLocation }, call with { Resource = ClusterResource.Secret }];
    }

    private static ClusterCall Apply<T>(ClusterResource kind, T resource)
        where T : KubernetesResource => new()
        {
            Verb = ClusterVerb.Apply,
            Resource = kind,
            Namespace = resource.Metadata.Namespace,
            Name = resource.Metadata.Name,
            Uid = resource.Metadata.Labels[StorkLabels.Uid],
            Body = ResourceText.Write(resource),
        };

    private static ResourceMetadata Labelled(string name, string clusterNamespace, Metadata metadata) =>
        new() { Name = name, Namespace = clusterNamespace, Labels = StorkLabels.For(metadata.Uid), Annotations = { [StorkLabels.SkipResource] = "true" } };

    private static byte[] Text(string value) => Encoding.UTF8.GetBytes(value);
}
