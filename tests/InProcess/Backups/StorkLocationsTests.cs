using System.Text;
using Xunit;
using PxBackup.Api;
using PxBackup.Grains.BackupLocations;
using PxBackup.Grains.Backups;
using PxBackup.Grains.Restores;
using PxBackup.Grains.Interfaces.Clusters;
using PxBackup.Stork.Resources;

namespace PxBackup.Tests.InProcess.Backups;

public sealed class StorkLocationsTests
{
    [Fact]
    public void The_Secret_is_placed_before_the_location_that_names_it()
    {
        var calls = StorkLocations.Place(A.Location(), "kube-system");

        Assert.Equal([(ClusterVerb.Apply, ClusterResource.Secret, "s3-main-c0ffee0"), (ClusterVerb.Apply, ClusterResource.BackupLocation, "s3-main-c0ffee0")],
            calls.Select(call => (call.Verb, call.Resource, call.Name)));
        Assert.Equal("s3-main-c0ffee0", ResourceText.Read<StorkBackupLocation>(calls[1].Body).Location.SecretConfig);
    }

    [Fact]
    public void Credentials_and_the_pass_phrase_are_in_the_Secret_and_nowhere_else()
    {
        var calls = StorkLocations.Place(A.Location(), "kube-system");
        var secret = ResourceText.Read<Secret>(calls[0].Body).Data;
        var location = Encoding.UTF8.GetString(calls[1].Body);

        Assert.Equal(("AKIATEST", "made-up-secret", "made-up-pass-phrase"), (Text(secret, "accessKeyID"), Text(secret, "secretAccessKey"), Text(secret, "encryptionKey")));
        Assert.All(["AKIATEST", "made-up-secret", "made-up-pass-phrase", "encryptionKey", "encryptionV2Key"], word => Assert.DoesNotContain(word, location));
    }

    [Theory]
    [InlineData("http://10.0.0.1:9000", false, "true")]
    [InlineData("10.0.0.1:9000", true, "true")]
    [InlineData("https://s3.example.com", false, "false")]
    public void Plain_HTTP_is_used_only_where_it_is_asked_for(string endpoint, bool disableSsl, string disables)
    {
        var info = new BackupLocationInfo { Path = "bucket", S3Config = new() { Endpoint = endpoint, DisableSsl = disableSsl, SseType = S3Config.Types.Sse.S3 } };

        var secret = ResourceText.Read<Secret>(StorkLocations.Place(A.Location(info), "kube-system")[0].Body).Data;

        Assert.Equal((disables, "us-east-1", "AES256", "bucket"), (Text(secret, "disableSSL"), Text(secret, "region"), Text(secret, "sse"), Text(secret, "path")));
    }

    [Fact]
    public void The_Secret_says_what_is_not_set_too_so_that_an_older_value_does_not_live_on()
    {
        var secret = ResourceText.Read<Secret>(StorkLocations.Place(A.Location(new() { Path = "bucket" }), "kube-system")[0].Body).Data;

        Assert.Equal(("", "", ""), (Text(secret, "encryptionKey"), Text(secret, "sse"), Text(secret, "storageClass")));
    }

    [Fact]
    public void Everything_that_is_placed_is_left_out_of_every_backup()
    {
        var restore = A.Restore().Restore;
        List<KubernetesResource> placed =
        [
            .. StorkLocations.Place(A.Location(), "kube-system").Select(call => call.Resource == ClusterResource.Secret ? ResourceText.Read<Secret>(call.Body) : (KubernetesResource)ResourceText.Read<StorkBackupLocation>(call.Body)),
            StorkBackups.ToResource(A.Backup().Backup, ["shop"], "kube-system", "loc"),
            StorkBackups.ToFinishedResource(A.Finished().Backup, "n", "kube-system", "loc", A.RestoreUid),
            StorkRestores.ToResource(restore, "n", "kube-system", "b", "loc"),
        ];

        Assert.All(placed, resource => Assert.Equal("true", resource.Metadata.Annotations.GetValueOrDefault("stork.libopenstorage.org/skip-resource")));
        // Every kind that features can place; a new one is added here.
        Assert.Equal(Enum.GetNames<ClusterResource>().Except(["None", "Rule"]).Order(), placed.Select(resource => resource.GetType().Name.Replace("Stork", "", StringComparison.Ordinal)).Distinct().Order());
    }

    private static string Text(Dictionary<string, byte[]> data, string key) => Encoding.UTF8.GetString(data[key]);
}
