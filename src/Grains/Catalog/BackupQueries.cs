using PxBackup.Api;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.Access;
using PxBackup.Grains.Records;
using ObjectType = PxBackup.Api.BackupInfo.Types.BackupObjectType.Types.Type;
using Status = PxBackup.Api.BackupInfo.Types.StatusInfo.Types.Status;

namespace PxBackup.Grains.Catalog;

/// <summary>Uids that the references of a list's options stand for; null where none is given.</summary>
internal sealed record OptionReferences
{
    /// <summary><c>schedule_policy_ref</c>.</summary>
    public IReadOnlyCollection<string>? SchedulePolicies { get; init; }

    /// <summary><c>backup_schedule_ref</c>.</summary>
    public IReadOnlyCollection<string>? BackupSchedules { get; init; }

    /// <summary><c>volume_resource_only_policy_ref</c>.</summary>
    public IReadOnlyCollection<string>? VolumePolicies { get; init; }
}

/// <summary>Translates lists of backups and restores into record queries, and the rest of the filter into a look at the object.</summary>
internal static class BackupQueries
{
    /// <summary>The query for backups; null when nothing can match.</summary>
    public static RecordQuery? Of(BackupEnumerateRequest request, Caller caller, OptionReferences references) =>
        Of<Status>(ObjectKind.Backup, request.OrgId, request.EnumerateOptions, caller, references);

    /// <summary>The query for restores; null when nothing can match.</summary>
    public static RecordQuery? Of(RestoreEnumerateRequest request, Caller caller, OptionReferences references) =>
        Of<RestoreInfo.Types.StatusInfo.Types.Status>(ObjectKind.Restore, request.OrgId, request.EnumerateOptions, caller, references);

    /// <summary>What only the backup itself can answer: which resources it holds. Null when nothing of that is asked.</summary>
    public static Func<BackupObject, bool>? BodyFilter(BackupEnumerateRequest request)
    {
        var options = request.EnumerateOptions ?? new();
        var wanted = options.ResourceInfo;
        if (wanted is null || wanted.Equals(new ResourceInfo()))
            return options.VmVolumeName.Length == 0 ? null : backup => HoldsVolume(backup.BackupInfo, new(), options.VmVolumeName, options.ExcludeFailedResource);
        return backup => Holds(backup.BackupInfo, wanted, options.ExcludeFailedResource)
            && (options.VmVolumeName.Length == 0 || HoldsVolume(backup.BackupInfo, wanted, options.VmVolumeName, options.ExcludeFailedResource));
    }

    /// <summary>Leaves out the lists that grow with the application. Volumes stay: there are few, and clients read their sizes.</summary>
    public static void LeaveOutResources(BackupInfo info)
    {
        info.Resources.Clear();
        info.VirtualMachineResources.Clear();
        info.ClearResourceRepresentation();
    }

    /// <summary>Leaves out the lists that grow with the application.</summary>
    public static void LeaveOutResources(RestoreInfo info)
    {
        info.Resources.Clear();
        info.RestoreResources = null;
    }

    private static RecordQuery? Of<TStatus>(ObjectKind kind, string orgId, EnumerateOptions? options, Caller caller, OptionReferences references)
        where TStatus : struct, Enum
    {
        var query = ListOptions.Visible(kind, orgId, caller).With(options, caller).WithStatuses<TStatus>(options?.Status ?? []);
        if (options?.BackupObjectType is { Length: > 0 } type)
            query = query with { Types = [ListOptions.Known<ObjectType>(type, "enumerate_options.backup_object_type")] };
        return query.WithReference(references.SchedulePolicies)?.WithReference(references.BackupSchedules)?.WithReference(references.VolumePolicies);
    }

    private static bool Holds(BackupInfo info, ResourceInfo wanted, bool exceptFailed) =>
        Listed(info).Any(held => Matches(wanted, held)) && !(exceptFailed && HasFailed(info, wanted));

    private static IEnumerable<ResourceInfo> Listed(BackupInfo info) => info.Resources
        .Concat(info.VirtualMachineResources.Concat(info.VmResources?.Vms ?? []).Select(vm => vm.ResourceInfo).OfType<ResourceInfo>())
        .Concat(info.VirtualMachines.Select(vm => new ResourceInfo { Kind = "VirtualMachine", Group = "kubevirt.io", Name = vm.Name, Namespace = vm.Namespace }));

    // A resource itself has no status in the contract; its virtual machine or its volume has.
    private static bool HasFailed(BackupInfo info, ResourceInfo wanted) => wanted.Kind switch
    {
        "VirtualMachine" => info.VirtualMachines.Any(vm => vm.Name == wanted.Name && Same(wanted.Namespace, vm.Namespace) && vm.Status?.Status == Status.Failed),
        "PersistentVolumeClaim" => info.Volumes.Any(volume => volume.Pvc == wanted.Name && Same(wanted.Namespace, volume.Namespace) && volume.Status?.Status == Status.Failed),
        _ => false,
    };

    private static bool HoldsVolume(BackupInfo info, ResourceInfo machine, string name, bool exceptFailed) => info.Volumes.Any(volume =>
        (volume.Pvc == name || volume.Name == name)
        && Same(machine.Namespace, volume.Namespace)
        && (machine.Kind != "VirtualMachine" || Same(machine.Name, volume.VirtualMachineName))
        && !(exceptFailed && volume.Status?.Status == Status.Failed));

    private static bool Matches(ResourceInfo wanted, ResourceInfo held) =>
        Same(wanted.Name, held.Name) && Same(wanted.Namespace, held.Namespace) && Same(wanted.Kind, held.Kind)
        && Same(wanted.Group, held.Group) && (held.Version.Length == 0 || Same(wanted.Version, held.Version));

    private static bool Same(string wanted, string held) => wanted.Length == 0 || wanted == held;
}
