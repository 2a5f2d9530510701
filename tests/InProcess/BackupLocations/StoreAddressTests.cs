using System.Text;
using Xunit;
using PxBackup.Api;
using PxBackup.Grains.BackupLocations;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.BackupLocations;
using PxBackup.Stork.Resources;
using PxBackup.Tests.InProcess.Backups;

namespace PxBackup.Tests.InProcess.BackupLocations;

public sealed class StoreAddressTests
{
    [Theory]
    [InlineData("http://10.1.2.3:9000/", false, "http://10.1.2.3:9000", "10.1.2.3:9000", true)]
    [InlineData("10.1.2.3:9000", true, "http://10.1.2.3:9000", "10.1.2.3:9000", true)]
    [InlineData("10.1.2.3:9000", false, "https://10.1.2.3:9000", "10.1.2.3:9000", false)]
    [InlineData("HTTPS://MinIO.Example.COM:9000", false, "https://minio.example.com:9000", "minio.example.com:9000", false)]
    [InlineData("https://s3.example.com", true, "https://s3.example.com", "s3.example.com", false)]
    [InlineData(" s3.example.com//\n", false, "https://s3.example.com", "s3.example.com", false)]
    [InlineData("https://s3.example.com:443", false, "https://s3.example.com", "s3.example.com", false)]
    [InlineData("http://s3.example.com:80/", false, "http://s3.example.com", "s3.example.com", true)]
    [InlineData("http://s3.example.com:443", false, "http://s3.example.com:443", "s3.example.com:443", true)]
    [InlineData("[FD00::1]:9000", true, "http://[fd00::1]:9000", "[fd00::1]:9000", true)]
    [InlineData("minio_svc:9000", true, "http://minio_svc:9000", "minio_svc:9000", true)]
    public void We_and_Stork_go_to_the_same_place(string endpoint, bool disableSsl, string ours, string storks, bool plain)
    {
        var location = A.Location(new() { Path = "bucket", S3Config = new() { Endpoint = endpoint, DisableSsl = disableSsl } });

        var settings = S3Settings.Of(location.Location, location.Credential);
        var calls = StorkLocations.Place(location, "kube-system");
        var secret = ResourceText.Read<Secret>(calls[0].Body).Data;
        var inline = ResourceText.Read<StorkBackupLocation>(calls[1].Body).Location.S3Config!;

        Assert.Equal((ours, plain), (settings.Endpoint, settings.DisableSsl));
        Assert.Equal((storks, plain ? "true" : "false"), (Text(secret, "endpoint"), Text(secret, "disableSSL")));
        Assert.Equal((storks, plain), (inline.Endpoint, inline.DisableSsl));
    }

    [Theory]
    [InlineData("", "", "s3.amazonaws.com", "us-east-1")]
    [InlineData("s3.amazonaws.com", "eu-west-1", "s3.eu-west-1.amazonaws.com", "eu-west-1")]
    [InlineData("https://S3.amazonaws.com/", " eu-west-1\n", "s3.eu-west-1.amazonaws.com", "eu-west-1")]
    [InlineData("", "cn-north-1", "s3.cn-north-1.amazonaws.com.cn", "cn-north-1")]
    public void AWS_is_met_at_its_regions_host(string endpoint, string region, string storks, string signedFor)
    {
        var address = StoreAddress.Of(new() { Endpoint = endpoint, Region = region });

        Assert.Null(address.Url);
        Assert.Equal((storks, signedFor), (address.HostAndPort, address.Region));
    }

    [Theory]
    [InlineData("http://host/path")]
    [InlineData("http://host/bucket/")]
    [InlineData("http://user:pw@host")]
    [InlineData("user@host")]
    [InlineData("http://@host")]
    [InlineData("host?x=1")]
    [InlineData("host#x")]
    [InlineData("ftp://host")]
    [InlineData("s3://bucket")]
    [InlineData("host name")]
    [InlineData("host\tname")]
    [InlineData("host\\other")]
    [InlineData("host%2fother")]
    [InlineData("host:port")]
    [InlineData("host:")]
    [InlineData("host:0")]
    [InlineData("host:70000")]
    [InlineData("http://")]
    [InlineData("://host")]
    [InlineData("fd00::1")]
    [InlineData("http://fd00::1:9000")]
    public void What_cannot_be_an_endpoint_is_refused_with_the_fields_name(string endpoint)
    {
        var refusal = Assert.Throws<DomainException>(() => StoreAddress.Of(new() { Endpoint = endpoint }));

        Assert.Equal(ErrorReason.InvalidField, refusal.Reason);
        Assert.StartsWith("backup_location.s3_config.endpoint: ", refusal.Message);
    }

    [Theory]
    [InlineData("eu west")]
    [InlineData("evil.example/")]
    [InlineData("a\nb")]
    public void What_cannot_be_a_region_is_refused_with_the_fields_name(string region) =>
        Assert.StartsWith("backup_location.s3_config.region: ", Assert.Throws<DomainException>(() => StoreAddress.Of(new() { Region = region })).Message);

    [Fact]
    public void Keys_with_a_line_end_behind_are_the_same_for_us_and_for_Stork()
    {
        var location = A.Location();
        location.Credential!.CloudCredentialInfo.AwsConfig = new() { AccessKey = "AKIATEST\n", SecretKey = " made-up-secret\r\n" };

        var settings = S3Settings.Of(location.Location, location.Credential);
        var secret = ResourceText.Read<Secret>(StorkLocations.Place(location, "kube-system")[0].Body).Data;

        Assert.Equal(("AKIATEST", "made-up-secret"), (settings.AccessKey, settings.SecretKey));
        Assert.Equal(("AKIATEST", "made-up-secret"), (Text(secret, "accessKeyID"), Text(secret, "secretAccessKey")));
    }

    private static string Text(Dictionary<string, byte[]> data, string key) => Encoding.UTF8.GetString(data[key]);
}
