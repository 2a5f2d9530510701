using Google.Protobuf.Collections;
using PxBackup.Api;
using PxBackup.Grains.Interfaces;

namespace PxBackup.Gateway.Requests;

/// <summary>Filters, order and page of list requests.</summary>
internal static class ListOptions
{
    /// <summary>Most values of one repeated filter: each becomes a term of the query.</summary>
    private const int MostValues = 1000;

    public static void Check(EnumerateOptions? options, string field = "enumerate_options")
    {
        if (options is null)
            return;
        Fields.Labels($"{field}.labels", options.Labels);
        Page(field, options.MaxObjects, options.ObjectIndex);
        Range($"{field}.time_range", options.TimeRange);
        Sort($"{field}.sort_option", options.SortOption);
        Fields.Text($"{field}.name_filter", options.NameFilter, Fields.LongestName);
        Fields.Text($"{field}.cluster_name_filter", options.ClusterNameFilter, Fields.LongestName);
        Fields.Text($"{field}.cluster_uid_filter", options.ClusterUidFilter, Fields.LongestName);
        Texts($"{field}.owners", options.Owners);
        Texts($"{field}.status", options.Status);
        Refs($"{field}.schedule_policy_ref", options.SchedulePolicyRef);
        Refs($"{field}.backup_schedule_ref", options.BackupScheduleRef);
        Refs($"{field}.volume_resource_only_policy_ref", options.VolumeResourceOnlyPolicyRef);
        if (options.BackupObjectType is not ("" or "All" or "VirtualMachine"))
            throw DomainException.InvalidField($"{field}.backup_object_type", "must be 'All' or 'VirtualMachine'");
        if (options.ResourceInfo is { } resource)
            Resource($"{field}.resource_info", resource);
        Fields.Text($"{field}.vm_volume_name", options.VmVolumeName, Fields.LongestName);
    }

    public static void Check(CommonEnumerateOptions? options, string field = "enumerate_options")
    {
        if (options is null)
            return;
        Fields.Labels($"{field}.labels", options.Labels);
        Page(field, options.MaxObjects, options.ObjectIndex);
        Range($"{field}.time_range", options.TimeRange);
        Sort($"{field}.sort_option", options.SortOption);
        Fields.Text($"{field}.name_filter", options.NameFilter, Fields.LongestName);
    }

    /// <summary>Status names must be ones of the enum: a misspelt filter would answer with an empty list that looks true.</summary>
    public static void Statuses<T>(EnumerateOptions? options, string field = "enumerate_options.status")
        where T : struct, Enum
    {
        if (options is null)
            return;
        foreach (var status in options.Status)
            if (!Enum.TryParse<T>(status, out var value) || value.ToString() != status)
                throw DomainException.InvalidField(field, $"'{KubernetesNames.Shown(status)}' is not a status; known are {string.Join(", ", Enum.GetNames<T>())}");
    }

    /// <summary>Values of an enum, each one known.</summary>
    public static void Known<T>(string field, RepeatedField<T> values)
        where T : struct, Enum
    {
        if (values.Count > MostValues)
            throw TooMany(field, values.Count);
        foreach (var value in values)
            Fields.Known(field, value);
    }

    private static void Page(string field, ulong maxObjects, ulong objectIndex)
    {
        if (maxObjects > int.MaxValue)
            throw DomainException.InvalidField($"{field}.max_objects", $"must be 0 (all) to {int.MaxValue}");
        if (objectIndex > int.MaxValue)
            throw DomainException.InvalidField($"{field}.object_index", $"must be 0 to {int.MaxValue}");
    }

    private static void Range(string field, TimeRange? range)
    {
        if (range is null)
            return;
        Fields.Time($"{field}.start_time", range.StartTime);
        Fields.Time($"{field}.end_time", range.EndTime);
        if (range is { StartTime: { } start, EndTime: { } end } && end.CompareTo(start) < 0)
            throw DomainException.InvalidField(field, "ends before it starts");
    }

    private static void Sort(string field, SortOption? sort)
    {
        if (sort?.SortBy is { } by)
            Fields.Known($"{field}.sortBy.type", by.Type);
        if (sort?.SortOrder is { } order)
            Fields.Known($"{field}.sortOrder.type", order.Type);
    }

    private static void Texts(string field, RepeatedField<string> values)
    {
        if (values.Count > MostValues)
            throw TooMany(field, values.Count);
        foreach (var value in values)
            Fields.Text(field, value, Fields.LongestName);
    }

    private static void Refs(string field, RepeatedField<ObjectRef> refs)
    {
        if (refs.Count > MostValues)
            throw TooMany(field, refs.Count);
        foreach (var reference in refs)
            Fields.Ref(field, reference);
    }

    private static void Resource(string field, ResourceInfo resource)
    {
        Fields.Text($"{field}.name", resource.Name, Fields.LongestName);
        Fields.Text($"{field}.namespace", resource.Namespace, Fields.LongestName);
        Fields.Text($"{field}.group", resource.Group, Fields.LongestName);
        Fields.Text($"{field}.kind", resource.Kind, Fields.LongestName);
        Fields.Text($"{field}.version", resource.Version, Fields.LongestName);
    }

    private static DomainException TooMany(string field, int count) =>
        DomainException.InvalidField(field, $"holds {count} values; at most {MostValues} are allowed");
}
