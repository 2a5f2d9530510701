using PxBackup.Api;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.Access;
using PxBackup.Grains.Records;
using Status = PxBackup.Api.ClusterInfo.Types.StatusInfo.Types.Status;

namespace PxBackup.Grains.Catalog;

/// <summary>Translates lists of application clusters into record queries, and the rest of the filter into a look at the object.</summary>
internal static class ClusterQueries
{
    private const string Options = "cluster_enumerate_options";

    /// <summary>The query; null when nothing can match.</summary>
    /// <param name="request">The request.</param>
    /// <param name="caller">Who asks.</param>
    /// <param name="credentials">Uids that the request's credential stands for; null when it names none.</param>
    /// <param name="locations">Uids that the request's backup location stands for; null when it names none.</param>
    public static RecordQuery? Of(ClusterEnumerateRequest request, Caller caller, IReadOnlyCollection<string>? credentials, IReadOnlyCollection<string>? locations)
    {
        var options = request.ClusterEnumerateOptions ?? new();
        var query = ListOptions.Visible(ObjectKind.Cluster, request.OrgId, caller).With(request.EnumerateOptions, caller) with
        {
            Types = ListOptions.Known(options.ClusterProviders, $"{Options}.cluster_providers"),
        };
        query = query.WithStatuses<Status>(request.EnumerateOptions?.Status ?? []);
        if (ListOptions.Known(options.ClusterStatus, $"{Options}.cluster_status") is { } statuses)
        {
            query = query with { Statuses = query.Statuses is { } both ? [.. both.Intersect(statuses)] : statuses };
            if (query.Statuses.Count == 0)
                return null;
        }

        return query.WithLabels(request.Labels)?.WithReference(credentials)?.WithReference(locations);
    }

    /// <summary>What only the object itself can answer: shares, and where Gardener found it. Null when nothing of that is asked.</summary>
    public static Func<ClusterObject, bool>? BodyFilter(ClusterEnumerateRequest request)
    {
        var options = request.ClusterEnumerateOptions ?? new();
        var labels = ShootLabels(options.ShootLabelSelector);
        var configs = options.ClusterDiscoveryConfigRefs.Where(reference => reference.Uid.Length + reference.Name.Length > 0).ToList();
        if (!request.OnlyBackupShare && options.ProjectNames.Count == 0 && configs.Count == 0 && labels.Count == 0 && options.Managed is null)
            return null;
        return cluster =>
        {
            var info = cluster.ClusterInfo;
            var shoot = info.ProviderInfo?.GardenerShootInfo;
            return (!request.OnlyBackupShare || info.AddBackupShare is not null || info.AddUserBackupShare.Count > 0)
                && (options.ProjectNames.Count == 0 || (shoot is not null && options.ProjectNames.Contains(shoot.ProjectName)))
                && (configs.Count == 0 || (shoot is not null && shoot.ClusterDiscoveryConfigRefs.Any(found => configs.Any(wanted => Same(wanted, found)))))
                && labels.All(label => shoot is not null && shoot.Labels.TryGetValue(label.Key, out var value) && value == label.Value)
                && (options.Managed is not { } managed || (shoot?.Managed ?? false) == managed);
        };
    }

    private static bool Same(ObjectRef wanted, ObjectRef found) =>
        wanted.Uid.Length > 0 ? wanted.Uid == found.Uid : wanted.Name == found.Name;

    private static Dictionary<string, string> ShootLabels(string selector)
    {
        var labels = new Dictionary<string, string>();
        foreach (var part in selector.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            if (part.Split('=') is not [{ Length: > 0 } key, var value] || key.Contains('!', StringComparison.Ordinal))
                throw DomainException.InvalidField($"{Options}.shoot_label_selector", "must be pairs such as key=value,key2=value2");
            labels[key.Trim()] = value.Trim();
        }

        return labels;
    }
}
