using System.ComponentModel.DataAnnotations;
using System.Net;
using Microsoft.Extensions.Options;

namespace PxBackup.Gateway.Hosting;

/// <summary>Where the edge listens and what it bears. Section <c>Gateway</c>.</summary>
public sealed class GatewayOptions
{
    /// <summary>The section's name.</summary>
    public const string Section = "Gateway";

    /// <summary>Address to listen on: an IP address, <c>localhost</c>, or <c>*</c> for all. Loopback unless said otherwise: opening an installation to a network is a decision.</summary>
    [Required]
    public string Bind { get; set; } = "127.0.0.1";

    /// <summary>Port of the REST form, sign-in, metrics and probes (published default 10001); 0 takes a free one.</summary>
    [Range(0, 65535)]
    public int RestPort { get; set; } = 10001;

    /// <summary>Port of gRPC (published default 10002); 0 takes a free one.</summary>
    [Range(0, 65535)]
    public int GrpcPort { get; set; } = 10002;

    /// <summary>PEM file with the server's certificate and its intermediates; both ports speak TLS then. Empty: plain text.</summary>
    public string CertificateFile { get; set; } = "";

    /// <summary>PEM file with the certificate's private key, unencrypted; empty: it stands in <see cref="CertificateFile"/>.</summary>
    public string KeyFile { get; set; } = "";

    /// <summary>
    /// Other machines may reach both ports in plain text, passwords and tokens included, because something in front of them speaks TLS. Without this word
    /// an address beyond loopback needs a certificate.
    /// </summary>
    public bool Insecure { get; set; }

    /// <summary>Whether gRPC tells who asks which services and messages there are (server reflection, without sign-in). They are published; closed where not even that is to be told.</summary>
    public bool Reflection { get; set; } = true;

    /// <summary>Largest request in bytes, by gRPC and by REST. 4 MiB: gRPC's own default, known to every client.</summary>
    [Range(64 * 1024, 64 * 1024 * 1024)]
    public int MaxMessageBytes { get; set; } = 4 * 1024 * 1024;

    /// <summary>Calls at once on one HTTP/2 connection (stated limit 100).</summary>
    [Range(1, 10_000)]
    public int MaxStreamsPerConnection { get; set; } = 100;

    /// <summary>Connections at once on both ports together; more are closed on arrival. An idle one costs some 10 KiB, so 20,000 stay below 256 MiB.</summary>
    [Range(10, 1_000_000)]
    public int MaxConnections { get; set; } = 20_000;

    /// <summary>Time for a request's headers to arrive. 10 s: slow clients must not hold connections open (Kestrel's own default is 30 s).</summary>
    public TimeSpan HeadersTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Time without any request after which a connection is closed. 130 s: longer than the 120 s that load balancers commonly keep theirs.</summary>
    public TimeSpan KeepAliveTimeout { get; set; } = TimeSpan.FromSeconds(130);

    /// <summary>Time for a request's body to arrive. 1 min: the largest one at 70 KiB/s.</summary>
    public TimeSpan BodyTimeout { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>Bytes of requests held at once, of all callers together. 128 MiB: decoded they are a few times that, and 768 MiB must do.</summary>
    [Range(1024 * 1024, 64L * 1024 * 1024 * 1024)]
    public long MaxBodyBytesAtOnce { get; set; } = 128 * 1024 * 1024;

    /// <summary>Bytes of requests held at once, of one caller. A quarter of all: one who floods leaves room for others.</summary>
    [Range(1024 * 1024, 64L * 1024 * 1024 * 1024)]
    public long MaxBodyBytesOfCaller { get; set; } = 32 * 1024 * 1024;

    /// <summary>The address as Kestrel takes it; null stands for all.</summary>
    internal bool TryGetAddress(out IPAddress? address)
    {
        address = null;
        if (Bind == "*")
            return true;
        if (Bind == "localhost")
            address = IPAddress.Loopback;
        return address is not null || IPAddress.TryParse(Bind, out address);
    }
}

/// <summary>Refuses a start with settings that cannot work.</summary>
[OptionsValidator]
internal sealed partial class GatewayOptionsAttributes : IValidateOptions<GatewayOptions>;

/// <summary>What attributes cannot say; each message names the setting and the cure.</summary>
internal sealed class GatewayOptionsRules : IValidateOptions<GatewayOptions>
{
    public ValidateOptionsResult Validate(string? name, GatewayOptions options)
    {
        var faults = new List<string>();
        if (!options.TryGetAddress(out _))
            faults.Add($"Gateway:Bind is '{options.Bind}', it must be an IP address, localhost, or * for all addresses");
        else if (options.CertificateFile.Length == 0 && !options.Insecure && (options.Bind == "*" || (IPAddress.TryParse(options.Bind, out var bound) && !IPAddress.IsLoopback(bound))))
            faults.Add($"Gateway:Bind is '{options.Bind}', which other machines reach, and there is no certificate, so that passwords and tokens would travel in clear: give --certificate FILE --key FILE, or say --insecure (Gateway:Insecure=true) if what stands in front, such as an ingress, speaks TLS");
        if (options.RestPort != 0 && options.RestPort == options.GrpcPort)
            faults.Add($"Gateway:RestPort and Gateway:GrpcPort are both {options.RestPort}: give each its own");
        if (options.KeyFile.Length > 0 && options.CertificateFile.Length == 0)
            faults.Add("Gateway:KeyFile is set without Gateway:CertificateFile: a key alone does not make TLS");
        if (options.HeadersTimeout < TimeSpan.FromSeconds(1) || options.HeadersTimeout > TimeSpan.FromMinutes(5))
            faults.Add($"Gateway:HeadersTimeout is {options.HeadersTimeout}, it must be 1 second to 5 minutes");
        if (options.KeepAliveTimeout < TimeSpan.FromSeconds(1) || options.KeepAliveTimeout > TimeSpan.FromHours(1))
            faults.Add($"Gateway:KeepAliveTimeout is {options.KeepAliveTimeout}, it must be 1 second to 1 hour");
        if (options.BodyTimeout < TimeSpan.FromSeconds(1) || options.BodyTimeout > TimeSpan.FromHours(1))
            faults.Add($"Gateway:BodyTimeout is {options.BodyTimeout}, it must be 1 second to 1 hour");
        if (options.MaxBodyBytesOfCaller < 2L * options.MaxMessageBytes)
            faults.Add($"Gateway:MaxBodyBytesOfCaller is {options.MaxBodyBytesOfCaller}, it must be at least twice Gateway:MaxMessageBytes, {options.MaxMessageBytes}");
        if (options.MaxBodyBytesAtOnce < options.MaxBodyBytesOfCaller)
            faults.Add($"Gateway:MaxBodyBytesAtOnce is {options.MaxBodyBytesAtOnce}, it must be at least Gateway:MaxBodyBytesOfCaller, {options.MaxBodyBytesOfCaller}");
        return faults.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(faults);
    }
}
