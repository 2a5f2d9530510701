using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace PxBackup.Tests.InProcess.Stork;

/// <summary>Certificates made for one test run; nothing of them is kept.</summary>
internal static class TestCertificates
{
    public static X509Certificate2 Authority { get; } = MakeAuthority("PxBackup test authority");

    public static X509Certificate2 OtherAuthority { get; } = MakeAuthority("Another test authority");

    public static X509Certificate2 Server { get; } = Issue(Authority, "localhost", server: true);

    public static X509Certificate2 WrongNameServer { get; } = Issue(Authority, "elsewhere.example.com", server: true, loopback: false);

    public static X509Certificate2 ExpiredServer { get; } = Issue(Authority, "localhost", server: true, until: DateTimeOffset.UtcNow.AddHours(-1));

    public static X509Certificate2 Client { get; } = Issue(Authority, "backup", server: false);

    public static byte[] AuthorityPem => Encoding.ASCII.GetBytes(Authority.ExportCertificatePem());

    public static byte[] OtherAuthorityPem => Encoding.ASCII.GetBytes(OtherAuthority.ExportCertificatePem());

    public static byte[] ClientPem => Encoding.ASCII.GetBytes(Client.ExportCertificatePem());

    public static byte[] ClientKeyPem => Encoding.ASCII.GetBytes(Client.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());

    public static byte[] OtherKeyPem => Encoding.ASCII.GetBytes(Server.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());

    private static X509Certificate2 MakeAuthority(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-2), DateTimeOffset.UtcNow.AddDays(2));
    }

    private static X509Certificate2 Issue(X509Certificate2 authority, string name, bool server, bool loopback = true, DateTimeOffset? until = null)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(name);
        if (loopback)
            names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(server ? "1.3.6.1.5.5.7.3.1" : "1.3.6.1.5.5.7.3.2")], false));
        using var issued = request.Create(authority, DateTimeOffset.UtcNow.AddDays(-1), until ?? DateTimeOffset.UtcNow.AddDays(1), RandomNumberGenerator.GetBytes(8));
        return issued.CopyWithPrivateKey(key);
    }
}
