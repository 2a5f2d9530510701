using PxBackup.Stork.Resources;

namespace PxBackup.Stork;

/// <summary>Checks a cluster step by step; the first failure ends it with its cause and cure.</summary>
internal sealed class ClusterProber(ClusterConnection connection, Version minimumStork)
{
    private const string KubeSystem = "kube-system";
    private const string StorkGroup = "stork.libopenstorage.org";
    private const int MaxParallelReviews = 8;

    private static readonly string[] StorkKinds = ["applicationbackups", "applicationrestores", "backuplocations", "rules"];

    private static readonly string[] WholeGroups = [StorkGroup, ""];

    // FACTS §10. A user who may do everything with a group answers for all of its rows at once.
    private static readonly (string Group, string Resource, string[] Verbs)[] NeededInAdminNamespace =
    [
        (StorkGroup, "applicationbackups", ["get", "list", "watch", "create", "patch", "delete"]),
        (StorkGroup, "applicationrestores", ["get", "list", "watch", "create", "patch", "delete"]),
        (StorkGroup, "backuplocations", ["get", "create", "patch", "delete"]),
        (StorkGroup, "rules", ["get", "create", "patch", "delete"]),
        ("", "secrets", ["get", "create", "patch", "delete"]),
        ("", "events", ["list"]),
        ("", "configmaps", ["get"]),
    ];

    public async Task<ClusterProbe> ProbeAsync(CancellationToken cancellationToken)
    {
        // The first call opens the connection, so name, policy, TCP and TLS fail here with their own causes.
        var version = await VersionAsync(cancellationToken).ConfigureAwait(false);
        await CheckKindsAsync(cancellationToken).ConfigureAwait(false);
        var adminNamespace = await AdminNamespaceAsync(cancellationToken).ConfigureAwait(false);
        await CheckRightsAsync(adminNamespace, cancellationToken).ConfigureAwait(false);
        var stork = await StorkVersionAsync(cancellationToken).ConfigureAwait(false);
        return new ClusterProbe
        {
            KubernetesVersion = version,
            StorkVersion = stork,
            AdminNamespace = adminNamespace,
            ClusterUid = await ClusterUidAsync(cancellationToken).ConfigureAwait(false),
            NodeCount = await NodeCountAsync(cancellationToken).ConfigureAwait(false),
        };
    }

    /// <summary>What a refusal of the API server means for the use of the cluster.</summary>
    public static ClusterException AsCluster(ApiException e, string doing) => e switch
    {
        { IsUnauthorized: true } => new(ClusterFailure.Unauthorized, $"The API server refuses the sign-in: {e.Message}",
            "Renew the kubeconfig: its token or certificate has expired or was revoked.", e),
        { IsForbidden: true } => new(ClusterFailure.Forbidden, $"The account may not {doing}: {e.Message}",
            "Give the kubeconfig's account the rights of the documented ClusterRole.", e),
        { HttpStatus: System.Net.HttpStatusCode.TooManyRequests } => new(ClusterFailure.Throttled, $"The API server asks for patience: {e.Message}",
            "Nothing, if it passes; otherwise look at the API server's priority and fairness settings.", e),
        { IsUnknownType: true } => new(ClusterFailure.StorkMissing, "Stork's resource definitions are not on the cluster.",
            "Install Stork on the cluster.", e),
        _ => new(ClusterFailure.ApiUnavailable, $"The API server failed to {doing} ({(int)e.HttpStatus}): {e.Message}",
            "Look at the API server's health.", e),
    };

    private static async Task<T> CallAsync<T>(string doing, Func<Task<T>> call)
    {
        try
        {
            return await call().ConfigureAwait(false);
        }
        catch (ApiException e)
        {
            throw AsCluster(e, doing);
        }
    }

    /// <summary>A fact that is nice to know: what may not be read, or is not there, is unknown.</summary>
    private static async Task<T?> OptionalAsync<T>(string doing, Func<Task<T?>> call) where T : class
    {
        try
        {
            return await call().ConfigureAwait(false);
        }
        catch (ApiException e) when (e.IsForbidden || e.IsNotFound)
        {
            return null;
        }
        catch (ApiException e)
        {
            throw AsCluster(e, doing);
        }
    }

    private async Task<string> VersionAsync(CancellationToken cancellationToken)
    {
        var version = new ServerVersion();
        try
        {
            version = await connection.GetAsync("/version", StorkJson.TypeInfo<ServerVersion>(), cancellationToken).ConfigureAwait(false);
        }
        catch (ApiException e) when (!e.IsNotFound)
        {
            throw AsCluster(e, "read /version");
        }
        catch (ApiException)
        {
            // Some other web server: told below, like an answer without a version.
        }

        return version.GitVersion.Length > 0 ? StorkText.Bounded(version.GitVersion, 64)
            : throw new ClusterException(ClusterFailure.ApiUnavailable, "What answers there is not a Kubernetes API server.", "Check the server address in the kubeconfig.");
    }

    private async Task CheckKindsAsync(CancellationToken cancellationToken)
    {
        ApiResourceList served;
        try
        {
            served = await CallAsync("discover Stork's resources", () => connection.GetAsync(
                $"/apis/{StorkGroup}/v1alpha1", StorkJson.TypeInfo<ApiResourceList>(), cancellationToken)).ConfigureAwait(false);
        }
        catch (ClusterException e) when (e.InnerException is ApiException { IsNotFound: true })
        {
            throw new ClusterException(ClusterFailure.StorkMissing, "Stork's resource definitions are not on the cluster.", "Install Stork on the cluster.", e);
        }

        var missing = StorkKinds.Where(kind => !served.Resources.Exists(resource => resource.Name == kind)).ToList();
        if (missing.Count > 0)
            throw new ClusterException(ClusterFailure.StorkMissing, $"Stork's resource definitions are incomplete: {string.Join(", ", missing)} missing.",
                "Wait a minute if Stork was just installed; otherwise look at its log.");
    }

    private async Task<string> AdminNamespaceAsync(CancellationToken cancellationToken)
    {
        var map = await OptionalAsync("read Stork's configuration",
            () => connection.FindAsync<ConfigMap>(KubeSystem, "stork-controller-config", cancellationToken)).ConfigureAwait(false);
        var name = map?.Data.GetValueOrDefault("admin-ns")?.Trim();
        return name is not null && ResourceName.IsValid(name) ? name : KubeSystem;
    }

    private async Task<string?> StorkVersionAsync(CancellationToken cancellationToken)
    {
        var map = await OptionalAsync("read Stork's version",
            () => connection.FindAsync<ConfigMap>(KubeSystem, "stork-version", cancellationToken)).ConfigureAwait(false);
        var text = (map?.Data.GetValueOrDefault("version") ?? map?.Data.Values.FirstOrDefault())?.Trim();
        if (string.IsNullOrEmpty(text))
            return null;
        text = StorkText.Bounded(text, 64);
        var numbers = text.TrimStart('v').Split('-', '+')[0];
        if (Version.TryParse(numbers, out var version) && version < minimumStork)
            throw new ClusterException(ClusterFailure.StorkTooOld, $"Stork {text} is older than {minimumStork}.", "Upgrade Stork on the cluster.");
        return text;
    }

    private async Task CheckRightsAsync(string adminNamespace, CancellationToken cancellationToken)
    {
        var denied = new List<string>();
        try
        {
            var wide = new HashSet<string>();
            foreach (var group in WholeGroups)
            {
                if (await MayAsync(adminNamespace, group, "*", "*", cancellationToken).ConfigureAwait(false))
                    wide.Add(group);
            }

            var questions = NeededInAdminNamespace.Where(row => !wide.Contains(row.Group))
                .SelectMany(row => row.Verbs.Select(verb => (Namespace: adminNamespace, row.Group, row.Resource, Verb: verb)))
                .Append((Namespace: "", Group: "", Resource: "namespaces", Verb: "list"));
            await Parallel.ForEachAsync(questions, new ParallelOptions { MaxDegreeOfParallelism = MaxParallelReviews, CancellationToken = cancellationToken },
                async (ask, token) =>
                {
                    if (!await MayAsync(ask.Namespace, ask.Group, ask.Resource, ask.Verb, token).ConfigureAwait(false))
                    {
                        lock (denied)
                            denied.Add($"{ask.Verb} {ask.Resource}{(ask.Group.Length == 0 ? "" : "." + ask.Group)}");
                    }
                }).ConfigureAwait(false);
        }
        catch (ApiException e) when (e.IsNotFound)
        {
            // No review API: the plainest call that needs rights tells at least whether the account may do anything here.
            await CallAsync("list ApplicationBackups", () => connection.ListAsync<ApplicationBackup>(adminNamespace, "pxbackup.invalid/none=none", cancellationToken)).ConfigureAwait(false);
        }
        catch (ApiException e)
        {
            throw AsCluster(e, "review its own rights");
        }

        if (denied.Count > 0)
        {
            denied.Sort(StringComparer.Ordinal);
            throw new ClusterException(ClusterFailure.Forbidden, $"The account lacks rights in namespace {adminNamespace}: {string.Join(", ", denied)}.",
                "Give the kubeconfig's account the rights of the documented ClusterRole.");
        }
    }

    private async Task<bool> MayAsync(string resourceNamespace, string group, string resource, string verb, CancellationToken cancellationToken)
    {
        var review = new SelfSubjectAccessReview
        {
            ApiVersion = "authorization.k8s.io/v1",
            Kind = "SelfSubjectAccessReview",
            Spec = { ResourceAttributes = { Namespace = resourceNamespace, Group = group, Resource = resource, Verb = verb } },
        };
        var answer = await connection.PostAsync(review, ResourceType.Of<SelfSubjectAccessReview>().Path(null), cancellationToken).ConfigureAwait(false);
        return answer.Status.Allowed;
    }

    private async Task<string?> ClusterUidAsync(CancellationToken cancellationToken)
    {
        var found = await OptionalAsync("read namespace kube-system",
            () => connection.FindAsync<Namespace>("", KubeSystem, cancellationToken)).ConfigureAwait(false);
        return found?.Metadata.Uid is { Length: > 0 } uid ? uid : null;
    }

    private async Task<int?> NodeCountAsync(CancellationToken cancellationToken)
    {
        var page = await OptionalAsync("count nodes", async () => (ResourcePage<Node>?)await connection.GetAsync(
            ResourceType.Of<Node>().Path(null) + "?limit=1", StorkJson.TypeInfo<ResourcePage<Node>>(), cancellationToken).ConfigureAwait(false)).ConfigureAwait(false);
        return page is null ? null : (int)Math.Clamp(page.Items.Count + (page.Metadata.RemainingItemCount ?? 0), 0, int.MaxValue);
    }
}
