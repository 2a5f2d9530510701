using Google.Protobuf.Collections;
using Google.Protobuf.WellKnownTypes;
using PxBackup.Api;
using PxBackup.Grains.Access;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.Access;
using PxBackup.Grains.Records;
using SortBy = PxBackup.Api.SortOption.Types.SortByType.Types.Type;
using SortOrder = PxBackup.Api.SortOption.Types.SortOrderType.Types.Type;

namespace PxBackup.Grains.Catalog;

/// <summary>What all lists have in common: visibility, page, order, labels, time. Pure; invalid input is refused by field.</summary>
internal static class ListOptions
{
    private const string Options = "enumerate_options";

    /// <summary>Everything of a kind that the caller may see, newest first.</summary>
    public static RecordQuery Visible(ObjectKind kind, string orgId, Caller caller) => new()
    {
        Kind = kind,
        OrgId = orgId.Length > 0 ? orgId : ObjectKey.DefaultOrg,
        Readers = AccessRules.PrincipalsOf(caller),
    };

    /// <summary>The options of lists of clusters, backups and restores, apart from status and type, whose words depend on the kind.</summary>
    public static RecordQuery With(this RecordQuery query, EnumerateOptions? options, Caller caller) => options is null ? query : query
        .WithPage(options.MaxObjects, options.ObjectIndex)
        .WithOrder(options.SortOption)
        .WithTime(options.TimeRange) with
    {
        Labels = options.Labels,
        NameContains = options.NameFilter,
        ClusterNameContains = options.ClusterNameFilter,
        ClusterUidContains = options.ClusterUidFilter,
        // Everybody else sees only what is theirs anyway.
        Owners = caller.IsSuperAdmin ? options.Owners : null,
    };

    /// <summary>The options of lists of credentials and locations.</summary>
    public static RecordQuery With(this RecordQuery query, CommonEnumerateOptions? options) => options is null ? query : query
        .WithPage(options.MaxObjects, options.ObjectIndex)
        .WithOrder(options.SortOption)
        .WithTime(options.TimeRange) with
    {
        Labels = options.Labels,
        NameContains = options.NameFilter,
    };

    /// <summary>Adds labels given beside the options; null when both ask for different values of one label, which nothing has.</summary>
    public static RecordQuery? WithLabels(this RecordQuery query, MapField<string, string> labels)
    {
        var all = query.Labels?.ToDictionary() ?? [];
        foreach (var (key, value) in labels)
        {
            if (!all.TryAdd(key, value) && all[key] != value)
                return null;
        }

        return query with { Labels = all };
    }

    /// <summary>Adds one more group of uids, one of which must be referred to; null when the group is known to be empty.</summary>
    /// <param name="query">The query so far.</param>
    /// <param name="uids">Null does not filter.</param>
    public static RecordQuery? WithReference(this RecordQuery query, IReadOnlyCollection<string>? uids) => uids switch
    {
        null => query,
        { Count: 0 } => null,
        _ => query with { References = [.. query.References ?? [], uids] },
    };

    /// <summary>Adds what status names ask for; a name that the kind does not have is refused.</summary>
    public static RecordQuery WithStatuses<TEnum>(this RecordQuery query, RepeatedField<string> names)
        where TEnum : struct, System.Enum =>
        names.Count == 0 ? query : query with { Statuses = [.. names.Select(name => Known<TEnum>(name, $"{Options}.status")).Distinct()] };

    /// <summary>The name as the contract writes it.</summary>
    /// <exception cref="DomainException"><see cref="ErrorReason.InvalidField"/>, naming the choices.</exception>
    public static string Known<TEnum>(string name, string field)
        where TEnum : struct, System.Enum =>
        ProtoNames.TryParse<TEnum>(name, out var value)
            ? ProtoNames.NameOf(value)
            : throw DomainException.InvalidField(field, $"'{Shown(name)}' is not known; one of {ProtoNames.Choices<TEnum>()}");

    /// <summary>Names of enum values; one that the contract does not have is refused.</summary>
    public static IReadOnlyCollection<string>? Known<TEnum>(RepeatedField<TEnum> values, string field)
        where TEnum : struct, System.Enum
    {
        foreach (var value in values.Where(value => !ProtoNames.IsKnown(value)))
            throw DomainException.InvalidField(field, $"{value:D} is not known; one of {ProtoNames.Choices<TEnum>()}");
        return values.Count == 0 ? null : [.. values.Select(ProtoNames.NameOf).Distinct()];
    }

    /// <summary>Nothing is left after this page.</summary>
    public static bool IsComplete(RecordQuery query, int shown, long total) => query.Offset + shown >= total;

    private static string Shown(string text) => text.Length > 40 ? text[..40] + "…" : text;

    private static RecordQuery WithPage(this RecordQuery query, ulong maxObjects, ulong objectIndex) => query with
    {
        // More than any list can hold is all of it.
        Limit = (int)Math.Min(maxObjects, int.MaxValue),
        Offset = (long)Math.Min(objectIndex, long.MaxValue / 2),
    };

    // The published default is creation time, newest first. An order left out is the one people expect of the field.
    private static RecordQuery WithOrder(this RecordQuery query, SortOption? sort)
    {
        var by = sort?.SortBy?.Type ?? SortBy.Invalid;
        var (field, descending) = by switch
        {
            SortBy.Invalid or SortBy.CreationTimestamp => (RecordSort.CreatedAt, true),
            SortBy.Name => (RecordSort.Name, false),
            SortBy.ClusterName => (RecordSort.ClusterName, false),
            SortBy.Size => (RecordSort.Size, true),
            SortBy.RestoreBackupName => (RecordSort.BackupName, false),
            SortBy.LastUpdateTimestamp => (RecordSort.UpdatedAt, true),
            _ => throw DomainException.InvalidField($"{Options}.sort_option.sortBy.type", $"{by:D} is not known; one of {ProtoNames.Choices<SortBy>()}"),
        };
        var order = sort?.SortOrder?.Type ?? SortOrder.Invalid;
        return query with
        {
            SortBy = field,
            Descending = order switch
            {
                SortOrder.Invalid => descending,
                SortOrder.Ascending => false,
                SortOrder.Descending => true,
                _ => throw DomainException.InvalidField($"{Options}.sort_option.sortOrder.type", $"{order:D} is not known; one of {ProtoNames.Choices<SortOrder>()}"),
            },
        };
    }

    // Both ends count, and an object's own create_time finds it in a store that keeps milliseconds as well as in one that keeps
    // more: the range reaches from the beginning of the first millisecond to the end of the last.
    private static RecordQuery WithTime(this RecordQuery query, TimeRange? range)
    {
        var (from, to) = (Instant(range?.StartTime, "start_time"), Instant(range?.EndTime, "end_time"));
        if (from > to)
            throw DomainException.InvalidField($"{Options}.time_range", "start_time is after end_time");
        return query with { CreatedFrom = from, CreatedTo = to?.AddTicks(TimeSpan.TicksPerMillisecond - 1) };
    }

    private static DateTimeOffset? Instant(Timestamp? time, string field)
    {
        if (time is null)
            return null;
        try
        {
            var exact = time.ToDateTimeOffset();
            return exact.AddTicks(-(exact.Ticks % TimeSpan.TicksPerMillisecond));
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentOutOfRangeException)
        {
            throw DomainException.InvalidField($"{Options}.time_range.{field}", "is no instant: nanos must be 0 to 999999999 and the year 1 to 9999");
        }
    }
}
