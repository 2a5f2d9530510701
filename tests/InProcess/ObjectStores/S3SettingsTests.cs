using PxBackup.ObjectStores;
using PxBackup.ObjectStores.S3;
using Xunit;

namespace PxBackup.Tests.InProcess.ObjectStores;

public sealed class S3SettingsTests
{
    private static readonly S3StoreSettings Good = new() { Bucket = "backups", AccessKey = "AKIATEST", SecretKey = "secret-canary" };

    [Theory]
    [InlineData("store.example:9000", false, "https://store.example:9000/")]
    [InlineData("store.example:9000", true, "http://store.example:9000/")]
    [InlineData("http://store.example", false, "http://store.example/")]
    [InlineData("https://store.example/", true, "https://store.example/")]
    [InlineData(" 10.1.2.3:80 ", true, "http://10.1.2.3/")]
    [InlineData("[fd00::1]:9000", false, "https://[fd00::1]:9000/")]
    public void An_endpoint_becomes_a_URL_and_its_own_scheme_goes_first(string endpoint, bool disableSsl, string expected) =>
        Assert.Equal(expected, S3Endpoint.From(Good with { Endpoint = endpoint, DisableSsl = disableSsl })!.AbsoluteUri);

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("  ")]
    public void No_endpoint_is_AWS(string? endpoint) => Assert.Null(S3Endpoint.From(Good with { Endpoint = endpoint }));

    [Theory]
    [InlineData("ftp://store.example")]
    [InlineData("file:///etc/passwd")]
    [InlineData("unix:/run/x.sock")]
    [InlineData("http://user:pass@store.example")]
    [InlineData("http://store.example/path")]
    [InlineData("http://store.example?x=1")]
    [InlineData("http://store.example#x")]
    [InlineData("store.example\\@evil")]
    [InlineData("store.example\r\nHost: evil")]
    [InlineData("http://")]
    [InlineData("store example")]
    [InlineData("store.example:99999")]
    public void An_endpoint_that_is_more_than_scheme_host_and_port_is_refused(string endpoint) =>
        Assert.Equal(StoreFailure.InvalidSettings, Refused(Good with { Endpoint = endpoint }).Cause);

    [Theory]
    [InlineData("")]
    [InlineData("ab")]
    [InlineData("../etc")]
    [InlineData("a..b")]
    [InlineData("bucket/other")]
    [InlineData("bucket?x")]
    [InlineData("arn:aws:s3:::bucket")]
    [InlineData("büro")]
    [InlineData("bu\ncket")]
    public void A_bucket_that_is_more_than_a_name_is_refused(string bucket) =>
        Assert.Equal(StoreFailure.InvalidBucketName, Refused(Good with { Bucket = bucket }).Cause);

    [Fact]
    public void Other_settings_are_refused_by_name_and_without_the_secret()
    {
        Assert.Contains("encryption", Refused(Good with { Sse = "rot13" }).Message, StringComparison.Ordinal);
        Assert.Contains("region", Refused(Good with { Region = "evil.example/" }).Message, StringComparison.Ordinal);
        Assert.Contains("storage class", Refused(Good with { StorageClass = "A\r\nB" }).Message, StringComparison.Ordinal);
        Assert.Contains("access key", Refused(Good with { AccessKey = "A\nB" }).Message, StringComparison.Ordinal);
        Assert.Contains("session token", Refused(Good with { SessionToken = "a b" }).Message, StringComparison.Ordinal);
        Assert.Contains("secret key", Refused(Good with { SecretKey = "" }).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Settings_in_a_log_show_no_key() => Assert.DoesNotContain("canary", $"{Good}", StringComparison.Ordinal);

    [Fact]
    public void Every_failure_has_a_cure() =>
        Assert.All(Enum.GetValues<StoreFailure>(), cause => Assert.NotEmpty(new ObjectStoreException(cause, "", "m").Cure));

    private static ObjectStoreException Refused(S3StoreSettings settings) => Assert.Throws<ObjectStoreException>(() => S3Endpoint.From(settings));
}
