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

    private const string Cure = $"Give the kubeconfig's account the rights of {AccountRights.File}.";

    public async Task<ClusterProbe> ProbeAsync(CancellationToken cancellationToken)
    {
        // The first call opens the connection, so name, policy, TCP and TLS fail here with their own causes.
        var version = await VersionAsync(cancellationToken).ConfigureAwait(false);
        var uid = await ClusterUidAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await CheckKindsAsync(cancellationToken).ConfigureAwait(false);
            var adminNamespace = await ReadSettingsAsync(cancellationToken).ConfigureAwait(false);
            await CheckRightsAsync(adminNamespace, cancellationToken).ConfigureAwait(false);
            return new ClusterProbe
            {
                KubernetesVersion = version,
                StorkVersion = await StorkVersionAsync(cancellationToken).ConfigureAwait(false),
                AdminNamespace = adminNamespace,
                ClusterUid = uid,
                Stork = await connection.LookAtStorkAsync(withDeployment: true, cancellationToken).ConfigureAwait(false),
            };
        }
        catch (ClusterException e)
        {
            e.ClusterUid = uid;   // A cluster without Stork is the cluster that it is.
            throw;
        }
    }

    /// <summary>What a refusal of the API server means for the use of the cluster.</summary>
    public static ClusterException AsCluster(ApiException e, string doing) => e switch
    {
        { IsUnauthorized: true } => new(ClusterFailure.Unauthorized, $"The API server refuses the sign-in: {e.Message}",
            "Renew the kubeconfig: its token or certificate has expired or was revoked.", e),
        { IsForbidden: true, Right: { } right } when AccountRights.Giver(right) is { Length: > 0 } giver => new(ClusterFailure.Forbidden,
            $"The account may not {right}; {giver} gives that right. The API server said: {e.Message}", Cure, e),
        { IsForbidden: true } => new(ClusterFailure.Forbidden, $"The account may not {doing}: {e.Message}", Cure, e),
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

    /// <summary>Stork's admin namespace; where Stork runs is kept for looks at its program.</summary>
    private async Task<string> ReadSettingsAsync(CancellationToken cancellationToken)
    {
        var map = await OptionalAsync("read Stork's configuration",
            () => connection.FindAsync<ConfigMap>(KubeSystem, "stork-controller-config", cancellationToken)).ConfigureAwait(false);
        connection.StorkNamespace = NamespaceOf(map, "stork-deploy-ns");
        return NamespaceOf(map, "admin-ns");
    }

    // What is no namespace's name is not believed.
    private static string NamespaceOf(ConfigMap? map, string key) =>
        map?.Data.GetValueOrDefault(key)?.Trim() is { } name && ResourceName.IsValid(name) ? name : KubeSystem;

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
        var denied = new List<KubernetesRight>();
        try
        {
            var wide = new HashSet<string>();
            foreach (var group in WholeGroups)
            {
                // A user who may do everything with a group answers for all of its rows at once.
                if (await MayAsync(new() { Verb = "*", Group = group, Resource = "*", Namespace = adminNamespace, Name = "" }, cancellationToken).ConfigureAwait(false))
                    wide.Add(group);
            }

            var questions = AccountRights.All.Where(row => row.IsRequired && (row.Scope == RightScope.Cluster || !wide.Contains(row.Group)))
                .SelectMany(row => row.Verbs.Select(verb => new KubernetesRight
                {
                    Verb = verb,
                    Group = row.Group,
                    Resource = row.Resource,
                    Namespace = row.Scope == RightScope.Cluster ? "" : adminNamespace,
                    Name = "",
                }));
            await Parallel.ForEachAsync(questions, new ParallelOptions { MaxDegreeOfParallelism = MaxParallelReviews, CancellationToken = cancellationToken },
                async (right, token) =>
                {
                    if (!await MayAsync(right, token).ConfigureAwait(false))
                    {
                        lock (denied)
                            denied.Add(right);
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
            // By Role and namespace, as an administrator puts it right: first what lacks, then who gives it.
            var lacking = denied.GroupBy(AccountRights.Giver).OrderBy(giver => giver.Key, StringComparer.Ordinal)
                .Select(giver => $"{giver.Key} gives {string.Join(", ", giver.GroupBy(right => (right.Resource, right.Group))
                    .OrderBy(kind => kind.Key).Select(kind => $"{string.Join("/", kind.Select(right => right.Verb).Order(StringComparer.Ordinal))} {kind.Key.Resource}{(kind.Key.Group.Length == 0 ? "" : "." + kind.Key.Group)}"))}");
            throw new ClusterException(ClusterFailure.Forbidden, $"The account lacks rights: {string.Join("; ", lacking)}.", Cure);
        }
    }

    private async Task<bool> MayAsync(KubernetesRight right, CancellationToken cancellationToken)
    {
        var review = new SelfSubjectAccessReview
        {
            ApiVersion = "authorization.k8s.io/v1",
            Kind = "SelfSubjectAccessReview",
            Spec = { ResourceAttributes = { Namespace = right.Namespace, Group = right.Group, Resource = right.Resource, Verb = right.Verb } },
        };
        var answer = await connection.PostAsync(review, ResourceType.Of<SelfSubjectAccessReview>().Path(null), cancellationToken).ConfigureAwait(false);
        return answer.Status.Allowed;
    }

    private async Task<string?> ClusterUidAsync(CancellationToken cancellationToken)
    {
        var found = await OptionalAsync("read namespace kube-system",
            () => connection.FindAsync<Namespace>("", KubeSystem, cancellationToken)).ConfigureAwait(false);
        return found?.Metadata.Uid is { } uid && ClusterIdentity.IsUid(uid) ? uid : null;
    }
}
