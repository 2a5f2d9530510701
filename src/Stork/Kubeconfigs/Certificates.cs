using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace PxBackup.Stork;

/// <summary>Certificates and keys as they lie in a kubeconfig.</summary>
internal static class Certificates
{
    // An authority has one or two certificates while it is rotated, a client a short chain.
    private const int MaxCertificates = 32;

    /// <summary>Authorities, PEM or DER.</summary>
    /// <exception cref="CryptographicException">There is none in it, or it is broken.</exception>
    public static X509Certificate2Collection Load(ReadOnlySpan<byte> bytes)
    {
        var certificates = new X509Certificate2Collection();
        if (bytes.IndexOf("-----BEGIN"u8) < 0)
        {
            certificates.Add(X509CertificateLoader.LoadCertificate(bytes));
            return certificates;
        }

        if (bytes.Count("-----BEGIN"u8) > MaxCertificates)
            throw new CryptographicException($"More than {MaxCertificates} certificates.");
        certificates.ImportFromPem(Encoding.UTF8.GetString(bytes));
        return certificates.Count > 0 ? certificates : throw new CryptographicException("No certificate in it.");
    }

    /// <summary>A client certificate with its key; the caller disposes it.</summary>
    /// <exception cref="CryptographicException">It is broken, or the key is another's.</exception>
    public static X509Certificate2 LoadClient(ReadOnlySpan<byte> certificate, ReadOnlySpan<byte> key) =>
        X509Certificate2.CreateFromPem(Encoding.UTF8.GetString(certificate), Encoding.UTF8.GetString(key));

    public static void CheckAuthority(Field field, byte[] bytes)
    {
        try
        {
            Dispose(Load(bytes));
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw field.Refused(KubeconfigError.Certificate, "is not a certificate in PEM; embed the cluster's authority");
        }
    }

    public static void CheckClient(Field user, byte[] certificate, byte[] key)
    {
        try
        {
            Dispose(Load(certificate));
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw user["client-certificate-data"].Refused(KubeconfigError.Certificate, "is not a certificate in PEM; embed the user's certificate");
        }

        try
        {
            LoadClient(certificate, key).Dispose();
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException or NotSupportedException)
        {
            throw user["client-key-data"].Refused(KubeconfigError.Key, "is not the certificate's private key in unencrypted PEM; embed that key");
        }
    }

    public static void Dispose(X509Certificate2Collection certificates)
    {
        foreach (var certificate in certificates)
            certificate.Dispose();
    }
}
