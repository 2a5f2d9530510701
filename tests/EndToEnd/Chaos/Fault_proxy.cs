using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using PxBackup.Chaos.Network;
using Xunit;

namespace PxBackup.Tests.EndToEnd.Chaos;

/// <summary>The harness' own proxy: what it is trusted to do to connections.</summary>
public sealed class Fault_proxy : IAsyncLifetime
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(20), Silence = TimeSpan.FromMilliseconds(300);
    private readonly TcpListener _server = new(IPAddress.Loopback, 0);
    private readonly List<string> _heard = [];
    private readonly CancellationTokenSource _stopped = new();
    private FaultProxy _proxy = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync()
    {
        _server.Start();
        _ = EchoAsync();
        _proxy = FaultProxy.Start((IPEndPoint)_server.LocalEndpoint);
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await _stopped.CancelAsync();
        await _proxy.DisposeAsync();
        _server.Dispose();
        _stopped.Dispose();
    }

    [Fact]
    public async Task Without_a_fault_everything_passes_and_is_counted()
    {
        using var client = await ConnectAsync();

        Assert.Equal("hello", await AskAsync(client, "hello"));
        var open = Assert.Single(_proxy.Open);
        Assert.Equal((5, 5), (open.Up, open.Down));
        Assert.Equal(0, _proxy.Affected);
    }

    [Fact]
    public async Task A_lost_acknowledgement_reaches_the_server_and_ends_in_a_reset()
    {
        using var client = await ConnectAsync();
        Assert.Equal("before", await AskAsync(client, "before"));
        _proxy.Set(new ProxyFault(ProxyMode.DropReplies) { Delay = TimeSpan.FromMilliseconds(100) });

        await AssertResetAsync(client, "lost");

        await HeardAsync("lost");
        Assert.True(_proxy.Affected > 0);
    }

    [Fact]
    public async Task A_half_open_connection_is_silent_until_it_heals_and_loses_nothing()
    {
        using var client = await ConnectAsync();
        _proxy.Set(new ProxyFault(ProxyMode.HalfOpen));
        var answer = AskAsync(client, "later");
        await Task.WhenAny(answer, Task.Delay(Silence, Token));
        Assert.False(answer.IsCompleted);
        Assert.DoesNotContain("later", Heard);

        _proxy.Set();

        Assert.Equal("later", await answer);
    }

    [Fact]
    public async Task A_new_connection_is_accepted_by_a_half_open_proxy_and_served_when_it_heals()
    {
        _proxy.Set(new ProxyFault(ProxyMode.HalfOpen));
        using var client = await ConnectAsync();
        var answer = AskAsync(client, "patient");
        await Task.WhenAny(answer, Task.Delay(Silence, Token));
        Assert.False(answer.IsCompleted);

        _proxy.Set();

        Assert.Equal("patient", await answer);
    }

    [Fact]
    public async Task What_a_black_hole_swallowed_never_arrives_and_its_connection_does_not_go_on()
    {
        using var client = await ConnectAsync();
        Assert.Equal("before", await AskAsync(client, "before"));
        _proxy.Set(new ProxyFault(ProxyMode.Blackhole));
        await client.SendAsync("swallowed"u8.ToArray(), Token);
        await Task.Delay(Silence, Token);

        _proxy.Set();

        await AssertResetAsync(client, "");
        Assert.DoesNotContain("swallowed", Heard);
    }

    [Fact]
    public async Task A_reset_ends_open_connections_and_refuses_new_ones()
    {
        using var open = await ConnectAsync();
        Assert.Equal("before", await AskAsync(open, "before"));

        _proxy.Set(new ProxyFault(ProxyMode.Reset));

        await AssertResetAsync(open, "");
        await Assert.ThrowsAsync<SocketException>(async () =>
        {
            using var late = await ConnectAsync(); // Here already, or at its first word.
            Assert.Equal("", await AskAsync(late, "late"));
            throw new InvalidOperationException("the connection ended without a reset");
        });
        Assert.DoesNotContain("late", Heard);
    }

    [Fact]
    public async Task A_cut_lets_so_many_bytes_through_and_no_more()
    {
        using var client = await ConnectAsync();
        _proxy.Set(new ProxyFault(ProxyMode.CutAfter) { Bytes = 12 });

        Assert.Equal("123456", await AskAsync(client, "123456"));
        await AssertResetAsync(client, "more");
    }

    [Fact]
    public async Task A_delay_and_a_throttle_make_it_late()
    {
        using var client = await ConnectAsync();
        _proxy.Set(new ProxyFault(ProxyMode.Delay) { Delay = TimeSpan.FromMilliseconds(200) });
        var since = Stopwatch.StartNew();
        Assert.Equal("slow", await AskAsync(client, "slow"));
        Assert.InRange(since.Elapsed, TimeSpan.FromMilliseconds(380), Soon); // Both ways.

        _proxy.Set(new ProxyFault(ProxyMode.Throttle) { Bytes = 20 });
        since.Restart();
        Assert.Equal("throttled!", await AskAsync(client, "throttled!"));
        Assert.InRange(since.Elapsed, TimeSpan.FromMilliseconds(900), Soon); // Ten bytes each way at twenty a second.
    }

    [Fact]
    public async Task A_fault_of_one_client_spares_the_others()
    {
        var names = new Dictionary<int, string>();
        await using var proxy = FaultProxy.Start((IPEndPoint)_server.LocalEndpoint, port => names.GetValueOrDefault(port));
        using var sick = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        sick.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        names[((IPEndPoint)sick.LocalEndPoint!).Port] = "sick";
        await sick.ConnectAsync(IPAddress.Loopback, proxy.Port, Token);
        using var healthy = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await healthy.ConnectAsync(IPAddress.Loopback, proxy.Port, Token);
        Assert.Equal("one", await AskAsync(sick, "one"));

        proxy.Put(new ProxyFault(ProxyMode.Reset) { Client = "sick" });

        await AssertResetAsync(sick, "");
        Assert.Equal("two", await AskAsync(healthy, "two"));
    }

    [Fact]
    public async Task The_process_behind_a_connection_is_found()
    {
        using var client = await ConnectAsync();

        Assert.Equal(Environment.ProcessId, PortOwner.Of(((IPEndPoint)client.LocalEndPoint!).Port, [1, Environment.ProcessId]));
        Assert.Null(PortOwner.Of(((IPEndPoint)client.LocalEndPoint!).Port, [1]));
    }

    private List<string> Heard
    {
        get { lock (_heard) return [.. _heard]; }
    }

    private static async Task<string> AskAsync(Socket client, string text)
    {
        await client.SendAsync(Encoding.UTF8.GetBytes(text), Token);
        var (buffer, got) = (new byte[text.Length], 0);
        while (got < buffer.Length && await client.ReceiveAsync(buffer.AsMemory(got), Token) is > 0 and var count)
            got += count;
        return Encoding.UTF8.GetString(buffer, 0, got);
    }

    private static async Task AssertResetAsync(Socket client, string text)
    {
        var failure = await Assert.ThrowsAsync<SocketException>(async () =>
        {
            if (text.Length > 0)
                await client.SendAsync(Encoding.UTF8.GetBytes(text), Token);
            await client.ReceiveAsync(new byte[1], Token).AsTask().WaitAsync(Soon, Token);
        });
        Assert.True(failure.SocketErrorCode is SocketError.ConnectionReset or SocketError.Shutdown, $"{failure.SocketErrorCode}");
    }

    private async Task HeardAsync(string text) => await Wait.UntilAsync(() => Heard, heard => heard.Contains(text), $"the server heard {text}", Soon);

    private async Task<Socket> ConnectAsync()
    {
        var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await client.ConnectAsync(IPAddress.Loopback, _proxy.Port, Token);
        return client;
    }

    private async Task EchoAsync()
    {
        while (!_stopped.IsCancellationRequested)
        {
            try
            {
                _ = EchoAsync(await _server.AcceptSocketAsync(_stopped.Token));
            }
            catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private async Task EchoAsync(Socket client)
    {
        using var _ = client;
        var buffer = new byte[1024];
        try
        {
            while (await client.ReceiveAsync(buffer, _stopped.Token) is > 0 and var count)
            {
                lock (_heard) _heard.Add(Encoding.UTF8.GetString(buffer, 0, count));
                await client.SendAsync(buffer.AsMemory(0, count), _stopped.Token);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException)
        {
            // Reset by the proxy, or the test is over.
        }
    }
}
