using System.Text.Json;
using PxBackup.Stork.Resources;

namespace PxBackup.Stork;

/// <summary>
/// Holds a connection to the cluster that was registered: the uid of its namespace kube-system. An address may be given to another cluster, and a rebuilt
/// one keeps name, address and often the authority; what was meant for one must not reach the other. Only the request that asks for the identity may open
/// a connection; every other one waits until the server behind it has answered rightly.
/// </summary>
internal sealed class ClusterIdentity(string expected) : IDisposable
{
    /// <summary>What shows the identity.</summary>
    public const string Path = "/api/v1/namespaces/kube-system";

    // Over HTTP/1.1 another request may take the connection that was opened; a few turns are enough for all.
    private const int MaxAttempts = 8;

    private const int MaxUidLength = 64;

    private static readonly HttpRequestOptionsKey<bool> Identifies = new("identifies");
    private readonly SemaphoreSlim _asking = new(1, 1);
    private volatile bool _known;

    /// <summary>Kubernetes writes UUIDs; anything else of that kind is taken, too, as long as it may stand in a text.</summary>
    public static bool IsUid(string uid) => uid.Length <= MaxUidLength && ResourceName.IsValid(uid);

    /// <summary>This request asks for the identity.</summary>
    public static void Mark(HttpRequestMessage request) => request.Options.Set(Identifies, true);

    /// <summary>A connection is about to be opened.</summary>
    /// <exception cref="NotIdentifiedException">For a request that does not ask for the identity.</exception>
    public void Dialing(HttpRequestMessage request)
    {
        _known = false;
        if (!request.Options.TryGetValue(Identifies, out var identifies) || !identifies)
            throw new NotIdentifiedException();
    }

    /// <param name="send">Sends the request, or with true the one that asks for the identity.</param>
    /// <param name="maxBytes">Largest answer about the identity.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="ClusterException"><see cref="ClusterFailure.OtherCluster"/></exception>
    public async Task<HttpResponseMessage> SendAsync(Func<bool, Task<HttpResponseMessage>> send, int maxBytes, CancellationToken cancellationToken)
    {
        for (var attempt = 0; attempt < MaxAttempts; attempt++)
        {
            if (!_known)
                await IdentifyAsync(send, maxBytes, cancellationToken).ConfigureAwait(false);
            try
            {
                return await send(false).ConfigureAwait(false);
            }
            catch (Exception e) when (WasNotIdentified(e))
            {
                // The connection that was known has gone: the next one is asked first.
            }
        }

        throw new ClusterException(ClusterFailure.ConnectionLost, "The connection to the API server does not last.", "Look at the API server and the network before it.");
    }

    public void Dispose() => _asking.Dispose();

    private async Task IdentifyAsync(Func<bool, Task<HttpResponseMessage>> send, int maxBytes, CancellationToken cancellationToken)
    {
        await _asking.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (_known)
                return;
            if (await UidAsync(send, maxBytes, cancellationToken).ConfigureAwait(false) is { } uid && uid != expected)
            {
                throw new ClusterException(ClusterFailure.OtherCluster,
                    $"The server is another cluster than the one that was registered: its namespace kube-system has uid {uid}, not {expected}.",
                    "Correct the address, or register the other cluster under a name of its own; if the cluster was rebuilt, say so by an update (docs/features/clusters.md).")
                { ClusterUid = uid };
            }

            _known = true;
        }
        finally
        {
            _asking.Release();
        }
    }

    /// <summary>Null when the account may not read it: then it is unknown, as the documentation of the right says.</summary>
    private static async Task<string?> UidAsync(Func<bool, Task<HttpResponseMessage>> send, int maxBytes, CancellationToken cancellationToken)
    {
        try
        {
            using var response = await send(true).ConfigureAwait(false);
            await using var body = new LimitedStream(await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false), maxBytes);
            var found = await JsonSerializer.DeserializeAsync(body, StorkJson.TypeInfo<Namespace>(), cancellationToken).ConfigureAwait(false);
            return found?.Metadata.Uid is { } uid && IsUid(uid) ? uid : null;
        }
        catch (ApiException e) when (e.IsForbidden || e.IsNotFound)
        {
            return null;
        }
    }

    private static bool WasNotIdentified(Exception e)
    {
        for (var inner = e; inner is not null; inner = inner.InnerException)
        {
            if (inner is NotIdentifiedException)
                return true;
        }

        return false;
    }
}

/// <summary>A request would have opened a connection to a server that has not shown who it is.</summary>
internal sealed class NotIdentifiedException() : Exception("The server behind the new connection has not shown which cluster it is.");
