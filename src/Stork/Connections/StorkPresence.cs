using PxBackup.Stork.Resources;

namespace PxBackup.Stork;

/// <summary>Looks for Stork's program: its lease, and its Deployment where the lease tells nothing.</summary>
internal sealed class StorkPresence(ClusterConnection connection)
{
    private const string KubeSystem = "kube-system";

    // Stork's lease and Deployment have its own name (FACTS §10); its flag lock-object-namespace defaults to kube-system wherever it runs.
    private const string Stork = "stork";

    public async Task<StorkLook> LookAsync(bool withDeployment, CancellationToken cancellationToken)
    {
        var (space, denied) = (connection.StorkNamespace, new List<string>());
        var lease = await LeaseAsync(space, denied, cancellationToken).ConfigureAwait(false);
        if (lease is null && space != KubeSystem)
            lease = await LeaseAsync(KubeSystem, denied, cancellationToken).ConfigureAwait(false);
        var deployment = withDeployment || lease is null
            ? await OptionalAsync(() => connection.FindAsync<Deployment>(space, Stork, cancellationToken), denied).ConfigureAwait(false) : null;
        return new StorkLook { Namespace = space, LeaseMark = lease, Deployment = deployment is null ? null : Summary(deployment), Denied = denied };
    }

    private async Task<string?> LeaseAsync(string space, List<string> denied, CancellationToken cancellationToken) =>
        await OptionalAsync(() => connection.FindAsync<Lease>(space, Stork, cancellationToken), denied).ConfigureAwait(false) is { } lease
            ? StorkText.Bounded($"{lease.Metadata.ResourceVersion} {lease.Spec.RenewTime} {lease.Spec.HolderIdentity}", StorkText.MaxMessage) : null;

    private static StorkDeployment Summary(Deployment deployment) => new()
    {
        Wanted = deployment.Spec.Replicas ?? 1,
        Ready = deployment.Status.ReadyReplicas,
        WithoutLeaderElection = deployment.Spec.Template.Spec.Containers.Any(container => container.Command.Concat(container.Args)
            .Any(word => word.Contains("--leader-elect=false", StringComparison.OrdinalIgnoreCase))),
    };

    private static async Task<T?> OptionalAsync<T>(Func<Task<T?>> find, List<string> denied) where T : class
    {
        try
        {
            return await find().ConfigureAwait(false);
        }
        catch (ApiException e) when (e.IsForbidden)
        {
            denied.Add($"{e.Right}");
            return null;
        }
        catch (ApiException e) when (e.IsNotFound)
        {
            return null;
        }
        catch (ApiException e)
        {
            throw ClusterProber.AsCluster(e, "read Stork's lease");
        }
    }
}
