using System.Text.Json.Nodes;
using PxBackup.FleetSimulator.Kubernetes;

namespace PxBackup.FleetSimulator.Stork;

/// <summary>The resources that Stork registers, read from the recorded definitions.</summary>
internal static class StorkResources
{
    public const string Group = "stork.libopenstorage.org";
    public const string Finalizer = "stork.libopenstorage.org/finalizer-cleanup";

    /// <summary>All 14, in the recorded order.</summary>
    public static readonly IReadOnlyList<ResourceType> All = [.. EmbeddedJson.Read("stork-crds.json").Items().Select(d =>
        new ResourceType(d.Text("group"), "v1alpha1", d.Text("plural"), d.Text("kind"), d.Flag("namespaced"), Custom: true))];

    public static readonly ResourceType Backups = Of("ApplicationBackup");
    public static readonly ResourceType Restores = Of("ApplicationRestore");
    public static readonly ResourceType Locations = Of("BackupLocation");
    public static readonly ResourceType Rules = Of("Rule");
    public static readonly ResourceType Schedules = Of("ApplicationBackupSchedule");
    public static readonly ResourceType NamespacedSchedulePolicies = Of("NamespacedSchedulePolicy");
    public static readonly ResourceType SchedulePolicies = Of("SchedulePolicy");
    public static readonly ResourceType Registrations = Of("ApplicationRegistration");
    public static readonly ResourceType ResourceExports = Of("ResourceExport");
    public static readonly ResourceType ResourceBackups = Of("ResourceBackup");

    private static ResourceType Of(string kind) => All.Single(t => t.Kind == kind);
}

/// <summary>Recorded facts that travel inside the assembly.</summary>
internal static class EmbeddedJson
{
    public static JsonNode Read(string name)
    {
        using var stream = typeof(EmbeddedJson).Assembly.GetManifestResourceStream(name) ?? throw new InvalidOperationException($"The assembly lacks its resource {name}.");
        return JsonNode.Parse(stream)!;
    }
}
