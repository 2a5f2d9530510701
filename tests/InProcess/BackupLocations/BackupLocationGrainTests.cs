using Xunit;
using PxBackup.Api;
using PxBackup.Grains.BackupLocations;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.BackupLocations;
using PxBackup.Grains.Records;
using PxBackup.ObjectStores;
using Status = PxBackup.Api.BackupLocationInfo.Types.StatusInfo.Types.Status;
using static PxBackup.Tests.InProcess.GrainCluster;

namespace PxBackup.Tests.InProcess.BackupLocations;

[Collection(GrainCluster.Name)]
public sealed class BackupLocationGrainTests(GrainCluster cluster) : IAsyncLifetime
{
    private readonly string _uid = Guid.NewGuid().ToString();
    private readonly string _credential = Guid.NewGuid().ToString();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private ObjectKey Key => new("default", _uid);

    private RecordKey Record => RecordKey.Of(ObjectKind.BackupLocation, Key);

    private FakeBucket Bucket => cluster.ObjectStores["bucket-" + _uid];

    private IBackupLocationGrain Grain => cluster.Grains.BackupLocation(Key);

    private string Title => "location-" + _uid;

    public async ValueTask InitializeAsync() => await cluster.Grains.CloudCredential(new("default", _credential)).CreateAsync(new()
    {
        Metadata = new() { Name = "credential-" + _credential, Uid = _credential, OrgId = "default" },
        CloudCredential = new() { Type = CloudCredentialInfo.Types.Type.Aws, AwsConfig = new() { AccessKey = "AKIATEST", SecretKey = "made-up-secret" } },
    }, Ann, TestContext.Current.CancellationToken);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Fact]
    public async Task A_new_location_is_validated_in_the_background()
    {
        Bucket.Hold();
        Bucket.Check = new(new ObjectLockState(true, ObjectLockMode.Compliance, 7), true, []);

        var made = await Grain.CreateAsync(Request(), Ann, Token);
        Bucket.Answers.SetResult();
        await UntilAsync(Status.Valid);
        var seen = await InspectAsync();

        Assert.Equal((Status.ValidationInProgress, "", false), (made.BackupLocationInfo.Status.Status, made.BackupLocationInfo.EncryptionKey, made.BackupLocationInfo.ObjectLockEnabled));
        Assert.True(seen.BackupLocationInfo.ObjectLockEnabled);
        Assert.Equal("made-up-secret", Bucket.Opened.First().SecretKey);
    }

    [Fact]
    public async Task A_refused_validation_says_what_the_store_said_and_the_cure()
    {
        Bucket.Refusal = new(StoreFailure.AccessDenied, "AccessDenied", "writing a probe object: denied by the bucket's policy.");

        await Grain.CreateAsync(Request(), Ann, Token);
        await UntilAsync(Status.ValidationFailed);
        var status = (await InspectAsync()).BackupLocationInfo.Status;

        Assert.Equal($"writing a probe object: denied by the bucket's policy (AccessDenied). {Bucket.Refusal.Cure}", status.Reason);
    }

    [Fact]
    public async Task A_validation_before_the_answer_that_fails_leaves_nothing()
    {
        Bucket.Refusal = new(StoreFailure.InvalidAccessKey, "InvalidAccessKeyId", "InvalidAccessKeyId: unknown key.");

        var refusal = await Assert.ThrowsAsync<DomainException>(() => Grain.CreateAsync(Request(validate: true), Ann, Token));

        Assert.Equal(ErrorReason.Rejected, refusal.Reason);
        Assert.StartsWith($"failed to validate backup location [{Title}]: InvalidAccessKeyId: unknown key.", refusal.Message);
        Assert.Null(cluster.Store.Find<BackupLocationRecord>(Record));
    }

    [Fact]
    public async Task A_validation_before_the_answer_that_passes_makes_a_valid_location()
    {
        var made = await Grain.CreateAsync(Request(validate: true), Ann, Token);

        Assert.Equal(Status.Valid, made.BackupLocationInfo.Status.Status);
        Assert.Null(cluster.Store.Find<BackupLocationRecord>(Record)!.Body.DueAt);
    }

    [Fact]
    public async Task A_store_that_never_answers_ends_the_validation()
    {
        Bucket.Hold();
        await Grain.CreateAsync(Request(), Ann, Token);
        await Bucket.Asked.Task.WaitAsync(TimeSpan.FromSeconds(10), Token);

        cluster.Time.Advance(LocationValidation.Timeout);
        await UntilAsync(Status.ValidationFailed);

        Assert.StartsWith("The object store did not answer within 30 seconds.", (await InspectAsync()).BackupLocationInfo.Status.Reason);
    }

    [Fact]
    public async Task A_missing_bucket_is_made()
    {
        Bucket.Exists = false;

        await Grain.CreateAsync(Request(validate: true), Ann, Token);

        Assert.True(Bucket.Exists);
    }

    [Fact]
    public async Task A_missing_bucket_that_cannot_be_made_fails_with_both_texts()
    {
        Bucket.Exists = false;
        Bucket.CreationRefusal = new(StoreFailure.AccessDenied, "AccessDenied", "AccessDenied: not yours to make.");

        var refusal = await Assert.ThrowsAsync<DomainException>(() => Grain.CreateAsync(Request(validate: true), Ann, Token));

        Assert.Contains("the bucket does not exist. It could not be created either: AccessDenied: not yours to make", refusal.Message);
    }

    [Fact]
    public async Task The_same_request_again_gives_the_same_location_and_another_one_is_refused()
    {
        var first = await Grain.CreateAsync(Request(validate: true), Ann, Token);

        var second = await Grain.CreateAsync(Request(validate: true), Ann, Token);
        var refusal = await Assert.ThrowsAsync<DomainException>(() => Grain.CreateAsync(Request(), Ann, Token));

        Assert.Equal(first, second);
        Assert.Equal(ErrorReason.RequestMismatch, refusal.Reason);
    }

    [Fact]
    public async Task A_location_on_a_foreign_credential_is_refused_as_if_it_were_missing()
    {
        var refusal = await Assert.ThrowsAsync<DomainException>(() => Grain.CreateAsync(Request(), Bob, Token));

        Assert.Equal((ErrorReason.NotFound, $"failed to retrieve cloud credential [{_credential}]: object not found"), (refusal.Reason, refusal.Message));
    }

    [Fact]
    public async Task Using_a_location_gives_its_secrets_and_the_revision_of_both_objects()
    {
        await Grain.CreateAsync(Request(validate: true), Ann, Token);
        var open = await Grain.UseAsync(Ann, Token);
        cluster.Time.Advance(TimeSpan.FromMilliseconds(1));
        await cluster.Grains.CloudCredential(new("default", _credential)).UpdateAsync(new()
        {
            Metadata = new() { Name = "credential-" + _credential },
            CloudCredential = new() { AwsConfig = new() { AccessKey = "AKIANEW", SecretKey = "made-up-too" } },
        }, Ann, Token);

        var again = await Grain.UseAsync(Ann, Token);

        Assert.Equal(("phrase", "made-up-secret"), (open.Location.BackupLocationInfo.EncryptionKey, open.Credential!.CloudCredentialInfo.AwsConfig.SecretKey));
        Assert.StartsWith("1.", open.Revision);
        Assert.NotEqual(open.Revision, again.Revision);
    }

    [Fact]
    public async Task A_location_that_is_not_valid_is_not_used()
    {
        Bucket.Refusal = new(StoreFailure.WrongRegion, "", "it is in eu-west-1.");
        await Grain.CreateAsync(Request(), Ann, Token);
        await UntilAsync(Status.ValidationFailed);

        var refusal = await Assert.ThrowsAsync<DomainException>(() => Grain.UseAsync(Ann, Token));

        Assert.Equal(ErrorReason.WrongState, refusal.Reason);
        Assert.Contains("is not valid: ValidationFailed: it is in eu-west-1.", refusal.Message);
    }

    [Fact]
    public async Task A_valid_location_stays_usable_while_it_is_validated_again()
    {
        await Grain.CreateAsync(Request(validate: true), Ann, Token);
        Bucket.Hold();

        await Grain.ValidateAsync(new() { Name = Title, Uid = _uid }, Ann, Token);
        var status = (await InspectAsync()).BackupLocationInfo.Status.Status;
        var open = await Grain.UseAsync(Ann, Token);
        Bucket.Answers.SetResult();
        await UntilAsync(Status.Valid);

        Assert.Equal((Status.ValidationInProgress, Title), (status, open.Location.Metadata.Name));
    }

    [Fact]
    public async Task An_update_during_a_validation_is_validated_too()
    {
        Bucket.Hold();
        await Grain.CreateAsync(Request(), Ann, Token);
        await Bucket.Asked.Task.WaitAsync(TimeSpan.FromSeconds(10), Token);

        await Grain.UpdateAsync(new() { Metadata = new() { Name = Title }, BackupLocation = new() { S3Config = new() { SseType = S3Config.Types.Sse.S3 } } }, Ann, Token);
        Bucket.Answers.SetResult();
        await UntilAsync(Status.Valid);

        Assert.Equal([null, "AES256"], Bucket.Opened.Select(settings => settings.Sse));
        Assert.Equal(2, cluster.Store.Find<BackupLocationRecord>(Record)!.Body.ValidRevision);
    }

    [Fact]
    public async Task A_validation_that_a_crash_interrupted_goes_on_in_the_next_activation()
    {
        Bucket.Hold();
        await Grain.CreateAsync(Request(), Ann, Token);
        await Bucket.Asked.Task.WaitAsync(TimeSpan.FromSeconds(10), Token);
        await cluster.EndActivationAsync(Grain);
        Bucket.Answers.TrySetResult();
        var due = await cluster.Store.ListDueAsync(ObjectKind.BackupLocation, cluster.Time.GetUtcNow() + BackupLocationRules.LookAgainAfter, 100, Token);

        await Grain.WakeAsync(Token);
        await UntilAsync(Status.Valid);

        Assert.Contains(Record, due);
    }

    [Fact]
    public async Task A_location_whose_credential_went_fails_its_validation_and_says_so()
    {
        await Grain.CreateAsync(Request(validate: true), Ann, Token);
        cluster.Store.Vanish(new(ObjectKind.CloudCredential, "default", _credential));
        await cluster.EndActivationAsync(cluster.Grains.CloudCredential(new("default", _credential)));

        await Grain.ValidateAsync(new() { Name = Title }, Ann, Token);
        await UntilAsync(Status.ValidationFailed);

        Assert.Contains($"cloud credential [credential-{_credential}] cannot be used", (await InspectAsync()).BackupLocationInfo.Status.Reason);
    }

    [Fact]
    public async Task Deleting_a_location_without_its_backups_only_forgets_them()
    {
        await Grain.CreateAsync(Request(validate: true), Ann, Token);
        var backup = await cluster.Backups.AddAsync(Key);

        await Grain.DeleteAsync(new() { Name = Title, Uid = _uid }, Ann, Token);
        await GoneAsync();

        Assert.Equal(["ForgetAsync"], Asked(backup));
    }

    [Fact]
    public async Task Deleting_a_location_with_its_backups_waits_for_them()
    {
        await Grain.CreateAsync(Request(validate: true), Ann, Token);
        var backup = await cluster.Backups.AddAsync(Key, (_, _) => Task.CompletedTask);

        await Grain.DeleteAsync(new() { Name = Title, Uid = _uid, DeleteBackups = true }, Ann, Token);
        await cluster.Store.UntilAsync("the location waits for its backup", () => Stored()?.Status.Reason == "waiting for 1 backups");
        var waiting = await InspectAsync();
        var refusal = await Assert.ThrowsAsync<DomainException>(() => Grain.UseAsync(Ann, Token));
        cluster.Store.Vanish(backup);
        await Grain.WakeAsync(Token);
        await GoneAsync();

        Assert.Equal(Status.DeletePending, waiting.BackupLocationInfo.Status.Status);
        Assert.Equal($"backup location [{Title}] is being deleted", refusal.Message);
        Assert.All(Asked(backup), method => Assert.Equal("DeleteAsync", method));
    }

    [Fact]
    public async Task A_backup_that_cannot_be_deleted_is_named_and_holds_up_no_other()
    {
        await Grain.CreateAsync(Request(validate: true), Ann, Token);
        var stuck = await cluster.Backups.AddAsync(Key, (_, _) => throw new DomainException(ErrorReason.Unreachable, "no answer"));
        var other = await cluster.Backups.AddAsync(Key);

        await Grain.DeleteAsync(new() { Name = Title, DeleteBackups = true }, Ann, Token);
        await cluster.Store.UntilAsync("the status names the backup", () => Stored()?.Status.Reason == $"waiting for 1 backups: backup [backup-{stuck.Uid}]: no answer");

        Assert.Equal(["DeleteAsync"], Asked(other));
    }

    [Fact]
    public async Task A_running_deletion_with_the_backups_is_not_weakened_by_one_that_keeps_them()
    {
        await Grain.CreateAsync(Request(validate: true), Ann, Token);
        var backup = await cluster.Backups.AddAsync(Key, (_, _) => Task.CompletedTask);

        await Grain.DeleteAsync(new() { Name = Title, Uid = _uid, DeleteBackups = true }, Ann, Token);
        await Grain.DeleteAsync(new() { Name = Title, Uid = _uid, DeleteBackups = false }, Ann, Token);
        await cluster.EndActivationAsync(Grain);
        await Grain.WakeAsync(Token);
        await cluster.Store.UntilAsync("the location waits for its backup", () => Stored()?.Status.Reason == "waiting for 1 backups");
        var deletes = Stored()!.DeleteBackups;
        cluster.Store.Vanish(backup);
        await Grain.WakeAsync(Token);
        await GoneAsync();

        Assert.True(deletes);
        Assert.All(Asked(backup), method => Assert.Equal("DeleteAsync", method));
    }

    [Fact]
    public async Task Doubts_have_the_location_validated_again_and_a_hundred_of_them_do_so_once()
    {
        await Grain.CreateAsync(Request(validate: true), Ann, Token);
        Bucket.Refusal = new(StoreFailure.SignatureMismatch, "SignatureDoesNotMatch", "listing: SignatureDoesNotMatch: no");

        for (var i = 0; i < 100; i++)
            await Grain.DoubtAsync("SignatureDoesNotMatch", Token);
        await UntilAsync(Status.ValidationFailed);

        Assert.Equal(2, Bucket.Opened.Count); // At creation, and once more.
    }

    [Fact]
    public async Task A_deletion_that_a_crash_interrupted_goes_on_in_the_next_activation()
    {
        await Grain.CreateAsync(Request(validate: true), Ann, Token);
        var stored = cluster.Store.Find<BackupLocationRecord>(Record)!;
        var deleting = BackupLocationRules.Delete(stored.Body, deleteBackups: true, schedules: 0, Ann, cluster.Time.GetUtcNow());
        await cluster.Store.UpdateAsync(Record, stored.Version, deleting, BackupLocationRules.IndexOf(deleting));
        var backup = await cluster.Backups.AddAsync(Key);
        await cluster.EndActivationAsync(Grain);

        await Grain.WakeAsync(Token);
        await GoneAsync();

        Assert.Equal(["DeleteAsync"], Asked(backup));
    }

    [Fact]
    public async Task A_location_that_schedules_use_is_not_deleted()
    {
        await Grain.CreateAsync(Request(validate: true), Ann, Token);
        await cluster.Store.InsertAsync(new(ObjectKind.BackupSchedule, "default", _uid), new BackupLocationRecord(),
            new RecordIndex { Name = _uid, Owner = "ann", CreatedAt = default, UpdatedAt = default, References = [_uid] });

        var refusal = await Assert.ThrowsAsync<DomainException>(() => Grain.DeleteAsync(new() { Name = Title }, Ann, Token));

        Assert.Equal((ErrorReason.WrongState, $"backup location [{Title}] is used by 1 backup schedules; delete them first"), (refusal.Reason, refusal.Message));
    }

    private string[] Asked(RecordKey backup) => [.. cluster.Backups.Asked.Where(call => call.Uid == backup.Uid).Select(call => call.Method)];

    private Task GoneAsync() => cluster.Store.UntilAsync("the location is gone", () => cluster.Store.Find<BackupLocationRecord>(Record) is null);

    private BackupLocationInfo? Stored() => cluster.Store.Find<BackupLocationRecord>(Record)?.Body.BackupLocation.BackupLocationInfo;

    private Task UntilAsync(Status status) => cluster.Store.UntilAsync($"the location is {status}", () => Stored()?.Status.Status == status);

    private Task<BackupLocationObject> InspectAsync() => Grain.InspectAsync(new() { Name = Title, Uid = _uid }, Ann, Token);

    private BackupLocationCreateRequest Request(bool validate = false) => new()
    {
        Metadata = new() { Name = Title, Uid = _uid, OrgId = "default" },
        BackupLocation = new()
        {
            Type = BackupLocationInfo.Types.Type.S3,
            Path = "bucket-" + _uid,
            EncryptionKey = "phrase",
            ObjectLockEnabled = true,
            ValidateCloudCredential = validate,
            CloudCredentialRef = new() { Name = "credential-" + _credential, Uid = _credential },
            S3Config = new() { Endpoint = "127.0.0.1:9000", DisableSsl = true },
        },
    };
}
