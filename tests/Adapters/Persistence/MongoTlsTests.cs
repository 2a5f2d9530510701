using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.DependencyInjection;
using PxBackup.Grains.Records;
using PxBackup.Persistence.MongoDB;
using PxBackup.Tests.Adapters.Peers;
using Xunit;

namespace PxBackup.Tests.Adapters.Persistence;

/// <summary>TLS to the database with an authority of one's own, as the settings ask for it.</summary>
public sealed class MongoTlsTests(DocumentDbFixture peer) : IDisposable
{
    private readonly TemporaryDirectory _folder = new();
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _key.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task A_server_whose_certificate_an_authority_of_CaFile_signed_is_spoken_to()
    {
        using var authority = Authority("database authority");
        var address = await ServerAsync(authority, IPAddress.Loopback);

        await CheckAsync(address, Pem("authority.pem", authority));
    }

    [Fact]
    public async Task A_server_whose_certificate_another_authority_signed_is_refused_and_told_so()
    {
        using var authority = Authority("database authority");
        using var other = Authority("another authority");
        var address = await ServerAsync(authority, IPAddress.Loopback);

        var refused = await Assert.ThrowsAsync<RecordStoreException>(() => CheckAsync(address, Pem("other.pem", other)));

        Assert.Contains("the TLS hand-shake failed", refused.Message);
    }

    [Fact]
    public async Task A_certificate_for_another_host_is_refused_although_the_authority_is_right()
    {
        using var authority = Authority("database authority");
        var address = await ServerAsync(authority, IPAddress.Parse("192.0.2.1"));

        var refused = await Assert.ThrowsAsync<RecordStoreException>(() => CheckAsync(address, Pem("authority.pem", authority)));

        Assert.Contains("the TLS hand-shake failed", refused.Message);
    }

    [Fact]
    public async Task Without_CaFile_an_authority_that_the_system_does_not_know_is_refused()
    {
        using var authority = Authority("database authority");
        var address = await ServerAsync(authority, IPAddress.Loopback);

        var refused = await Assert.ThrowsAsync<RecordStoreException>(() => CheckAsync(address, ""));

        Assert.Contains("Mongo:CaFile", refused.Message);
    }

    private static async Task CheckAsync(string address, string authorities)
    {
        var options = new MongoOptions { ConnectionString = address, CaFile = authorities, ServerSelectionTimeout = TimeSpan.FromSeconds(3) };
        await using var provider = new ServiceCollection().AddMongoDatabase(options).BuildServiceProvider();
        await provider.GetRequiredService<MongoServer>().CheckAsync(Stop);
    }

    private static X509Certificate2 Authority(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: false, 0, critical: true));
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddHours(1));
    }

    private async Task<string> ServerAsync(X509Certificate2 authority, IPAddress host)
    {
        Assert.SkipWhen(DocumentDbFixture.Elsewhere is not null, "MONGO_URI names a server with certificates of its own");
        var request = new CertificateRequest("CN=database", _key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(host);
        request.CertificateExtensions.Add(names.Build());
        using var certificate = request.Create(authority, DateTimeOffset.UtcNow.AddMinutes(-30), DateTimeOffset.UtcNow.AddMinutes(30), RandomNumberGenerator.GetBytes(8));
        var key = Path.Combine(_folder.Path, "tls.key");
        await File.WriteAllTextAsync(key, _key.ExportPkcs8PrivateKeyPem(), Stop);
        return (await peer.GatewayAsync("--set", "rs0", "--certificate", Pem("tls.crt", certificate), "--key", key)).ConnectionString;
    }

    private string Pem(string name, X509Certificate2 certificate)
    {
        var file = Path.Combine(_folder.Path, name);
        File.WriteAllText(file, certificate.ExportCertificatePem());
        return file;
    }
}
