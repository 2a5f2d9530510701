using Xunit;
using PxBackup.Api;
using PxBackup.Grains.CloudCredentials;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.CloudCredentials;
using PxBackup.Grains.Records;
using static PxBackup.Tests.InProcess.GrainCluster;

namespace PxBackup.Tests.InProcess.CloudCredentials;

[Collection(GrainCluster.Name)]
public sealed class CloudCredentialGrainTests(GrainCluster cluster)
{
    private readonly string _uid = Guid.NewGuid().ToString();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private ObjectKey Key => new("default", _uid);

    private ICloudCredentialGrain Grain => cluster.Grains.CloudCredential(Key);

    [Fact]
    public async Task A_create_answer_never_echoes_the_secret()
    {
        var made = await Grain.CreateAsync(Request(), Ann, Token);

        Assert.Equal(("AKIATEST", ""), (made.CloudCredentialInfo.AwsConfig.AccessKey, made.CloudCredentialInfo.AwsConfig.SecretKey));
        Assert.Equal(("ann", _uid, "default"), (made.Metadata.Ownership.Owner, made.Metadata.Uid, made.Metadata.OrgId));
    }

    [Fact]
    public async Task The_same_request_again_gives_the_same_object()
    {
        var first = await Grain.CreateAsync(Request(), Ann, Token);

        var second = await Grain.CreateAsync(Request(), Ann, Token);

        Assert.Equal(first, second);
        Assert.Equal(1, cluster.Store.Find<CloudCredentialRecord>(RecordKey.Of(ObjectKind.CloudCredential, Key))!.Version);
    }

    [Fact]
    public async Task Other_contents_under_the_same_uid_are_refused()
    {
        await Grain.CreateAsync(Request(), Ann, Token);
        var other = Request();
        other.CloudCredential.AwsConfig.AccessKey = "AKIAOTHER";

        var refusal = await Assert.ThrowsAsync<DomainException>(() => Grain.CreateAsync(other, Ann, Token));

        Assert.Equal(ErrorReason.RequestMismatch, refusal.Reason);
        Assert.Contains("already exists", refusal.Message);
    }

    [Fact]
    public async Task A_second_credential_of_the_same_name_and_owner_already_exists()
    {
        await Grain.CreateAsync(Request(), Ann, Token);
        var other = Guid.NewGuid().ToString();

        var refusal = await Assert.ThrowsAsync<DomainException>(() => cluster.Grains.CloudCredential(new("default", other)).CreateAsync(Request(other), Ann, Token));

        Assert.Equal(ErrorReason.AlreadyExists, refusal.Reason);
        Assert.Contains($"cloud credential [aws-{_uid}] already exists", refusal.Message);
    }

    [Fact]
    public async Task Another_owner_may_have_the_same_name()
    {
        await Grain.CreateAsync(Request(), Ann, Token);
        var other = Guid.NewGuid().ToString();

        var made = await cluster.Grains.CloudCredential(new("default", other)).CreateAsync(Request(other), Bob, Token);

        Assert.Equal($"aws-{_uid}", made.Metadata.Name);
    }

    [Fact]
    public async Task A_foreign_credential_answers_like_a_missing_one()
    {
        await Grain.CreateAsync(Request(), Ann, Token);
        var inspect = new CloudCredentialInspectRequest { OrgId = "default", Name = $"aws-{_uid}", Uid = _uid };

        var foreign = await Assert.ThrowsAsync<DomainException>(() => Grain.InspectAsync(inspect, Bob, Token));
        var missing = await Assert.ThrowsAsync<DomainException>(() => cluster.Grains.CloudCredential(new("default", "none")).InspectAsync(inspect, Bob, Token));

        Assert.Equal((ErrorReason.NotFound, $"failed to retrieve cloud credential [aws-{_uid}]: object not found"), (foreign.Reason, foreign.Message));
        Assert.Equal(missing.Message, foreign.Message);
    }

    [Fact]
    public async Task Secrets_are_given_only_when_asked_for()
    {
        await Grain.CreateAsync(Request(), Ann, Token);

        var blank = await Grain.InspectAsync(new() { Name = $"aws-{_uid}" }, Ann, Token);
        var open = await Grain.InspectAsync(new() { Name = $"aws-{_uid}", IncludeSecrets = true }, Ann, Token);

        Assert.Equal(("", "made-up-secret"), (blank.CloudCredentialInfo.AwsConfig.SecretKey, open.CloudCredentialInfo.AwsConfig.SecretKey));
    }

    [Fact]
    public async Task Use_authorises_the_caller_again()
    {
        await Grain.CreateAsync(Request(), Ann, Token);

        var open = await Grain.UseAsync(Ann, Token);
        var refusal = await Assert.ThrowsAsync<DomainException>(() => Grain.UseAsync(Bob, Token));

        Assert.Equal("made-up-secret", open.CloudCredentialInfo.AwsConfig.SecretKey);
        Assert.Equal(ErrorReason.NotFound, refusal.Reason);
    }

    [Theory]
    [InlineData(ObjectKind.BackupLocation, "backup location [user] has reference to cloud credential [{0}:{1}]")]
    [InlineData(ObjectKind.Cluster, "cluster [user] has reference to cloud credential [{0}:{1}]")]
    public async Task A_credential_in_use_stays(ObjectKind kind, string text)
    {
        await Grain.CreateAsync(Request(), Ann, Token);
        var user = new RecordKey(kind, "default", Guid.NewGuid().ToString());
        var metadata = new Metadata { Name = "user" };
        var index = new RecordIndex { Name = "user-" + _uid, Owner = "bob", CreatedAt = default, UpdatedAt = default, References = [_uid] };
        if (kind == ObjectKind.Cluster)
            await cluster.Store.InsertAsync(user, new PxBackup.Grains.Clusters.ClusterRecord { Cluster = new() { Metadata = metadata } }, index);
        else
            await cluster.Store.InsertAsync(user, new PxBackup.Grains.BackupLocations.BackupLocationRecord { BackupLocation = new() { Metadata = metadata } }, index);

        var refusal = await Assert.ThrowsAsync<DomainException>(() => Grain.DeleteAsync(new() { Name = $"aws-{_uid}", Uid = _uid }, Ann, Token));
        cluster.Store.Vanish(user);
        await Grain.DeleteAsync(new() { Name = $"aws-{_uid}", Uid = _uid }, Ann, Token);

        Assert.Equal((ErrorReason.InUse, string.Format(text, $"aws-{_uid}", _uid)), (refusal.Reason, refusal.Message));
        Assert.Null(cluster.Store.Find<CloudCredentialRecord>(RecordKey.Of(ObjectKind.CloudCredential, Key)));
    }

    [Fact]
    public async Task A_writer_that_was_overtaken_is_told_and_the_next_call_sees_what_is_true()
    {
        await Grain.CreateAsync(Request(), Ann, Token);
        var key = RecordKey.Of(ObjectKind.CloudCredential, Key);
        var stored = cluster.Store.Find<CloudCredentialRecord>(key)!;
        stored.Body.Revision = 41;
        await cluster.Store.UpdateAsync(key, stored.Version, stored.Body, CloudCredentialRules.IndexOf(stored.Body));

        var refusal = await Assert.ThrowsAsync<DomainException>(() => Grain.UpdateAsync(Change("AKIANEW"), Ann, Token));
        await Grain.UpdateAsync(Change("AKIANEW"), Ann, Token);

        Assert.Equal(ErrorReason.Conflict, refusal.Reason);
        Assert.Equal(42, cluster.Store.Find<CloudCredentialRecord>(key)!.Body.Revision);
    }

    [Fact]
    public async Task A_create_that_was_overtaken_by_a_whole_life_of_the_object_does_not_bring_it_back()
    {
        var key = RecordKey.Of(ObjectKind.CloudCredential, Key);
        await Assert.ThrowsAsync<DomainException>(() => Grain.InspectAsync(new() { Uid = _uid }, Ann, Token)); // The activation has seen: there is none.
        var elsewhere = CloudCredentialRules.Create(null, Request(), Key, Ann, cluster.Time.GetUtcNow());
        await cluster.Store.InsertAsync(key, elsewhere, CloudCredentialRules.IndexOf(elsewhere));
        await cluster.Store.DeleteAsync(key, 1);

        var refusal = await Assert.ThrowsAsync<DomainException>(() => Grain.CreateAsync(Request(), Ann, Token));

        Assert.Equal(ErrorReason.Conflict, refusal.Reason);
        Assert.Null(cluster.Store.Find<CloudCredentialRecord>(key));
    }

    [Fact]
    public async Task Who_knows_that_it_was_deleted_may_create_it_again()
    {
        var key = RecordKey.Of(ObjectKind.CloudCredential, Key);
        await Grain.CreateAsync(Request(), Ann, Token);
        await Grain.DeleteAsync(new() { Name = $"aws-{_uid}", Uid = _uid }, Ann, Token);

        await Grain.CreateAsync(Request(), Ann, Token); // The activation that deleted it.
        var second = cluster.Store.Find<CloudCredentialRecord>(key)!.Version;
        await Grain.DeleteAsync(new() { Name = $"aws-{_uid}", Uid = _uid }, Ann, Token);
        await cluster.EndActivationAsync(Grain);
        await Grain.CreateAsync(Request(), Ann, Token); // One that has read the tombstone.

        Assert.Equal((3L, 5L), (second, cluster.Store.Find<CloudCredentialRecord>(key)!.Version));
    }

    private CloudCredentialUpdateRequest Change(string accessKey) => new()
    {
        Metadata = new() { Name = $"aws-{_uid}", Uid = _uid, OrgId = "default" },
        CloudCredential = new() { Type = CloudCredentialInfo.Types.Type.Aws, AwsConfig = new() { AccessKey = accessKey, SecretKey = "made-up-too" } },
    };

    private CloudCredentialCreateRequest Request(string? uid = null) => new()
    {
        Metadata = new() { Name = $"aws-{_uid}", Uid = uid ?? _uid, OrgId = "default" },
        CloudCredential = new() { Type = CloudCredentialInfo.Types.Type.Aws, AwsConfig = new() { AccessKey = "AKIATEST", SecretKey = "made-up-secret" } },
    };
}
