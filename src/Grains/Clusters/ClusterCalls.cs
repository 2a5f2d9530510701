using System.Text.Json.Nodes;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.Clusters;
using PxBackup.Stork;
using PxBackup.Stork.Resources;

namespace PxBackup.Grains.Clusters;

/// <summary>Carries out a feature's calls on a cluster. Nothing that does not carry our label is taken over, changed or deleted.</summary>
internal static class ClusterCalls
{
    public static Task<ClusterReply> ExecuteAsync(IClusterConnection connection, ClusterCall call, CancellationToken cancellationToken) => call.Verb switch
    {
        ClusterVerb.ListNamespaces => ListNamespacesAsync(connection, call.Name, cancellationToken),
        ClusterVerb.ListWarnings => ListWarningsAsync(connection, call, cancellationToken),
        ClusterVerb.ListKinds => ListKindsAsync(connection, cancellationToken),
        _ => call.Resource switch
        {
            ClusterResource.ApplicationBackup => OnResourceAsync<ApplicationBackup>(connection, call, cancellationToken),
            ClusterResource.ApplicationRestore => OnResourceAsync<ApplicationRestore>(connection, call, cancellationToken),
            ClusterResource.BackupLocation => OnResourceAsync<StorkBackupLocation>(connection, call, cancellationToken),
            ClusterResource.Rule => OnResourceAsync<StorkRule>(connection, call, cancellationToken),
            ClusterResource.Secret => OnResourceAsync<Secret>(connection, call, cancellationToken),
            _ => throw new ArgumentOutOfRangeException(nameof(call), call.Resource, "not a resource"),
        },
    };

    private static Task<ClusterReply> OnResourceAsync<T>(IClusterConnection connection, ClusterCall call, CancellationToken cancellationToken)
        where T : KubernetesResource => call.Verb switch
        {
            ClusterVerb.Adopt => AdoptAsync<T>(connection, call, cancellationToken),
            ClusterVerb.Apply => ApplyAsync<T>(connection, call, cancellationToken),
            ClusterVerb.Find => FindAsync<T>(connection, call, cancellationToken),
            ClusterVerb.Patch => PatchAsync<T>(connection, call, cancellationToken),
            ClusterVerb.Delete => DeleteAsync<T>(connection, call, cancellationToken),
            _ => throw new ArgumentOutOfRangeException(nameof(call), call.Verb, "not a verb"),
        };

    private static async Task<ClusterReply> AdoptAsync<T>(IClusterConnection connection, ClusterCall call, CancellationToken cancellationToken)
        where T : KubernetesResource
    {
        // Look first: after a lost acknowledgement the resource is there and Stork may already have written to it.
#if SEEDED_BUGS
        if (SeededBugs.Is("existing-not-adopted"))
            return Found(await connection.CreateAsync(ResourceText.Read<T>(call.Body), cancellationToken));
#endif
        if (await FindAsync<T>(connection, call, cancellationToken) is { Found: true } there)
            return there.Foreign ? there : await SkippedAsync<T>(connection, call, there, cancellationToken);
        try
        {
            var resource = ResourceText.Read<T>(call.Body);
            return Found(resource is ApplicationBackup { Status.Stage: StorkStage.Final }
                ? await connection.ImportAsync(resource, cancellationToken)
                : await connection.CreateAsync(resource, cancellationToken));
        }
        catch (ApiException e) when (e.IsAlreadyExists)
        {
            return await FindAsync<T>(connection, call, cancellationToken);
        }
    }

    /// <summary>What an older release placed is left out of backups from now on, too.</summary>
    private static async Task<ClusterReply> SkippedAsync<T>(IClusterConnection connection, ClusterCall call, ClusterReply there, CancellationToken cancellationToken)
        where T : KubernetesResource =>
        ResourceText.Read<T>(there.Body).Metadata.Annotations.GetValueOrDefault(StorkLabels.SkipResource) == "true"
            ? there
            : Found(await connection.MergePatchAsync<T>(call.Namespace, call.Name, new JsonObject { ["metadata"] = new JsonObject { ["annotations"] = new JsonObject { [StorkLabels.SkipResource] = "true" } } }, cancellationToken));

    private static async Task<ClusterReply> ApplyAsync<T>(IClusterConnection connection, ClusterCall call, CancellationToken cancellationToken)
        where T : KubernetesResource
    {
        var there = await AdoptAsync<T>(connection, call, cancellationToken);
        if (there.Foreign)
            return there;
        var wanted = JsonNode.Parse(call.Body)!.AsObject();
        if (Contains(JsonNode.Parse(there.Body), wanted))
            return there;
        wanted.Remove("apiVersion");
        wanted.Remove("kind");
        wanted["metadata"]?.AsObject().Remove("name");
        wanted["metadata"]?.AsObject().Remove("namespace");
        return Found(await connection.MergePatchAsync<T>(call.Namespace, call.Name, wanted, cancellationToken));
    }

    private static async Task<ClusterReply> PatchAsync<T>(IClusterConnection connection, ClusterCall call, CancellationToken cancellationToken)
        where T : KubernetesResource
    {
        var there = await FindAsync<T>(connection, call, cancellationToken);
        return !there.Found || there.Foreign
            ? there
            : Found(await connection.MergePatchAsync<T>(call.Namespace, call.Name, JsonNode.Parse(call.Body)!.AsObject(), cancellationToken));
    }

    private static async Task<ClusterReply> FindAsync<T>(IClusterConnection connection, ClusterCall call, CancellationToken cancellationToken)
        where T : KubernetesResource
    {
        var there = await connection.FindAsync<T>(call.Namespace, call.Name, cancellationToken);
        return there is null ? new ClusterReply() : IsOurs(there, call.Uid) ? Found(there) : new ClusterReply { Found = true, Foreign = true };
    }

    private static async Task<ClusterReply> DeleteAsync<T>(IClusterConnection connection, ClusterCall call, CancellationToken cancellationToken)
        where T : KubernetesResource
    {
        var there = await connection.FindAsync<T>(call.Namespace, call.Name, cancellationToken);
        if (there is null)
            return new ClusterReply();
        if (!IsOurs(there, call.Uid))
            return new ClusterReply { Found = true, Foreign = true };
        if (there.Metadata.DeletionTimestamp is null)
            await connection.DeleteAsync<T>(call.Namespace, call.Name, there.Metadata.Uid, cancellationToken);
        return new ClusterReply { Found = true };
    }

    private static async Task<ClusterReply> ListNamespacesAsync(IClusterConnection connection, string selector, CancellationToken cancellationToken)
    {
        var namespaces = await connection.ListNamespacesAsync(selector.Length == 0 ? null : selector, cancellationToken);
        return new ClusterReply { Found = true, Lines = [.. namespaces.Where(n => n.Phase != "Terminating").Select(n => n.Name)] };
    }

    private static async Task<ClusterReply> ListWarningsAsync(IClusterConnection connection, ClusterCall call, CancellationToken cancellationToken)
    {
        var events = await connection.ListWarningEventsAsync(call.Namespace, call.Name, cancellationToken);
        return new ClusterReply { Found = events.Count > 0, Lines = [.. events.Select(e => OutsideText.OneLine(e.Message))] };
    }

    private static async Task<ClusterReply> ListKindsAsync(IClusterConnection connection, CancellationToken cancellationToken) =>
        new() { Found = true, Lines = await connection.ListBackupKindsAsync(cancellationToken) };

    private static bool IsOurs(KubernetesResource resource, string uid) =>
        resource.Metadata.Labels.GetValueOrDefault(StorkLabels.ManagedBy) == StorkLabels.ManagedByValue
        && resource.Metadata.Labels.GetValueOrDefault(StorkLabels.Uid) == StorkLabels.ValueOf(uid);

    private static ClusterReply Found<T>(T resource)
        where T : KubernetesResource => new() { Found = true, Body = ResourceText.Write(resource) };

    /// <summary>Everything wanted is already there: then nothing is written.</summary>
    private static bool Contains(JsonNode? there, JsonNode? wanted) => wanted switch
    {
        JsonObject fields => there is JsonObject has && fields.All(field => Contains(has[field.Key], field.Value)),
        null => there is null,
        _ => JsonNode.DeepEquals(there, wanted),
    };
}
