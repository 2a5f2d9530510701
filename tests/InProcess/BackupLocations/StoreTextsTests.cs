using Xunit;
using PxBackup.Grains.BackupLocations;
using PxBackup.Grains.Backups;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Restores;
using PxBackup.ObjectStores;
using PxBackup.Stork.Resources;
using PxBackup.Tests.InProcess.Backups;

namespace PxBackup.Tests.InProcess.BackupLocations;

public sealed class StoreTextsTests
{
    [Theory]
    [InlineData("SignatureDoesNotMatch", "Correct the secret key of the cloud credential.")]
    [InlineData("InvalidAccessKeyId", "Correct the access key (and the session token, if there is one) of the cloud credential.")]
    [InlineData("NoSuchBucket", "Correct the bucket's name, or create the bucket.")]
    [InlineData("AccessDenied", "Grant the access key list, read, write and delete")]
    [InlineData("QuotaExceeded", "Make room in the bucket, or have its quota raised.")]
    public void What_Stork_passes_on_becomes_one_line_with_the_cure(string code, string cure)
    {
        var text = StoreTexts.OfStork($"Error uploading resources: blob (key \"kube-system/b/u/namespaces.json\") (code=Unknown): {code}: The words of the store.\n\tstatus code: 403, request id: , host id: , namespace: kube-system");

        Assert.DoesNotContain('\n', text);
        Assert.Contains($"{code}: The words of the store. status code: 403", text, StringComparison.Ordinal);
        Assert.Contains($"namespace: kube-system. {cure}", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Volumes and resources were backed up successfully")]
    [InlineData("Error: the namespace AccessDenied-tests is not there")]
    [InlineData("")]
    public void Other_texts_get_no_cure(string text) => Assert.Equal(text, StoreTexts.OfStork(text));

    [Fact]
    public void Every_reason_that_Stork_gives_comes_so_on_the_way_and_at_the_end()
    {
        const string words = "SignatureDoesNotMatch: no.\n\tstatus code: 403";
        const string line = "SignatureDoesNotMatch: no. status code: 403. Correct the secret key of the cloud credential.";
        var (backup, restore) = (A.Final(StorkStatus.Failed), A.FinalRestore(StorkStatus.Failed));
        (backup.Status.Reason, restore.Status.Reason) = (words, words);
        restore.Status.Resources = [new() { Name = "n", Reason = "first\nsecond" }];

        var restored = RestoreRules.Finish(A.RunningRestore(), restore, A.RestoreOptions, A.Noon).Restore.RestoreInfo;

        Assert.Equal(line, BackupRules.Observe(A.Running(), A.Report("Applications") with { Reason = words }, A.Options, A.Noon).Backup.BackupInfo.Status.Reason);
        Assert.Equal(line, BackupRules.Finish(A.Running(), backup, A.Noon).Backup.BackupInfo.Status.Reason);
        Assert.Equal(line, RestoreRules.Observe(A.RunningRestore(), A.Report("Applications") with { ResourceUid = "restore-cr-uid", Reason = words }, A.RestoreOptions, A.Noon).Restore.RestoreInfo.Status.Reason);
        Assert.Equal((line, "first second"), (restored.Status.Reason, restored.Resources[0].Status.Reason));
    }

    [Fact]
    public void A_cure_is_said_once()
    {
        var once = StoreTexts.OfStork("AccessDenied: no\n");

        Assert.Equal(once, StoreTexts.OfStork(once));
    }

    [Fact]
    public void A_huge_text_keeps_its_cure_and_stays_within_the_bound()
    {
        var text = StoreTexts.OfStork("AccessDenied: " + new string('x', 60 * 1024 * 1024));

        Assert.InRange(text.Length, 1, OutsideText.MaxLength);
        Assert.EndsWith(StoreCodes.CureOf(StoreFailure.AccessDenied), text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_stores_long_code_and_words_stay_within_the_bound() =>
        Assert.InRange(StoreTexts.Of(new(StoreFailure.Other, new string('C', 100_000), new string('m', 100_000))).Length, 1, OutsideText.MaxLength);
}
