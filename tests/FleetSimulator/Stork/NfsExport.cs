using System.Text;
using System.Text.Json.Nodes;
using PxBackup.FleetSimulator.Kubernetes;

namespace PxBackup.FleetSimulator.Stork;

/// <summary>The folder of one nfs BackupLocation as the executor's Job sees it.</summary>
internal sealed class NfsExport
{
    private readonly NfsServers _servers;
    private readonly string _root;
    private readonly BackupCipher _cipher;

    private NfsExport(NfsServers servers, string root, BackupCipher cipher) => (_servers, _root, _cipher) = (servers, root, cipher);

    /// <exception cref="BucketException">There is neither an inline passphrase nor a Secret called as the location, or no server is named.</exception>
    public static NfsExport Open(ClusterStore store, NfsServers servers, JsonObject location)
    {
        var (ns, name) = (location.Text("metadata", "namespace"), location.Text("metadata", "name"));
        var passphrase = location.Text("location", "encryptionV2Key");
        if (passphrase.Length == 0)
        {
            if (store.Find(BuiltInResources.Secrets, ns, name)?.Body() is not { } secret) throw new BucketException(Refusals.NotFound(BuiltInResources.Secrets, name).Message);
            passphrase = Encoding.UTF8.GetString(Convert.FromBase64String(secret.Text("data", "encryptionKey"))).TrimEnd('\n');
        }

        var server = location.Text("location", "nfsConfig", "serverAddr");
        if (server.Length == 0 || server.Contains('/')) throw new BucketException($"location.nfsConfig.serverAddr of BackupLocation {ns}/{name} is '{server}'; it must name an NFS server");
        return new NfsExport(servers, $"{server}/{location.Text("location", "nfsConfig", "subPath")}/{location.Text("location", "path")}", new BackupCipher(passphrase));
    }

    /// <exception cref="BucketException">The folder cannot be written.</exception>
    public void Write(string key, byte[] content) => Call(key, path =>
    {
        _servers.Write(path, _cipher.Encrypt(content));
        return true;
    });

    /// <exception cref="BucketException">The file is not there.</exception>
    public byte[] Read(string key) =>
        _cipher.Decrypt(Call(key, _servers.Content) ?? throw new BucketException($"open /mnt/nfs-target/{key}: no such file or directory", notFound: true));

    private T Call<T>(string key, Func<string, T> call)
    {
        try
        {
            return call($"{_root}/{key}");
        }
        catch (Exception failed) when (failed is ArgumentException or IOException or UnauthorizedAccessException)
        {
            throw new BucketException(failed.Message);
        }
    }
}
