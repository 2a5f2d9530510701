using PxBackup.Stork.Resources;

namespace PxBackup.Stork;

/// <summary>Which kinds Stork can back up on a cluster.</summary>
internal sealed class BackupKinds(ClusterConnection connection)
{
    public async Task<IReadOnlyList<string>> ListAsync(CancellationToken cancellationToken)
    {
        var registered = await RegisteredAsync(cancellationToken).ConfigureAwait(false);
        var groups = await connection.GetAsync("/apis", StorkJson.TypeInfo<ApiGroupList>(), cancellationToken).ConfigureAwait(false);
        var kinds = new SortedSet<string>(StringComparer.Ordinal);
        Add(kinds, await ServedAsync("/api/v1", cancellationToken).ConfigureAwait(false), CollectedKinds.ByGroup[""]);
        foreach (var group in groups.Groups)
        {
            var custom = registered.GetValueOrDefault(group.Name);
            var wanted = CollectedKinds.ByGroup.GetValueOrDefault(group.Name);
            if (custom is null && wanted is null)
                continue;
            // A registration names its version; everything else is served in the preferred one.
            var versions = custom?.Select(kind => kind.Version).Where(version => group.Versions.Exists(served => served.Version == version)) ?? [];
            foreach (var version in versions.Append(group.PreferredVersion.Version).Where(version => version.Length > 0).Distinct())
            {
                var served = await ServedAsync($"/apis/{Uri.EscapeDataString(group.Name)}/{Uri.EscapeDataString(version)}", cancellationToken).ConfigureAwait(false);
                Add(kinds, served, wanted ?? []);
                Add(kinds, served.Where(resource => resource.Namespaced), custom?.Select(kind => kind.Kind) ?? []);
            }
        }

        return [.. kinds];
    }

    private static void Add(SortedSet<string> kinds, IEnumerable<ApiResource> served, IEnumerable<string> wanted) =>
        kinds.UnionWith(served.Where(resource => !resource.Name.Contains('/')).Select(resource => resource.Kind).Intersect(wanted, StringComparer.Ordinal));

    private async Task<List<ApiResource>> ServedAsync(string path, CancellationToken cancellationToken)
    {
        try
        {
            return (await connection.GetAsync(path, StorkJson.TypeInfo<ApiResourceList>(), cancellationToken).ConfigureAwait(false)).Resources;
        }
        // A group whose own (aggregated) server is down, or that has gone since it was listed: its kinds cannot be backed up now.
        catch (ApiException e) when (e.IsNotFound || e.HttpStatus == System.Net.HttpStatusCode.ServiceUnavailable)
        {
            return [];
        }
    }

    private async Task<Dictionary<string, List<RegisteredKind>>> RegisteredAsync(CancellationToken cancellationToken)
    {
        try
        {
            var list = await connection.ListAsync<ApplicationRegistration>(null, null, cancellationToken).ConfigureAwait(false);
            return list.Items.SelectMany(item => item.Resources).Where(kind => kind.Group.Length > 0)
                .GroupBy(kind => kind.Group, StringComparer.Ordinal).ToDictionary(group => group.Key, group => group.ToList(), StringComparer.Ordinal);
        }
        // Without Stork, or without the right to read its list, the built-in kinds are still true.
        catch (ApiException e) when (e.IsNotFound || e.IsForbidden)
        {
            return [];
        }
    }
}
