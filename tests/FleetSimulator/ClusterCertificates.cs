using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace PxBackup.FleetSimulator;

/// <summary>A cluster's own certificate authority and what it issued. Made when first asked for (two P-256 key pairs, about a millisecond each).</summary>
internal sealed class ClusterCertificates(string name, IPAddress address)
{
    private static readonly Oid ServerAuthentication = new("1.3.6.1.5.5.7.3.1");
    private static readonly Oid ClientAuthentication = new("1.3.6.1.5.5.7.3.2");

    private readonly Lock _gate = new();
    private byte[]? _authority;
    private byte[]? _authorityKey;
    private SslStreamCertificateContext? _server;

    /// <summary>PEM of the certificate authority.</summary>
    public string AuthorityPem
    {
        get
        {
            lock (_gate) return PemEncoding.WriteString("CERTIFICATE", Authority());
        }
    }

    public SslStreamCertificateContext Server
    {
        get
        {
            lock (_gate) return _server ??= SslStreamCertificateContext.Create(Issue($"{name}-apiserver", "", ServerAuthentication), null, offline: true);
        }
    }

    /// <summary>A client certificate in the way kubeconfigs carry it: PEM of certificate and key.</summary>
    public (string Certificate, string Key) IssueClient(string user, string group)
    {
        lock (_gate)
        {
            using var certificate = Issue(user, group, ClientAuthentication);
            using var key = certificate.GetECDsaPrivateKey()!;
            return (certificate.ExportCertificatePem(), key.ExportPkcs8PrivateKeyPem());
        }
    }

    public bool IsOurs(X509Certificate2 certificate)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        lock (_gate) chain.ChainPolicy.CustomTrustStore.Add(X509CertificateLoader.LoadCertificate(Authority()));
        return chain.Build(certificate);
    }

    /// <summary>A new server certificate; with a new authority the old kubeconfigs stop working.</summary>
    public void Rotate(bool authorityToo)
    {
        lock (_gate)
        {
            if (authorityToo) (_authority, _authorityKey) = (null, null);
            _server = null;   // Open connections still use it; it goes with them.
        }
    }

    /// <summary>The authority for keeping: certificate and PKCS #8 key, both DER.</summary>
    public (byte[] Certificate, byte[] Key) Export()
    {
        lock (_gate) return (Authority(), _authorityKey!);
    }

    public void Import(byte[] certificate, byte[] key)
    {
        lock (_gate) (_authority, _authorityKey, _server) = (certificate, key, null);
    }

    private byte[] Authority()
    {
        if (_authority is not null) return _authority;
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN=kubernetes-ca of {name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign | X509KeyUsageFlags.DigitalSignature, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddYears(10));
        _authorityKey = key.ExportPkcs8PrivateKey();
        return _authority = certificate.RawData;
    }

    private X509Certificate2 Issue(string commonName, string organization, Oid use)
    {
        using var plain = X509CertificateLoader.LoadCertificate(Authority());
        using var authorityKey = ECDsa.Create();
        authorityKey.ImportPkcs8PrivateKey(_authorityKey, out _);
        using var authority = plain.CopyWithPrivateKey(authorityKey);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var subject = organization.Length == 0 ? $"CN={commonName}" : $"CN={commonName}, O={organization}";
        var request = new CertificateRequest(subject, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([use], false));
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(authority, true, false));
        if (use == ServerAuthentication)
        {
            var names = new SubjectAlternativeNameBuilder();
            names.AddIpAddress(address);
            names.AddDnsName($"{name}.localhost");
            names.AddDnsName("kubernetes");
            request.CertificateExtensions.Add(names.Build());
        }

        using var certificate = request.Create(authority, plain.NotBefore, plain.NotAfter, RandomNumberGenerator.GetBytes(16));
        return certificate.CopyWithPrivateKey(key);
    }
}
