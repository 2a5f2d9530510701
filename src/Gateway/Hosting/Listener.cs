using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.Options;

namespace PxBackup.Gateway.Hosting;

/// <summary>Marks every connection with the port it came by, whatever number that port has (or a proxy shows in <c>Host</c>).</summary>
internal sealed class Listener
{
    public static readonly Listener Rest = new();

    public static readonly Listener Grpc = new();

    /// <summary>The request came by the gRPC port.</summary>
    public static bool IsGrpc(HttpContext context) => ReferenceEquals(context.Features.Get<Listener>(), Grpc);

    public ConnectionDelegate Mark(ConnectionDelegate next) => connection =>
    {
        connection.Features.Set(this);
        return next(connection);
    };
}

/// <summary>Makes Kestrel listen: REST on one port (HTTP/1.1, and HTTP/2 over TLS), gRPC on the other (HTTP/2 only).</summary>
internal sealed class KestrelSetup(IOptions<GatewayOptions> options) : IConfigureOptions<KestrelServerOptions>
{
    public void Configure(KestrelServerOptions kestrel)
    {
        var gateway = options.Value;
        var certificate = ServerCertificate.Load(gateway);
        kestrel.AddServerHeader = false;
        Limit(kestrel.Limits, gateway);
        Listen(kestrel, gateway, gateway.RestPort, HttpProtocols.Http1AndHttp2, Listener.Rest, certificate);
        Listen(kestrel, gateway, gateway.GrpcPort, HttpProtocols.Http2, Listener.Grpc, certificate);
    }

    private static void Limit(KestrelServerLimits limits, GatewayOptions gateway)
    {
        limits.MaxConcurrentConnections = gateway.MaxConnections;
        limits.MaxConcurrentUpgradedConnections = 0;
        // The services' own limit answers in words. Up to here what is left of a larger body is still taken in, so that the client gets
        // to read that answer; above it the connection is cut.
        limits.MaxRequestBodySize = 8L * gateway.MaxMessageBytes;
        // What lies unread of one connection; Kestrel's own 1 MiB is for servers with few of them.
        limits.MaxRequestBufferSize = 128 * 1024;
        // Twice what RequestHeadLimit bears: beyond these the server answers without a word.
        limits.MaxRequestHeadersTotalSize = 2 * RequestHeadLimit.MaxHeaderBytes;
        limits.MaxRequestHeaderCount = 2 * RequestHeadLimit.MaxHeaders;
        limits.MaxRequestLineSize = 2 * RequestHeadLimit.MaxTarget;
        limits.RequestHeadersTimeout = gateway.HeadersTimeout;
        limits.KeepAliveTimeout = gateway.KeepAliveTimeout;
        // Slower than a modem is not a client but an attack (Kestrel's own figures, made explicit).
        limits.MinRequestBodyDataRate = new MinDataRate(bytesPerSecond: 240, gracePeriod: TimeSpan.FromSeconds(5));
        limits.MinResponseDataRate = new MinDataRate(bytesPerSecond: 240, gracePeriod: TimeSpan.FromSeconds(5));
        limits.Http2.MaxStreamsPerConnection = gateway.MaxStreamsPerConnection;
        limits.Http2.MaxRequestHeaderFieldSize = 20 * 1024; // the longest token with its scheme
        // Finds connections whose client vanished without a word.
        limits.Http2.KeepAlivePingDelay = TimeSpan.FromSeconds(60);
        limits.Http2.KeepAlivePingTimeout = TimeSpan.FromSeconds(20);
    }

    private static void Listen(
        KestrelServerOptions kestrel, GatewayOptions gateway, int port, HttpProtocols protocols, Listener listener, ServerCertificate? certificate)
    {
        gateway.TryGetAddress(out var address);
        if (address is null)
            kestrel.ListenAnyIP(port, Set);
        else
            kestrel.Listen(address, port, Set);

        void Set(ListenOptions listen)
        {
            // HTTP/2 without TLS cannot be negotiated; asking for it beside HTTP/1.1 would only be logged as a mistake.
            listen.Protocols = certificate is null && protocols == HttpProtocols.Http1AndHttp2 ? HttpProtocols.Http1 : protocols;
            if (certificate is not null)
                listen.UseHttps(new HttpsConnectionAdapterOptions { ServerCertificate = certificate.Certificate, ServerCertificateChain = certificate.Chain });
            listen.Use(listener.Mark);
        }
    }
}
