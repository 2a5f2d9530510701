using System.Net;
using Microsoft.AspNetCore.Connections;

namespace PxBackup.Silo.Transport;

/// <summary>Takes the place of sockets where one process is the whole cluster: nothing listens, nobody is called.</summary>
internal sealed class NoConnections : IConnectionListenerFactory, IConnectionFactory
{
    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default) => new(new Silence(endpoint));

    public ValueTask<ConnectionContext> ConnectAsync(EndPoint endpoint, CancellationToken cancellationToken = default) =>
        throw new ConnectionAbortedException($"this process is the whole cluster: there is no other silo at {endpoint}");

    private sealed class Silence(EndPoint endpoint) : IConnectionListener
    {
        private readonly TaskCompletionSource unbound = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public EndPoint EndPoint { get; } = endpoint;

        public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
        {
            await unbound.Task.WaitAsync(cancellationToken);
            return null;
        }

        public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
        {
            unbound.TrySetResult();
            return default;
        }

        public ValueTask DisposeAsync()
        {
            unbound.TrySetResult();
            return default;
        }
    }
}
