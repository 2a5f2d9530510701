using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace PxBackup.Chaos.Network;

/// <summary>A TCP proxy on loopback that does its work badly on command. The fault may change at any moment; open connections feel it at once.</summary>
internal sealed class FaultProxy : IAsyncDisposable
{
    private readonly TcpListener _listener;
    private readonly IPEndPoint _target;
    private readonly Func<int, string?>? _identify;
    private readonly CancellationTokenSource _stopped = new();
    private readonly ConcurrentDictionary<ProxiedConnection, bool> _open = new();
    private readonly Task _accepting;
    private IReadOnlyList<ProxyFault> _faults = [];
    private long _accepted;
    private long _affected;

    private FaultProxy(IPEndPoint target, Func<int, string?>? identify, int port)
    {
        (_target, _identify) = (target, identify);
        _listener = new TcpListener(IPAddress.Loopback, port);
        _listener.Start();
        Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        _accepting = AcceptAsync();
    }

    /// <summary>Where it listens.</summary>
    public int Port { get; }

    /// <summary>Connections accepted so far.</summary>
    public long Accepted => Interlocked.Read(ref _accepted);

    /// <summary>How often a fault met a connection or a chunk: the proof that it fired.</summary>
    public long Affected => Interlocked.Read(ref _affected);

    /// <summary>Connections open now, with their counters.</summary>
    public IReadOnlyCollection<ProxiedConnection> Open => [.. _open.Keys];

    /// <param name="target">Where connections go.</param>
    /// <param name="identify">Who is behind a client's port, for faults of one client; null when all are alike.</param>
    /// <param name="port">Where it listens; 0 takes a free port.</param>
    public static FaultProxy Start(IPEndPoint target, Func<int, string?>? identify = null, int port = 0) => new(target, identify, port);

    /// <summary>Replaces all faults; none heals.</summary>
    public void Set(params IReadOnlyList<ProxyFault> faults)
    {
        Volatile.Write(ref _faults, faults);
        foreach (var connection in _open.Keys)
            connection.FaultChanged();
    }

    /// <summary>Adds a fault to those in force, and takes those of the same client away.</summary>
    public void Put(ProxyFault fault) => Set([.. _faults.Where(other => other.Client != fault.Client), fault]);

    public async ValueTask DisposeAsync()
    {
        await _stopped.CancelAsync();
        _listener.Stop();
        foreach (var connection in _open.Keys)
            connection.Reset();
        await _accepting;
        _listener.Dispose();
        _stopped.Dispose();
    }

    internal ProxyFault FaultOf(string? client) => _faults.FirstOrDefault(fault => fault.Client is null || fault.Client == client) ?? ProxyFault.None;

    internal void CountAffected() => Interlocked.Increment(ref _affected);

    private async Task AcceptAsync()
    {
        while (!_stopped.IsCancellationRequested)
        {
            try
            {
                var client = await _listener.AcceptSocketAsync(_stopped.Token);
                Interlocked.Increment(ref _accepted);
                _ = ServeAsync(client);
            }
            catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                // Stopped, or the client gave up before it was accepted.
            }
        }
    }

    private async Task ServeAsync(Socket client)
    {
        var who = _identify?.Invoke(((IPEndPoint)client.RemoteEndPoint!).Port);
        using var connection = new ProxiedConnection(this, client, who);
        _open[connection] = true;
        try
        {
            await connection.RunAsync(_target, _stopped.Token);
        }
        finally
        {
            _open.TryRemove(connection, out _);
        }
    }
}
