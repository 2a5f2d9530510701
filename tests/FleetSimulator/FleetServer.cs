using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using PxBackup.FleetSimulator.Control;
using PxBackup.FleetSimulator.Faults;
using PxBackup.FleetSimulator.Kubernetes;

namespace PxBackup.FleetSimulator;

/// <summary>The one HTTP server of a fleet. The address that a client connected to says which cluster it means.</summary>
internal static class FleetServer
{
    private const int SolSocket = 1;
    private const int SoBindToDevice = 25;
    private static readonly List<SslApplicationProtocol> Protocols = [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11];

    public static WebApplication Build(SimulatedFleet fleet, int port, int? controlPort)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        // Only what nobody expected; standard output belongs to the line that Program writes.
        builder.Logging.AddConsole(console => console.LogToStandardErrorThreshold = LogLevel.Trace).SetMinimumLevel(LogLevel.Warning);
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().UseSockets(sockets => sockets.CreateBoundListenSocket = Loopback);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MinResponseDataRate = null;      // A watch may be silent for minutes.
            kestrel.Limits.MinRequestBodyDataRate = null;
            kestrel.Limits.MaxRequestBodySize = null;       // The API server answers 413 itself, with a Status.
            kestrel.Limits.Http2.MaxStreamsPerConnection = 250;
            kestrel.Listen(IPAddress.Any, port, listen => Tls(listen, fleet));
            if (controlPort is { } control) kestrel.Listen(IPAddress.Loopback, control, listen => listen.Protocols = HttpProtocols.Http1);
        });
        var app = builder.Build();
        app.Run(http => ServeAsync(http, fleet));
        return app;
    }

    /// <summary>The ports that a started server got.</summary>
    public static (int Port, Uri? Control) Bound(WebApplication app)
    {
        var addresses = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Select(a => new Uri(a.Replace("[::]", "127.0.0.1", StringComparison.Ordinal))).ToList();
        return (addresses.Single(a => a.Scheme == "https").Port, addresses.SingleOrDefault(a => a.Scheme == "http"));
    }

    private static async Task ServeAsync(HttpContext http, SimulatedFleet fleet)
    {
        try
        {
            if (!http.Request.IsHttps) await ControlApi.ServeAsync(http, fleet);
            else if (fleet.At(http.Connection.LocalIpAddress!) is { } cluster) await RequestFaults.ServeAsync(http, cluster);
            else http.Abort();
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            // The client left; there is nobody to answer.
        }
    }

    private static void Tls(ListenOptions listen, SimulatedFleet fleet)
    {
        listen.Protocols = HttpProtocols.Http1AndHttp2;
        listen.Use(next => connection => MeetAsync(connection, fleet, next));
        listen.UseHttps(new TlsHandshakeCallbackOptions
        {
            HandshakeTimeout = TimeSpan.FromMinutes(1),   // Thousands of clients connect at once on a busy machine.
            OnConnection = context => ValueTask.FromResult(new SslServerAuthenticationOptions
            {
                ServerCertificateContext = ClusterOf(context.Connection, fleet)!.Certificates.Server,
                ApplicationProtocols = Protocols,
                // As kube-apiserver: asks for a certificate, lets anybody in and decides by request (Authentication), so that a wrong one gets 401.
                ClientCertificateRequired = true,
#pragma warning disable CA5359
                RemoteCertificateValidationCallback = static (_, _, _, _) => true,
#pragma warning restore CA5359
            }),
        });
    }

    /// <summary>Before TLS: unknown addresses and refusing clusters get no word, silent ones are kept waiting.</summary>
    private static async Task MeetAsync(ConnectionContext connection, SimulatedFleet fleet, ConnectionDelegate next)
    {
        if (ClusterOf(connection, fleet) is not { } cluster || cluster.Faults.Mode == ApiServerMode.Refusing)
        {
            connection.Abort();
            return;
        }

        void Cut() => connection.Abort();
        cluster.Faults.ConnectionsCut += Cut;
        try
        {
            if (cluster.Faults.Mode == ApiServerMode.Silent) await cluster.Faults.UntilUp().WaitAsync(connection.ConnectionClosed);
            await next(connection);
        }
        catch (OperationCanceledException) when (connection.ConnectionClosed.IsCancellationRequested)
        {
            // Went away while it was kept waiting.
        }
        finally
        {
            cluster.Faults.ConnectionsCut -= Cut;
        }
    }

    private static SimulatedCluster? ClusterOf(BaseConnectionContext connection, SimulatedFleet fleet) =>
        connection.LocalEndPoint is IPEndPoint local ? fleet.At(local.Address) : null;

    /// <summary>Bound to every address, but of the loopback device only: nothing outside the machine can connect.</summary>
    private static Socket Loopback(EndPoint endpoint)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        if (OperatingSystem.IsLinux() && endpoint is IPEndPoint { Address: var address } && address.Equals(IPAddress.Any)) socket.SetRawSocketOption(SolSocket, SoBindToDevice, "lo\0"u8);
        socket.Bind(endpoint);
        return socket;
    }
}
