using System.Text.Json.Nodes;
using PxBackup.FleetSimulator;

namespace PxBackup.Tests.Adapters.FleetSimulator;

/// <summary>Objects that tests of the simulator begin with, and how they wait for the end of them.</summary>
internal static class Given
{
    public const string Backups = "applicationbackups.stork.libopenstorage.org";
    public const string Restores = "applicationrestores.stork.libopenstorage.org";
    public const string Locations = "backuplocations.stork.libopenstorage.org";
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public static void Location(SimulatedCluster cluster, RunningBuckets store, string name = "s3", bool sync = false, string passphrase = "") => cluster.Objects.Create(Json($$"""
        {"apiVersion":"stork.libopenstorage.org/v1alpha1","kind":"BackupLocation","metadata":{"name":"{{name}}","namespace":"kube-system"},
         "location":{"type":"s3","path":"pxb-bucket","sync":{{(sync ? "true" : "false")}},"encryptionV2Key":"{{passphrase}}",
         "s3Config":{"endpoint":"{{store.Endpoint}}","accessKeyID":"{{RunningBuckets.AccessKey}}","secretAccessKey":"{{RunningBuckets.SecretKey}}","region":"us-east-1","disableSSL":true} } }
        """));

    public static JsonObject Backup(string name, string spec = """ "namespaces":["shop","blog"] """, string location = "s3") => Json($$"""
        {"apiVersion":"stork.libopenstorage.org/v1alpha1","kind":"ApplicationBackup","metadata":{"name":"{{name}}","namespace":"kube-system"},"spec":{"backupLocation":"{{location}}",{{spec}} } }
        """);

    public static JsonObject Restore(string name, string backup, string spec) => Json($$"""
        {"apiVersion":"stork.libopenstorage.org/v1alpha1","kind":"ApplicationRestore","metadata":{"name":"{{name}}","namespace":"kube-system"},"spec":{"backupName":"{{backup}}","backupLocation":"s3",{{spec}} } }
        """);

    public static async Task<JsonObject> FinalAsync(SimulatedCluster cluster, string resource, string name, CancellationToken cancellation) =>
        (await cluster.Objects.WaitForAsync(resource, "kube-system", name, o => o?["status"]?["stage"]?.ToString() == "Final", "Final", Patience, cancellation))!;

    public static Task GoneAsync(SimulatedCluster cluster, string resource, string name, CancellationToken cancellation) =>
        cluster.Objects.WaitForAsync(resource, "kube-system", name, o => o is null, "gone", Patience, cancellation);

    public static JsonObject Json(string text) => JsonNode.Parse(text)!.AsObject();
}
