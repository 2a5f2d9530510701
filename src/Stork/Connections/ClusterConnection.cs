using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Microsoft.Extensions.Logging;
using PxBackup.Stork.Resources;

namespace PxBackup.Stork;

/// <summary>Typed calls over a cluster's one connection.</summary>
internal sealed class ClusterConnection(ClusterHttp http, Random random, ILogger<ClusterConnection> logger) : IClusterConnection
{
    // Newest ones count; Kubernetes itself counts repeats instead of keeping them.
    private const int MaxWarnings = 100;

    private readonly CancellationTokenSource _closing = new();

    private volatile string _storkNamespace = "kube-system";

    /// <summary>Where Stork said last that it runs.</summary>
    internal string StorkNamespace { get => _storkNamespace; set => _storkNamespace = value; }

    public Task<ClusterProbe> ProbeAsync(CancellationToken cancellationToken = default) =>
        new ClusterProber(this, http.Options.MinimumStorkVersion).ProbeAsync(cancellationToken);

    public Task<StorkLook> LookAtStorkAsync(bool withDeployment, CancellationToken cancellationToken = default) =>
        new StorkPresence(this).LookAsync(withDeployment, cancellationToken);

    public Task<T> CreateAsync<T>(T resource, CancellationToken cancellationToken = default) where T : KubernetesResource =>
        CreateAsync(resource, StorkJson.TypeInfo<T>(), cancellationToken);

    public Task<T> ImportAsync<T>(T resource, CancellationToken cancellationToken = default) where T : KubernetesResource =>
        CreateAsync(resource, ResourceText.TypeInfo<T>(), cancellationToken);

    private async Task<T> CreateAsync<T>(T resource, JsonTypeInfo<T> form, CancellationToken cancellationToken) where T : KubernetesResource
    {
        ArgumentNullException.ThrowIfNull(resource);
        var type = ResourceType.Of<T>();
        resource.ApiVersion = type.ApiVersion;
        resource.Kind = type.Kind;
        if (type.IsNamespaced)
            ResourceName.Checked(resource.Metadata.Namespace, "namespace");
        ResourceName.Checked(resource.Metadata.Name, "name");
        return Answered(await PostAsync(resource, form, type.Path(resource.Metadata.Namespace), cancellationToken).ConfigureAwait(false), resource.Metadata.Namespace, resource.Metadata.Name);
    }

    public async Task<T?> FindAsync<T>(string resourceNamespace, string name, CancellationToken cancellationToken = default)
        where T : KubernetesResource
    {
        try
        {
            return Answered(await GetAsync(Path<T>(resourceNamespace, name), StorkJson.TypeInfo<T>(), cancellationToken).ConfigureAwait(false), resourceNamespace, name);
        }
        catch (ApiException e) when (e.IsNotFound && !e.IsUnknownType)
        {
            return null;
        }
    }

    public async Task<T> MergePatchAsync<T>(string resourceNamespace, string name, JsonObject patch, CancellationToken cancellationToken = default)
        where T : KubernetesResource
    {
        ArgumentNullException.ThrowIfNull(patch);
        using var content = new StringContent(patch.ToJsonString(), Encoding.UTF8, new MediaTypeHeaderValue("application/merge-patch+json"));
        return Answered(await http.CallAsync(HttpMethod.Patch, Path<T>(resourceNamespace, name), content, StorkJson.TypeInfo<T>(), cancellationToken).ConfigureAwait(false), resourceNamespace, name);
    }

    public async Task<bool> DeleteAsync<T>(string resourceNamespace, string name, string? uid = null, CancellationToken cancellationToken = default)
        where T : KubernetesResource
    {
        var body = new DeleteOptions { Preconditions = uid is null ? null : new DeletePreconditions { Uid = uid } };
        using var content = Json(body, StorkJson.TypeInfo<DeleteOptions>());
        try
        {
            // The answer is a Status, or the object itself while finalizers keep it: neither is needed.
            await http.CallAsync(HttpMethod.Delete, Path<T>(resourceNamespace, name), content, StorkJson.TypeInfo<ApiStatus>(), cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (ApiException e) when (e.IsNotFound && !e.IsUnknownType)
        {
            return false;
        }
        catch (ApiException e) when (e.IsConflict && uid is not null)
        {
            var present = await FindAsync<T>(resourceNamespace, name, cancellationToken).ConfigureAwait(false);
            if (present?.Metadata.Uid == uid)
                throw;
            return false;   // The object that was meant is gone; the name is another's now.
        }
    }

    public Task<ResourceList<T>> ListAsync<T>(string? resourceNamespace, string? labelSelector = null, CancellationToken cancellationToken = default)
        where T : KubernetesResource =>
        ListAsync(ResourceType.Of<T>().Path(resourceNamespace), Query("labelSelector", labelSelector), StorkJson.TypeInfo<ResourcePage<T>>(), static item => item, cancellationToken);

    public async Task<IReadOnlyList<NamespaceSummary>> ListNamespacesAsync(string? labelSelector = null, CancellationToken cancellationToken = default)
    {
        var list = await ListAsync(ResourceType.Of<Namespace>().Path(null), Query("labelSelector", labelSelector), StorkJson.TypeInfo<ResourcePage<Namespace>>(), Summary, cancellationToken).ConfigureAwait(false);
        return list.Items;
    }

    // A name that no namespace can have is not one.
    private static NamespaceSummary? Summary(Namespace item) => ResourceName.IsValid(item.Metadata.Name)
        ? new() { Name = item.Metadata.Name, Uid = item.Metadata.Uid, Labels = item.Metadata.Labels, Phase = item.Status.Phase }
        : null;

    public async Task<IReadOnlyList<EventSummary>> ListWarningEventsAsync(
        string resourceNamespace, string involvedUid, CancellationToken cancellationToken = default)
    {
        EventSummary? Summary(Event item) => item.Type != "Warning" || item.InvolvedObject.Uid != involvedUid || (item.Metadata.Namespace.Length > 0 && item.Metadata.Namespace != resourceNamespace) ? null : new()
        {
            Reason = StorkText.Bounded(item.Reason, StorkText.MaxMessage),
            Message = StorkText.Bounded(item.Message, StorkText.MaxMessage),
            Count = Math.Max(1, item.Count),
            LastSeenAt = item.LastTimestamp ?? item.EventTime ?? item.FirstTimestamp ?? item.Metadata.CreationTimestamp,
        };
        var list = await ListAsync(ResourceType.Of<Event>().Path(ResourceName.Checked(resourceNamespace, "namespace")),
            Query("fieldSelector", $"involvedObject.uid={involvedUid},type=Warning"), StorkJson.TypeInfo<ResourcePage<Event>>(), Summary, cancellationToken).ConfigureAwait(false);
        return [.. list.Items.OrderBy(item => item.LastSeenAt).TakeLast(MaxWarnings)];
    }

    public Task<IReadOnlyList<string>> ListBackupKindsAsync(CancellationToken cancellationToken = default) =>
        new BackupKinds(this).ListAsync(cancellationToken);

    public async Task WatchAsync(WatchRequest request, IClusterObserver observer, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(observer);
        ResourceName.Checked(request.Namespace, "namespace");
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _closing.Token);
        using var gate = new ObserverGate(observer, request.Kinds.Count);
        var budget = new RateBudget(http.Options.EventsPerSecond, http.Options.EventBurst, http.Time);
        await Task.WhenAll(request.Kinds.Distinct().Select(kind =>
            new KindWatch(kind, request, this, gate, budget, random, logger).RunAsync(either.Token))).ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        await _closing.CancelAsync().ConfigureAwait(false);
        http.Dispose();
    }

    internal ClusterHttp Http => http;

    internal Task<T> GetAsync<T>(string path, JsonTypeInfo<T> type, CancellationToken cancellationToken) =>
        http.CallAsync(HttpMethod.Get, path, null, type, cancellationToken);

    internal Task<T> PostAsync<T>(T resource, string path, CancellationToken cancellationToken) =>
        PostAsync(resource, StorkJson.TypeInfo<T>(), path, cancellationToken);

    private async Task<T> PostAsync<T>(T resource, JsonTypeInfo<T> form, string path, CancellationToken cancellationToken)
    {
        using var content = Json(resource, form);
        return await http.CallAsync(HttpMethod.Post, path, content, StorkJson.TypeInfo<T>(), cancellationToken).ConfigureAwait(false);
    }

    private async Task<ResourceList<TKept>> ListAsync<T, TKept>(
        string path, string selector, JsonTypeInfo<ResourcePage<T>> type, Func<T, TKept?> keep, CancellationToken cancellationToken)
        where TKept : class
    {
        var kept = new List<TKept>();
        var version = await new ListReader<T>(http, path, selector, type, http.Options.MaxListBytes).ReadAsync((items, first, _, _) =>
        {
            if (first)
                kept.Clear();
            kept.AddRange(items.Select(keep).OfType<TKept>());
            return Task.CompletedTask;
        }, cancellationToken).ConfigureAwait(false);
        return new ResourceList<TKept> { Items = kept, ResourceVersion = version };
    }

    /// <summary>What was asked for is what may be answered: anything else speaks for an object that nobody asked about.</summary>
    private static T Answered<T>(T resource, string resourceNamespace, string name)
        where T : KubernetesResource
    {
        if (resource.Metadata.Name is "" || resource.Metadata.Name == name)
        {
            if (resource.Metadata.Namespace is "" || !ResourceType.Of<T>().IsNamespaced || resource.Metadata.Namespace == resourceNamespace)
                return resource;
        }

        throw new ClusterException(ClusterFailure.ApiUnavailable, $"The API server answered with another object than the {ResourceType.Of<T>().Kind} {name} that it was asked for.",
            "Look at what answers there: no Kubernetes API server does that.");
    }

    internal static string Query(string name, string? value) => string.IsNullOrEmpty(value) ? "" : $"&{name}={Uri.EscapeDataString(value)}";

    private static string Path<T>(string resourceNamespace, string name) where T : KubernetesResource
    {
        var type = ResourceType.Of<T>();
        return type.Path(type.IsNamespaced ? ResourceName.Checked(resourceNamespace, "namespace") : null, name);
    }

    private static ByteArrayContent Json<T>(T value, JsonTypeInfo<T> type) =>
        new(JsonSerializer.SerializeToUtf8Bytes(value, type)) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } };
}
