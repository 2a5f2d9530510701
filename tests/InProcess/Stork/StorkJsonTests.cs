using System.Text.Json;
using System.Text.Json.Nodes;
using PxBackup.Stork.Resources;
using Xunit;

namespace PxBackup.Tests.InProcess.Stork;

public class StorkJsonTests
{
    [Fact]
    public void A_backup_is_written_with_what_is_set_and_without_a_status()
    {
        var backup = new ApplicationBackup
        {
            ApiVersion = "stork.libopenstorage.org/v1alpha1",
            Kind = "ApplicationBackup",
            Metadata = { Name = "b-1", Namespace = "kube-system", Labels = { ["a"] = "b" } },
            Spec = { Namespaces = ["shop"], BackupLocation = "s3", ReclaimPolicy = "Delete", DirectKdmp = true, IncludeResources = [new ObjectReference { Name = "web", Kind = "Service", Version = "v1" }] },
            Status = { Stage = "Final" },
        };

        AssertJson("""
            {"spec":{"namespaces":["shop"],"backupLocation":"s3","reclaimPolicy":"Delete","includeResources":[{"name":"web","version":"v1","kind":"Service"}],"directKDMP":true},
            "apiVersion":"stork.libopenstorage.org/v1alpha1","kind":"ApplicationBackup","metadata":{"name":"b-1","namespace":"kube-system","labels":{"a":"b"}}}
            """, backup);
    }

    [Fact]
    public void A_location_and_a_rule_lie_beside_their_metadata_under_Storks_own_keys()
    {
        var location = new StorkBackupLocation
        {
            Metadata = { Name = "s3" },
            Location = { Type = "s3", Path = "bucket", SecretConfig = "s3", S3Config = new StorkS3 { AccessKeyId = "id", DisableSsl = true, UseIam = true }, NfsConfig = new StorkNfs { IoTimeoutSeconds = "5" } },
        };
        var rule = new StorkRule { Metadata = { Name = "r" }, Rules = [new StorkRuleItem { PodSelector = { ["app"] = "db" }, Actions = [new StorkRuleAction { Type = "command", Value = "sync", RunInSinglePod = true }] }] };

        AssertJson("""{"location":{"type":"s3","path":"bucket","s3Config":{"accessKeyID":"id","disableSSL":true,"useIam":true},"nfsConfig":{"nfsIOTimeoutInSecs":"5"},"secretConfig":"s3"},"metadata":{"name":"s3"}}""", location);
        AssertJson("""{"rules":[{"podSelector":{"app":"db"},"actions":[{"type":"command","runInSinglePod":true,"value":"sync"}]}],"metadata":{"name":"r"}}""", rule);
    }

    [Fact]
    public void A_secrets_values_are_base64()
    {
        AssertJson("""{"type":"Opaque","data":{"k":"YWI="},"metadata":{"name":"s"}}""", new Secret { Metadata = { Name = "s" }, Type = "Opaque", Data = { ["k"] = "ab"u8.ToArray() } });
        Assert.Equal("ab"u8.ToArray(), Read<Secret>("""{"data":{"k":"YWI="}}""").Data["k"]);
        Assert.Empty(Read<Secret>("""{"data":null}""").Data);
    }

    [Fact]
    public void Storks_irregular_keys_are_read()
    {
        var volume = Read<ApplicationBackup>("""{"status":{"volumes":[{"persistentVolumeClaimUID":"u","backupID":"i","Options":{"a":"b"},"JobSecurityContext":{"runAsUser":7,"runAsGroup":8},"actualSize":5}]}}""").Status.Volumes[0];
        var restore = Read<ApplicationRestore>("""{"status":{"restoredresourceCount":3,"resourcerestorestate":"Applying","volumes":[{"restoreVolume":"pv","options":{"c":"d"}}]}}""").Status;

        Assert.Equal(("u", "i", "b", 7L, 8L, 5UL), (volume.PersistentVolumeClaimUid, volume.BackupId, volume.Options["a"], volume.JobSecurityContext.RunAsUser, volume.JobSecurityContext.RunAsGroup, volume.ActualSize));
        Assert.Equal((3, "Applying", "pv", "d"), (restore.RestoredResourceCount, restore.ResourceRestoreState, restore.Volumes[0].RestoredVolume, restore.Volumes[0].Options["c"]));
    }

    [Fact]
    public void Null_absent_empty_and_odd_values_read_alike()
    {
        var odd = Read<ApplicationBackup>("""
            {"metadata":{"labels":null,"finalizers":null,"creationTimestamp":"","unknown":1},"spec":{"namespaces":null,"selectors":null,"skipServiceUpdate":null,"directKDMP":"maybe"},
             "status":{"stage":null,"resources":null,"volumes":[{"JobSecurityContext":null,"totalSize":null}],"totalSize":"12","resourceCount":null,"finishTimestamp":null,"triggerTimestamp":"soon","largeResourceEnabled":null}}
            """);

        Assert.Equal(("", "", null, null, 12UL, 0), (odd.Metadata.Name, odd.Status.Stage, odd.Metadata.CreationTimestamp, odd.Status.TriggerTimestamp, odd.Status.TotalSize, odd.Status.ResourceCount));
        Assert.Equal((0, 0, 0, 0L), (odd.Metadata.Labels.Count, odd.Spec.Namespaces.Count, odd.Status.Resources.Count, odd.Status.Volumes[0].JobSecurityContext.RunAsUser));
        Assert.Empty(Read<ApplicationBackup>("{}").Status.Volumes);
    }

    private static T Read<T>(string json) => JsonSerializer.Deserialize<T>(json, StorkJson.Options)!;

    private static void AssertJson<T>(string expected, T value)
    {
        var actual = JsonSerializer.SerializeToNode(value, StorkJson.Options);

        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(expected), actual), actual!.ToJsonString());
    }
}
