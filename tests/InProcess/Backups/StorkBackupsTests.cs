using System.Text.Json.Nodes;
using Google.Protobuf;
using Xunit;
using PxBackup.Api;
using PxBackup.Grains.Backups;
using PxBackup.Stork.Resources;
using Status = PxBackup.Api.BackupInfo.Types.StatusInfo.Types.Status;

namespace PxBackup.Tests.InProcess.Backups;

/// <summary>
/// Recorded resources under Cases/ (the case "volumes" is written by hand after Stork's field names): what the API says of each
/// lies beside it, by the contract's field names.
/// </summary>
public sealed class StorkBackupsTests
{
    private static readonly string Cases = Path.Combine(AppContext.BaseDirectory, "Backups", "Cases");

    public static TheoryData<string> Recorded => [.. Directory.EnumerateDirectories(Cases).Select(folder => Path.GetFileName(folder)!).Order(StringComparer.Ordinal)];

    [Theory, MemberData(nameof(Recorded))]
    public void A_recorded_end_reads_as_the_API_says(string name)
    {
        var info = new BackupInfo { Namespaces = { "*" } };

        StorkBackups.Take(info, Read<ApplicationBackup>(Path.Combine(Cases, name, "resource.json")), new DateTimeOffset(2026, 11, 23, 0, 0, 0, TimeSpan.Zero));

        Assert.Equal(JsonParser.Default.Parse<BackupInfo>(File.ReadAllText(Path.Combine(Cases, name, "expected.json"))).ToString(), info.ToString());
    }

    [Fact]
    public void Every_case_is_read() => Assert.Equal(["b-badsecret2", "b-nssel", "b-star", "ok-1", "volumes"], Recorded.Select(row => row.Data));

    [Fact]
    public void The_resource_says_what_the_request_asked_for()
    {
        var request = A.Request();
        request.NsLabelSelectors = "team=web";
        request.LabelSelectors["app"] = "shop";
        request.ResourceTypes.Add("Deployment");
        request.IncludeResources.Add(new ResourceInfo { Group = "apps", Version = "v1", Kind = "Deployment", Namespace = "shop", Name = "web" });
        request.CsiSnapshotClassName = "snap-class";
        request.VolumeSnapshotClassMapping["csi.example.com"] = "mapped-class";
        request.BackupType = BackupCreateRequest.Types.BackupType.Generic;
        request.DirectKdmp = true;
        request.SkipVmAutoExecRules = true;
        var backup = BackupRules.Create(request, new("default", A.BackupUid), A.Cluster(), A.Location(), A.Ann, A.Options, A.Noon).Backup;

        var json = Json(StorkBackups.ToResource(backup, ["shop"], "kube-system", "s3-main-c0ffee0"));

        Assert.Equal("""{"name":"nightly-shop-0b0c4a5","namespace":"kube-system","labels":{"app.kubernetes.io/managed-by":"pxbackup","pxbackup.io/uid":"0b0c4a54-0000-4000-8000-000000000001"},"annotations":{"portworx.io/backup-uid":"0b0c4a54-0000-4000-8000-000000000001","portworx.io/backup-name":"Nightly shop","portworx.io/backup-by":"backup","stork.libopenstorage.org/skip-resource":"true","pxbackup.io/location-uid":"c0ffee00-0000-4000-8000-000000000001"}}""", json["metadata"]!.ToJsonString());
        Same("""
            {"namespaces":["shop"],"backupLocation":"s3-main-c0ffee0","selectors":{"app":"shop"},"resourceTypes":["Deployment"],
             "includeResources":[{"name":"web","namespace":"shop","group":"apps","version":"v1","kind":"Deployment"}],"backupType":"Generic","reclaimPolicy":"Retain",
             "csiSnapshotClassMap":{"csi.example.com":"mapped-class"},"skipAutoExecRules":true,"directKDMP":true,
             "options":{"stork.libopenstorage.org/csi-snapshot-class-name":"snap-class"}}
            """, json["spec"]!);
        Assert.Equal("{}", json["status"]!.ToJsonString());
    }

    [Fact]
    public void A_plain_request_sets_nothing_that_Stork_would_stumble_over()
    {
        var json = Json(StorkBackups.ToResource(A.Backup().Backup, ["shop", "blog"], "kube-system", "loc"));

        Same("""{"namespaces":["shop","blog"],"backupLocation":"loc","reclaimPolicy":"Retain"}""", json["spec"]!);
    }

    [Theory]
    [InlineData(Status.PartialSuccess, 1, "PartialSuccess")]
    [InlineData(Status.PartialSuccess, 0, "Successful")] // Only namespaces were missing: Stork knows no such half success.
    [InlineData(Status.Success, 0, "Successful")]
    public void A_backup_taken_elsewhere_is_placed_finished_and_with_where_its_data_lies(Status status, ulong failed, string stork)
    {
        var backup = A.Finished().Backup.Clone();
        (backup.BackupInfo.Status.Status, backup.BackupInfo.FailedVolCount) = (status, failed);

        var json = Json(StorkBackups.ToFinishedResource(backup, "back-again-9f3be77", "kube-system", "loc", A.RestoreUid));

        Assert.Equal(("Final", stork, "kube-system/nightly-shop-0b0c4a5/cr-uid"), ((string)json["status"]!["stage"]!, (string)json["status"]!["status"]!, (string)json["status"]!["backupPath"]!));
        Assert.Equal(("Retain", "back-again-9f3be77"), ((string)json["spec"]!["reclaimPolicy"]!, (string)json["metadata"]!["name"]!));
        Assert.Equal(A.RestoreUid, (string)json["metadata"]!["labels"]!["pxbackup.io/uid"]!);
        Assert.Equal(A.BackupUid, (string)json["metadata"]!["annotations"]!["portworx.io/backup-uid"]!);
    }

    [Fact]
    public void Volumes_come_back_from_the_API_as_Stork_wrote_them()
    {
        var recorded = Read<ApplicationBackup>(Path.Combine(Cases, "volumes", "resource.json"));
        var backup = A.Backup().Backup.Clone();
        StorkBackups.Take(backup.BackupInfo, recorded, A.Noon);

        var placed = StorkBackups.ToFinishedResource(backup, "n", "kube-system", "loc", A.RestoreUid);

        Assert.Equal(Json(recorded)["status"]!["volumes"]!.ToJsonString(), Json(placed)["status"]!["volumes"]!.ToJsonString());
    }

    internal static T Read<T>(string path)
        where T : KubernetesResource => ResourceText.Read<T>(File.ReadAllBytes(path));

    internal static JsonNode Json<T>(T resource)
        where T : KubernetesResource => JsonNode.Parse(ResourceText.Write(resource))!;

    internal static void Same(string expected, JsonNode actual) => Assert.True(JsonNode.DeepEquals(JsonNode.Parse(expected), actual), actual.ToJsonString());
}
