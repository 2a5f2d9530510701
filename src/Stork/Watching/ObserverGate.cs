namespace PxBackup.Stork;

/// <summary>Brings the kinds of one watch to one observer: one call at a time, and of the connection's state only what changes.</summary>
internal sealed class ObserverGate(IClusterObserver observer, int kinds) : IDisposable
{
    private readonly SemaphoreSlim _turn = new(1);
    private readonly HashSet<StorkKind> _watching = [];
    private ConnectionState? _told;

    public Task ListedAsync(StorkKind kind, IReadOnlyList<ResourceProjection> resources, bool first, CancellationToken cancellationToken) =>
        first || resources.Count > 0 ? InTurnAsync(token => observer.OnListedAsync(kind, resources, token), cancellationToken) : Task.CompletedTask;

    /// <summary>The cluster sent too much and waits for so long.</summary>
    public void Slowed(TimeSpan wait) => observer.OnSlowed(wait);

    public Task ChangedAsync(ResourceProjection resource, CancellationToken cancellationToken) =>
        InTurnAsync(token => observer.OnChangedAsync(resource, token), cancellationToken);

    public Task DeletedAsync(ResourceProjection resource, CancellationToken cancellationToken) =>
        InTurnAsync(token => observer.OnDeletedAsync(resource, token), cancellationToken);

    /// <summary>The API server has accepted a watch.</summary>
    public Task WatchingAsync(StorkKind kind, CancellationToken cancellationToken) => InTurnAsync(async token =>
    {
        _watching.Add(kind);
        if (_watching.Count == kinds)
            await TellAsync(new ConnectionState { Connected = true }, token).ConfigureAwait(false);
    }, cancellationToken);

    /// <summary>A kind is not being watched any more.</summary>
    public Task LostAsync(StorkKind kind, ClusterException cause, CancellationToken cancellationToken) => InTurnAsync(token =>
    {
        _watching.Remove(kind);
        return TellAsync(new ConnectionState { Connected = false, Cause = cause.Cause, Message = cause.Message, Cure = cause.Cure }, token);
    }, cancellationToken);

    public void Dispose() => _turn.Dispose();

    private async Task TellAsync(ConnectionState state, CancellationToken cancellationToken)
    {
        if (_told?.Connected == state.Connected && _told.Cause == state.Cause)
            return;
        await observer.OnConnectionStateAsync(state, cancellationToken).ConfigureAwait(false);
        _told = state;   // Only now: a state that did not arrive is told again.
    }

    private async Task InTurnAsync(Func<CancellationToken, Task> call, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await call(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
        {
            throw new ObserverException(e);
        }
        finally
        {
            _turn.Release();
        }
    }
}

/// <summary>The observer failed, not the cluster: what it was told may be lost, so everything is told again.</summary>
internal sealed class ObserverException(Exception inner) : Exception("The observer of a cluster failed.", inner);
