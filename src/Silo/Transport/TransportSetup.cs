using System.ComponentModel.DataAnnotations;
using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Orleans.Configuration;
using Orleans.Connections.Security;

namespace PxBackup.Silo.Transport;

/// <summary>How the processes of an installation are connected: not at all, or by TLS with a proof from both sides (ADR 28).</summary>
internal static class TransportSetup
{
    /// <summary>
    /// One process is the whole cluster: its grains and its clients call each other in memory, and nothing listens. Orleans' own listeners and
    /// connectors are replaced under the keys by which it asks for them.
    /// </summary>
    public static void UseNoConnections(this ISiloBuilder silo)
    {
        Replace<IConnectionListenerFactory>(silo.Services, new NoConnections());
        Replace<IConnectionFactory>(silo.Services, new NoConnections());

        static void Replace<T>(IServiceCollection services, T instance)
            where T : class
        {
            var keys = services.Where(service => service.IsKeyedService && service.ServiceType == typeof(T)).Select(service => service.ServiceKey).Distinct().ToList();
            if (keys.Count == 0)
                throw new InvalidOperationException($"this version of Orleans registers its {typeof(T).Name} otherwise: nothing may listen unprotected");
            foreach (var key in keys)
            {
                services.RemoveAllKeyed<T>(key);
                services.AddKeyedSingleton(key, instance);
            }
        }
    }

    /// <summary>Protects what the silo listens on and what it connects to.</summary>
    /// <exception cref="StartException">Plain text that other machines would reach.</exception>
    public static void UseTransport(this ISiloBuilder silo, IConfiguration configuration)
    {
        var options = OptionsOf(configuration);
        var address = configuration.Read<SiloOptions>(SiloOptions.Section).Address;
        if (options.Security == TransportSecurity.None && !options.Insecure && IPAddress.TryParse(address, out var reached) && !IPAddress.IsLoopback(reached))
            throw new StartException($"Silo:Address is {address}, which other machines reach, and Transport:Security is None, so that all of them could act as the control plane: leave it at Tls, or say --insecure (Transport:Insecure=true) if nobody else can reach it");
        if (options.Security == TransportSecurity.Tls)
            silo.UseTransport(options, mayMakeKey: true);
    }

    /// <summary>Protects what a gateway connects to.</summary>
    public static void UseTransport(this IClientBuilder client, IConfiguration configuration)
    {
        var options = OptionsOf(configuration);
        if (options.Security == TransportSecurity.Tls)
            client.UseTransport(options);
    }

    internal static void UseTransport(this ISiloBuilder silo, TransportOptions options, bool mayMakeKey)
    {
        silo.Services.AddGuard(options, mayMakeKey);
        silo.Services.AddOptions<SiloConnectionOptions>().Configure<TransportGuard>((connections, guard) =>
        {
            connections.ConfigureSiloInboundConnection(guard.Accept);
            connections.ConfigureGatewayInboundConnection(guard.Accept);
            connections.ConfigureSiloOutboundConnection(guard.Connect);
        });
    }

    internal static void UseTransport(this IClientBuilder client, TransportOptions options)
    {
        client.Services.AddGuard(options, mayMakeKey: false);
        client.Services.AddOptions<ClientConnectionOptions>().Configure<TransportGuard>((connections, guard) => connections.ConfigureConnection(guard.Connect));
    }

    private static void AddGuard(this IServiceCollection services, TransportOptions options, bool mayMakeKey)
    {
        // Made when first asked for: the store goes first.
        services.AddSingleton(_ => TransportKeys.Open(options, mayMakeKey));
        services.AddSingleton(provider => new TransportGuard(
            provider.GetRequiredService<TransportKeys>(), options, provider.GetRequiredService<ILoggerFactory>().CreateLogger<TransportGuard>()));
    }

    private static TransportOptions OptionsOf(IConfiguration configuration)
    {
        var options = configuration.Read<TransportOptions>(TransportOptions.Section);
        Validator.ValidateObject(options, new ValidationContext(options), validateAllProperties: true);
        return options;
    }
}

/// <summary>TLS 1.3 where both sides show the installation's key.</summary>
internal sealed partial class TransportGuard(TransportKeys keys, TransportOptions options, ILogger logger)
{
    // A name is needed for the handshake; what counts is the key.
    private const string Name = "pxbackup";
    private long strangers;

    /// <summary>The slots of connections that have not proven themselves yet.</summary>
    public HandshakeLimit Limit { get; } = new(options.MaxHandshakes, logger);

    /// <summary>Puts the handshake before every accepted connection's first byte.</summary>
    public void Accept(IConnectionBuilder builder)
    {
        builder.Use(Limit.Enter);
        builder.UseServerTls(Tls());
        builder.Use(Limit.Pass);
    }

    /// <summary>Puts the handshake before every own connection's first byte.</summary>
    public void Connect(IConnectionBuilder builder) => builder.UseClientTls(Tls());

    private TlsOptions Tls() => new()
    {
        LocalCertificate = keys.Current.Certificate,
        RemoteCertificateMode = RemoteCertificateMode.RequireCertificate,
        ClientCertificateMode = RemoteCertificateMode.RequireCertificate,
        RemoteCertificateValidation = (certificate, _, _) => IsKnown(certificate),
        SslProtocols = SslProtocols.Tls13,
        HandshakeTimeout = options.HandshakeTimeout,
        OnAuthenticateAsServer = (_, server) =>
        {
            // Every connection proves itself anew.
            ((SslServerAuthenticationOptions)server.SslServerAuthenticationOptions).AllowTlsResume = false;
        },
        OnAuthenticateAsClient = (_, client) =>
        {
            client.TargetHost = Name;
            ((SslClientAuthenticationOptions)client.SslClientAuthenticationOptions).AllowTlsResume = false;
        },
    };

    private bool IsKnown(X509Certificate2? certificate)
    {
        if (keys.Know(certificate))
            return true;
        if (Interlocked.Increment(ref strangers) is var times && (times & (times - 1)) == 0)
            LogStranger(logger, keys.Current.Id, times);
        return false;
    }

    [LoggerMessage(LogLevel.Warning, "A connection between silos and gateways was refused: its other end does not hold the installation's transport key {Key} ({Times} so far). A process of this installation needs the same transport-key file or PXBACKUP_TRANSPORT_KEY")]
    private static partial void LogStranger(ILogger logger, string key, long times);
}
