using Google.Protobuf;
using Xunit;
using PxBackup.Api;
using PxBackup.Grains.Restores;
using PxBackup.Stork.Resources;
using PxBackup.Tests.InProcess.Backups;

namespace PxBackup.Tests.InProcess.Restores;

/// <summary>Recorded resources under Cases/ (the case "volumes" is written by hand), with what the API says of each.</summary>
public sealed class StorkRestoresTests
{
    private static readonly string Cases = Path.Combine(AppContext.BaseDirectory, "Restores", "Cases");

    public static TheoryData<string> Recorded => [.. Directory.EnumerateDirectories(Cases).Select(folder => Path.GetFileName(folder)!).Order(StringComparer.Ordinal)];

    [Theory, MemberData(nameof(Recorded))]
    public void A_recorded_end_reads_as_the_API_says(string name)
    {
        var info = new RestoreInfo();

        StorkRestores.Take(info, StorkBackupsTests.Read<ApplicationRestore>(Path.Combine(Cases, name, "resource.json")));

        Assert.Equal(JsonParser.Default.Parse<RestoreInfo>(File.ReadAllText(Path.Combine(Cases, name, "expected.json"))).ToString(), info.ToString());
    }

    [Fact]
    public void Every_case_is_read() => Assert.Equal(["existing-objects", "r-ok", "r-replace", "volumes"], Recorded.Select(row => row.Data));

    [Fact]
    public void The_resource_says_what_the_request_asked_for()
    {
        var backup = A.Finished().Backup.Clone();
        backup.BackupInfo.Volumes.Add(new BackupInfo.Types.Volume { Namespace = "shop", Pvc = "data", DriverName = "kdmp", StorageClass = "slow" });
        var restore = A.Restore(request =>
        {
            request.NamespaceMapping["shop"] = "shop2";
            request.ReplacePolicy = ReplacePolicy.Types.Type.Delete;
            request.IncludeOptionalResourceTypes.Add("Job");
            request.IncludeResources.Add(new ResourceInfo { Group = "apps", Version = "v1", Kind = "Deployment", Namespace = "shop", Name = "web" });
            request.StorageClassMapping["slow"] = "fast";
        }, backup).Restore;

        var json = StorkBackupsTests.Json(StorkRestores.ToResource(restore, "back-again-9f3be77", "kube-system", "nightly-shop-0b0c4a5", "loc"));

        StorkBackupsTests.Same("""
            {"backupName":"nightly-shop-0b0c4a5","backupLocation":"loc","namespaceMapping":{"shop":"shop2"},"replacePolicy":"Delete","includeOptionalResourceTypes":["Job"],
             "includeResources":[{"name":"web","namespace":"shop","group":"apps","version":"v1","kind":"Deployment"}],"storageClassMapping":{"slow":"fast"}}
            """, json["spec"]!);
        Assert.Equal((A.RestoreUid, A.BackupUid, "restore"), ((string)json["metadata"]!["labels"]!["pxbackup.io/uid"]!,
            (string)json["metadata"]!["annotations"]!["portworx.io/backup-uid"]!, (string)json["metadata"]!["annotations"]!["portworx.io/backup-by"]!));
    }

    [Fact]
    public void The_replace_policy_is_never_left_to_Stork() =>
        Assert.Equal("Retain", StorkRestores.ToResource(A.Restore().Restore, "n", "kube-system", "b", "loc").Spec.ReplacePolicy);
}
