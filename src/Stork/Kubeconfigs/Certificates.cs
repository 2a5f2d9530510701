using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace PxBackup.Stork;

/// <summary>Certificates and keys as they lie in a kubeconfig.</summary>
internal static class Certificates
{
    // An authority has one or two certificates while it is rotated; who embeds the system's whole bundle has 150, with a company's own a few hundred.
    private const int MaxCertificates = 512;

    // A bundle has a strange one now and then; more of them are no bundle.
    private const int MaxBroken = 8;

    private const string Begin = "-----BEGIN";

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
            throw new TooManyCertificatesException();
        // Block by block, each only as far as the next one begins: a search for an end that never comes would go through all the rest each time.
        var left = Encoding.UTF8.GetString(bytes).AsSpan();
        var broken = 0;
        for (var at = left.IndexOf(Begin); at >= 0; at = left.IndexOf(Begin))
        {
            left = left[at..];
            var next = left[Begin.Length..].IndexOf(Begin);
            var block = next < 0 ? left : left[..(Begin.Length + next)];
            left = left[block.Length..];
            if (PemEncoding.TryFind(block, out var found) && block[found.Label] is not "CERTIFICATE")
                continue;
            if (!TryAdd(certificates, block, found) && ++broken > MaxBroken)
                break;
        }

        return certificates.Count > 0 && broken <= MaxBroken ? certificates : throw new CryptographicException("No certificate in it.");
    }

    // As kubectl does: a certificate of a bundle that cannot be read is not trusted, and the others are.
    private static bool TryAdd(X509Certificate2Collection certificates, ReadOnlySpan<char> block, PemFields found)
    {
        try
        {
            certificates.Add(X509CertificateLoader.LoadCertificate(Convert.FromBase64String(block[found.Base64Data].ToString())));
            return true;
        }
        catch (Exception e) when (e is CryptographicException or FormatException)
        {
            return false;
        }
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
        catch (TooManyCertificatesException)
        {
            throw field.Refused(KubeconfigError.Certificate, $"holds more than {MaxCertificates} certificates; keep the cluster's authority only");
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

/// <summary>A bundle has more certificates than are taken.</summary>
internal sealed class TooManyCertificatesException() : CryptographicException("Too many certificates.");
