using System.Diagnostics;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans;
using Orleans.Configuration;
using Orleans.Hosting;
using Orleans.Runtime;
using PxBackup.Silo;
using PxBackup.Silo.Transport;
using PxBackup.Tests.Adapters.Persistence;
using Xunit;

namespace PxBackup.Tests.Adapters.Transport;

/// <summary>What somebody on the machine, or on the network, finds at the ports between silos and gateways.</summary>
public sealed class TransportTests : IAsyncLifetime
{
    private const string Cluster = "transport-tests";
    private static readonly TimeSpan Handshake = TimeSpan.FromSeconds(1.5);
    private readonly TemporaryDirectory directory = new();
    private readonly List<IHost> hosts = [];
    private readonly int siloPort = FreePort(), clientPort = FreePort();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private TransportOptions Right => new() { Directory = Path.Combine(directory.Path, "secrets"), Keys = null, HandshakeTimeout = Handshake, MaxHandshakes = 4 };

    private static TransportOptions Wrong => new() { Keys = Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)), HandshakeTimeout = Handshake };

    public async ValueTask InitializeAsync() => await StartSiloAsync(siloPort, clientPort, Right);

    public async ValueTask DisposeAsync()
    {
        hosts.Reverse();
        foreach (var host in hosts)
        {
            await host.StopAsync(CancellationToken.None);
            host.Dispose();
        }

        directory.Dispose();
    }

    [Fact]
    public async Task Who_holds_the_key_joins_as_a_silo_and_as_a_gateway()
    {
        await StartSiloAsync(FreePort(), FreePort(), Right, new IPEndPoint(IPAddress.Loopback, siloPort));
        var client = await StartClientAsync(transport => transport.UseTransport(Right));

        Assert.Equal(2, await SilosAsync(client));
    }

    [Fact]
    public async Task A_client_without_the_key_cannot_connect()
    {
        var refused = await Assert.ThrowsAnyAsync<Exception>(() => StartClientAsync(_ => { }));

        Assert.IsNotType<OperationCanceledException>(refused);
        Assert.Equal(1, await SilosAsync(await StartClientAsync(transport => transport.UseTransport(Right))));
    }

    [Fact]
    public async Task A_client_with_another_key_cannot_connect() =>
        await Assert.ThrowsAnyAsync<Exception>(() => StartClientAsync(transport => transport.UseTransport(Wrong)));

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public async Task TLS_alone_opens_nothing(bool toSilos, bool withCertificate)
    {
        using var other = new TransportKey(RandomNumberGenerator.GetBytes(32));
        using var socket = new TcpClient();
        await socket.ConnectAsync(IPAddress.Loopback, toSilos ? siloPort : clientPort, Stop);
        await using var tls = new SslStream(socket.GetStream(), leaveInnerStreamOpen: false, (_, certificate, _, _) => certificate is not null);

        var outcome = await Record.ExceptionAsync(async () =>
        {
            await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = "pxbackup", ClientCertificates = withCertificate ? new X509CertificateCollection { other.Certificate } : null }, Stop);
            // Orleans' side speaks first; what comes is an end, never a byte.
            await tls.WriteAsync(new byte[64], Stop);
            if (await tls.ReadAsync(new byte[1], Stop) == 0)
                throw new IOException("ended");
        });

        Assert.True(outcome is IOException or System.Security.Authentication.AuthenticationException, $"{outcome}");
    }

    [Theory]
    [InlineData(false, "")]
    [InlineData(true, "")]
    [InlineData(false, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")]
    [InlineData(true, "\u0000\u0001\u0000\u0000 this is no handshake at all")]
    [InlineData(false, "\u0016\u0003\u0001\u0002\u0000\u0001")]
    public async Task Garbage_half_a_handshake_and_silence_are_ended_in_time(bool toSilos, string text)
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync(IPAddress.Loopback, toSilos ? siloPort : clientPort, Stop);
        await socket.GetStream().WriteAsync(System.Text.Encoding.Latin1.GetBytes(text), Stop);

        var took = await EndAsync(socket);

        Assert.InRange(took.TotalSeconds, 0, Handshake.TotalSeconds + 5);
    }

    [Fact]
    public async Task Handshakes_are_bounded_in_number_and_honest_ones_come_through_afterwards()
    {
        var sockets = new List<TcpClient>();
        for (var i = 0; i < 40; i++)
        {
            sockets.Add(new TcpClient());
            await sockets[^1].ConnectAsync(IPAddress.Loopback, clientPort, Stop);
        }

        var ends = await Task.WhenAll(sockets.Select(EndAsync));

        Assert.InRange(hosts[0].Services.GetRequiredService<TransportGuard>().Limit.Underway, 0, 4);
        Assert.InRange(ends.Count(took => took > Handshake / 2), 0, 8);
        Assert.Equal(1, await SilosAsync(await StartClientAsync(transport => transport.UseTransport(Right))));
        sockets.ForEach(socket => socket.Dispose());
    }

    [Fact]
    public void The_key_file_is_private_and_what_is_wrong_with_it_is_said_with_the_cure()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "file modes are Unix'");
        var file = Path.Combine(Right.Directory, "transport-key");
#pragma warning disable CA1416 // Skipped above.
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        Assert.Contains("secrets folder of a silo", Assert.Throws<StartException>(() => TransportKeys.Open(new() { Directory = Path.Combine(directory.Path, "elsewhere"), Keys = null }, mayMake: false)).Message);
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherRead);
        Assert.Contains($"chmod 600 '{file}'", Assert.ThrowsAny<Exception>(() => TransportKeys.Open(Right, mayMake: true)).Message);
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
#pragma warning restore CA1416
        File.WriteAllText(file, "AAAA");
        Assert.Contains("openssl rand -base64 32", Assert.Throws<StartException>(() => TransportKeys.Open(Right, mayMake: true)).Message);
    }

    [Fact]
    public void The_same_secret_makes_the_same_key_and_another_one_another()
    {
        var secret = RandomNumberGenerator.GetBytes(32);
        using var one = new TransportKey(secret);
        using var again = new TransportKey(secret);
        secret[31] ^= 1;
        using var other = new TransportKey(secret);

        Assert.True(one.IsOf(again.Certificate));
        Assert.False(one.IsOf(other.Certificate));
        Assert.Equal(one.Id, again.Id);
        Assert.NotEqual(one.Id, other.Id);
    }

    [Fact]
    public async Task Keys_are_exchanged_process_by_process()
    {
        var (old, next) = (Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)), Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)));
        var (silo, client) = (FreePort(), FreePort());
        await StartSiloAsync(silo, client, new() { Keys = $"{old},{next}" });

        var connected = await StartClientAsync(transport => transport.UseTransport(new TransportOptions { Keys = $"{next},{old}" }), client);

        Assert.Equal(1, await SilosAsync(connected));
    }

    private static async Task<int> SilosAsync(IClusterClient client) =>
        (await client.GetGrain<IManagementGrain>(0).GetHosts(onlyActive: true)).Count;

    private static async Task<TimeSpan> EndAsync(TcpClient socket)
    {
        var since = Stopwatch.StartNew();
        try
        {
            while (await socket.GetStream().ReadAsync(new byte[256], Stop) > 0)
            {
                // An alert before the end.
            }
        }
        catch (IOException)
        {
            // Cut.
        }

        return since.Elapsed;
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private async Task StartSiloAsync(int silo, int client, TransportOptions options, IPEndPoint? first = null)
    {
        var host = new HostBuilder().UseOrleans(builder =>
        {
            builder.UseLocalhostClustering(silo, client, first, Cluster, Cluster);
            builder.UseTransport(options, mayMakeKey: true);
        }).Build();
        hosts.Add(host);
        await host.StartAsync(Stop);
    }

    private async Task<IClusterClient> StartClientAsync(Action<IClientBuilder> transport, int? port = null)
    {
        var host = new HostBuilder().UseOrleansClient(client =>
        {
            client.UseStaticClustering(new IPEndPoint(IPAddress.Loopback, port ?? clientPort));
            client.Configure<ClusterOptions>(cluster => (cluster.ClusterId, cluster.ServiceId) = (Cluster, Cluster));
            client.Configure<ClientMessagingOptions>(messaging => messaging.ResponseTimeout = TimeSpan.FromSeconds(20));
            transport(client);
        }).Build();
        try
        {
            await host.StartAsync(Stop);
        }
        catch
        {
            host.Dispose();
            throw;
        }

        hosts.Add(host);
        return host.Services.GetRequiredService<IClusterClient>();
    }
}
