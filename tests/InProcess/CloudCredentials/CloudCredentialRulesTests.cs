using Xunit;
using PxBackup.Api;
using PxBackup.Grains.CloudCredentials;
using PxBackup.Grains.Interfaces;
using static PxBackup.Tests.InProcess.GrainCluster;

namespace PxBackup.Tests.InProcess.CloudCredentials;

public sealed class CloudCredentialRulesTests
{
    private static readonly DateTimeOffset Now = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void An_update_without_a_configuration_keeps_the_stored_one()
    {
        var record = Stored();

        var next = CloudCredentialRules.Update(record, new() { Metadata = new() { Labels = { ["team"] = "a" } } }, Now.AddHours(1));

        Assert.Equal(record.CloudCredential.CloudCredentialInfo, next.CloudCredential.CloudCredentialInfo);
        Assert.Equal((1, "a"), (next.Revision, next.CloudCredential.Metadata.Labels["team"]));
    }

    [Fact]
    public void An_update_with_a_configuration_replaces_it_wholly_and_counts()
    {
        var record = Stored();

        var next = CloudCredentialRules.Update(record, new() { Metadata = new(), CloudCredential = new() { AwsConfig = new() { AccessKey = "b", SecretKey = "c" } } }, Now.AddHours(1));

        Assert.Equal(("b", "c", 2), (next.CloudCredential.CloudCredentialInfo.AwsConfig.AccessKey, next.CloudCredential.CloudCredentialInfo.AwsConfig.SecretKey, next.Revision));
        Assert.NotEqual(CloudCredentialRules.RevisionOf(record.CloudCredential), CloudCredentialRules.RevisionOf(next.CloudCredential));
        Assert.Equal("k", record.CloudCredential.CloudCredentialInfo.AwsConfig.AccessKey);
    }

    [Fact]
    public void An_update_that_changes_nothing_is_nothing()
    {
        var record = Stored();

        var next = CloudCredentialRules.Update(record, new() { Metadata = new(), CloudCredential = record.CloudCredential.CloudCredentialInfo.Clone() }, Now.AddHours(1));

        Assert.Same(record, next);
    }

    [Fact]
    public void An_update_that_would_lose_the_secret_is_refused_by_field()
    {
        var refusal = Assert.Throws<DomainException>(() =>
            CloudCredentialRules.Update(Stored(), new() { Metadata = new(), CloudCredential = new() { AwsConfig = new() { AccessKey = "b" } } }, Now));

        Assert.Equal("cloud_credential.aws_config", refusal.Facts["field"]);
    }

    [Fact]
    public void The_type_of_a_credential_does_not_change()
    {
        var refusal = Assert.Throws<DomainException>(() =>
            CloudCredentialRules.Update(Stored(), new() { Metadata = new(), CloudCredential = new() { Type = CloudCredentialInfo.Types.Type.Ibm, IbmConfig = new() { ApiKey = "x" } } }, Now));

        Assert.Equal("cloud_credential.type: cannot change from AWS to IBM; create another cloud credential", refusal.Message);
    }

    [Fact]
    public void A_configuration_of_another_type_is_refused()
    {
        var request = new CloudCredentialCreateRequest { Metadata = new() { Name = "c" }, CloudCredential = new() { Type = CloudCredentialInfo.Types.Type.Aws, GoogleConfig = new() } };

        var refusal = Assert.Throws<DomainException>(() => CloudCredentialRules.Create(null, request, new("default", "u"), Ann, Now));

        Assert.Equal((ErrorReason.InvalidField, "cloud_credential.aws_config"), (refusal.Reason, refusal.Facts["field"]));
    }

    [Fact]
    public void The_index_names_the_type_as_the_contract_does() =>
        Assert.Equal("AWS", CloudCredentialRules.IndexOf(Stored()).Type);

    private static CloudCredentialRecord Stored() => CloudCredentialRules.Create(null, new()
    {
        Metadata = new() { Name = "c" },
        CloudCredential = new() { Type = CloudCredentialInfo.Types.Type.Aws, AwsConfig = new() { AccessKey = "k", SecretKey = "s" } },
    }, new("default", "u"), Ann, Now);
}
