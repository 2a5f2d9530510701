using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace PxBackup.Gateway.Hosting;

/// <summary>The certificate that both ports show, from PEM files.</summary>
internal sealed record ServerCertificate(X509Certificate2 Certificate, X509Certificate2Collection Chain)
{
    /// <summary>Null where no certificate is configured.</summary>
    /// <exception cref="GatewayStartException">A file is missing, unreadable, or not what it should be.</exception>
    public static ServerCertificate? Load(GatewayOptions options)
    {
        if (options.CertificateFile.Length == 0)
            return null;
        var key = options.KeyFile.Length > 0 ? options.KeyFile : options.CertificateFile;
        Read(options.CertificateFile, nameof(GatewayOptions.CertificateFile));
        Read(key, nameof(GatewayOptions.KeyFile));
        try
        {
            var chain = new X509Certificate2Collection();
            chain.ImportFromPemFile(options.CertificateFile);
            return new(X509Certificate2.CreateFromPemFile(options.CertificateFile, key), chain);
        }
        catch (Exception wrong) when (wrong is CryptographicException or ArgumentException)
        {
            throw new GatewayStartException(
                $"Gateway:CertificateFile '{options.CertificateFile}' and its key '{key}' are no matching PEM certificate and unencrypted private key ({wrong.Message})", wrong);
        }
    }

    // The platform's own message for an unreadable file names neither setting nor cure.
    private static void Read(string path, string setting)
    {
        try
        {
            using var file = File.OpenRead(path);
        }
        catch (Exception wrong) when (wrong is IOException or UnauthorizedAccessException)
        {
            throw new GatewayStartException($"Gateway:{setting} '{path}' cannot be read ({wrong.Message}): correct the path or give this product's user access to it", wrong);
        }
    }
}
