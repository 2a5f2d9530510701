using PxBackup.Stork.Resources;

namespace PxBackup.Stork;

/// <summary>Which kinds Stork can back up on a cluster.</summary>
internal sealed class BackupKinds(ClusterConnection connection)
{
    // Each of them costs a call; clusters with every operator of a catalogue serve some 150 groups, and few of them are registered with Stork.
    private const int MaxCalls = 256;

    // As many kinds as a cluster with hundreds of operators serves.
    private const int MaxKinds = 4096;

    private int _calls;

    public async Task<IReadOnlyList<string>> ListAsync(CancellationToken cancellationToken)
    {
        using var late = new CancellationTokenSource(connection.Http.Options.CallTimeout * 2, connection.Http.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, late.Token);
        try
        {
            return await CollectAsync(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (late.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw new ClusterException(ClusterFailure.ApiTimeout, "The API server did not list its kinds in time.", "Look at the API server's load, and at its aggregated API services.", e);
        }
    }

    private async Task<IReadOnlyList<string>> CollectAsync(CancellationToken cancellationToken)
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

    private static void Add(SortedSet<string> kinds, IEnumerable<ApiResource> served, IEnumerable<string> wanted)
    {
        kinds.UnionWith(served.Where(resource => !resource.Name.Contains('/')).Select(resource => resource.Kind).Where(IsKind).Intersect(wanted, StringComparer.Ordinal));
        if (kinds.Count > MaxKinds)
            throw TooMany($"more than {MaxKinds} kinds");
    }

    // What Kubernetes takes as a kind: a word of at most 63 letters and digits.
    private static bool IsKind(string kind) => kind.Length is > 0 and <= 63 && char.IsAsciiLetter(kind[0]) && kind.All(char.IsAsciiLetterOrDigit);

    private static ClusterException TooMany(string what) => new(ClusterFailure.ApiUnavailable, $"The API server names {what} for Stork to back up.", "Look at the cluster's ApplicationRegistrations and at what answers there.");

    private async Task<List<ApiResource>> ServedAsync(string path, CancellationToken cancellationToken)
    {
        if (++_calls > MaxCalls)
            throw TooMany($"more than {MaxCalls} API versions");
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
