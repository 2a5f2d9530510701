using System.Net;
using System.Net.Sockets;

namespace PxBackup.Chaos.Network;

/// <summary>One connection through a proxy: two directions, each feels the fault of the moment.</summary>
internal sealed class ProxiedConnection(FaultProxy proxy, Socket client, string? who) : IDisposable
{
    private const int ChunkBytes = 32 * 1024;
    private static readonly LingerOption ResetOnClose = new(enable: true, seconds: 0);
    private readonly Socket _server = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private readonly CancellationTokenSource _ended = new();
    private volatile TaskCompletionSource _changed = New();
    private volatile bool _lost;
    private long _up;
    private long _down;
    private long _cutAt = -1;
    private int _reset;

    /// <summary>Bytes from the client to the server.</summary>
    public long Up => Interlocked.Read(ref _up);

    /// <summary>Bytes from the server to the client.</summary>
    public long Down => Interlocked.Read(ref _down);

    /// <summary>Who is at the other end; null when nobody asked.</summary>
    public string? Who => who;

    public async Task RunAsync(IPEndPoint target, CancellationToken stopped)
    {
        using var stop = stopped.Register(Reset);
        client.NoDelay = true;
        try
        {
            if (!await MeetAsync())
                return;
            await _server.ConnectAsync(target, _ended.Token);
            await Task.WhenAll(PumpAsync(client, _server, isReply: false), PumpAsync(_server, client, isReply: true));
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // The server is not there, or the connection was reset.
        }
        finally
        {
            Reset();
        }
    }

    /// <summary>The proxy's faults are others now.</summary>
    public void FaultChanged()
    {
        Interlocked.Exchange(ref _cutAt, -1);
        var fault = proxy.FaultOf(who);
        if (fault.Mode == ProxyMode.Reset || (_lost && fault.Mode is not (ProxyMode.Blackhole or ProxyMode.DropReplies)))
        {
            proxy.CountAffected();
            Reset(); // What lost a part cannot go on as if nothing had been.
        }

        Interlocked.Exchange(ref _changed, New()).TrySetResult();
    }

    public void Dispose()
    {
        Reset();
        client.Dispose();
        _server.Dispose();
        _ended.Dispose();
    }

    /// <summary>Ends both sides with RST.</summary>
    public void Reset()
    {
        if (Interlocked.Exchange(ref _reset, 1) == 1)
            return;
        foreach (var socket in (Socket[])[client, _server])
        {
            try
            {
                socket.LingerState = ResetOnClose;
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // Closed by the other side.
            }
        }

        // Only now: whoever wakes up disposes of the sockets, too, and without the above that would be an orderly end.
        _ended.Cancel();
        client.Dispose();
        _server.Dispose();
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    // A new connection meets the fault before the server hears of it.
    private async Task<bool> MeetAsync()
    {
        while (proxy.FaultOf(who) is { Mode: ProxyMode.Reset or ProxyMode.HalfOpen or ProxyMode.Blackhole } fault)
        {
            proxy.CountAffected();
            if (fault.Mode == ProxyMode.Reset)
                return false;
            _lost |= fault.Mode == ProxyMode.Blackhole;
            await ChangeAsync(() => proxy.FaultOf(who).Mode != fault.Mode);
        }

        return !_ended.IsCancellationRequested;
    }

    private async Task PumpAsync(Socket from, Socket to, bool isReply)
    {
        var buffer = new byte[ChunkBytes];
        try
        {
            while (await from.ReceiveAsync(buffer, SocketFlags.None, _ended.Token) is > 0 and var count)
            {
                if (!await AllowAsync(count, isReply))
                    continue;
                for (var sent = 0; sent < count;)
                    sent += await to.SendAsync(buffer.AsMemory(sent, count - sent), SocketFlags.None, _ended.Token);
                Interlocked.Add(ref isReply ? ref _down : ref _up, count);
            }

            to.Shutdown(SocketShutdown.Send);
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            Reset();
        }
    }

    /// <summary>Waits as the fault wants; false when the chunk is lost.</summary>
    private async Task<bool> AllowAsync(int count, bool isReply)
    {
        var fault = proxy.FaultOf(who);
        if (fault.Mode == ProxyMode.Pass)
            return true;
        switch (fault.Mode)
        {
            case ProxyMode.Delay:
                proxy.CountAffected();
                await Task.Delay(fault.Delay + (fault.Jitter * ((Random.Shared.NextDouble() * 2) - 1)), _ended.Token);
                return true;
            case ProxyMode.Throttle:
                proxy.CountAffected();
                await Task.Delay(TimeSpan.FromSeconds((double)count / Math.Max(1, fault.Bytes)), _ended.Token);
                return true;
            case ProxyMode.CutAfter:
                Interlocked.CompareExchange(ref _cutAt, Up + Down + fault.Bytes, -1);
                if (Up + Down + count <= Interlocked.Read(ref _cutAt))
                    return true;
                proxy.CountAffected();
                Reset();
                return false;
            case ProxyMode.HalfOpen:
                proxy.CountAffected();
                await ChangeAsync(() => proxy.FaultOf(who).Mode != ProxyMode.HalfOpen);
                return await AllowAsync(count, isReply);
            case ProxyMode.Blackhole:
                _lost = true;
                proxy.CountAffected();
                return false;
            case ProxyMode.DropReplies when isReply:
                if (!_lost)
                    _ = ResetLaterAsync(fault.Delay);
                _lost = true;
                proxy.CountAffected();
                return false;
            case ProxyMode.Reset:
                proxy.CountAffected();
                Reset();
                return false;
            default:
                return true;
        }
    }

    private async Task ResetLaterAsync(TimeSpan after)
    {
        await Task.WhenAny(Task.Delay(after, _ended.Token));
        Reset();
    }

    private async Task ChangeAsync(Func<bool> isOther)
    {
        while (true)
        {
            var changed = _changed.Task;
            if (isOther())
                return;
            await changed.WaitAsync(_ended.Token);
        }
    }
}
