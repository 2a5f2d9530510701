using System.Reflection;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.Options;
using Orleans.Runtime;
using PxBackup.Gateway.Access;
using PxBackup.Gateway.Identity;

namespace PxBackup.Silo;

/// <summary>What the operator needs to know once everything is up. Goes to the console, not to the log: it may hold the first password.</summary>
internal static class Banner
{
    public static string Of(Role role, IServiceProvider services)
    {
        // In the order in which the process listens.
        var addresses = services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()?.Addresses.Select(Reachable).ToArray() ?? [];
        var silo = services.GetRequiredService<IOptions<SiloOptions>>().Value;
        var lines = new List<string>
        {
            $"PxBackup {typeof(Banner).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0]} is up{(role == Role.AllInOne ? "" : $" ({role.ToString().ToLowerInvariant()} of {silo.ClusterId})")}.",
        };
        if (role == Role.Silo)
            AddSilo(lines, services, addresses);
        else
            AddGateway(lines, services, addresses);
        if (role != Role.Gateway)
            lines.Add($"  data      {silo.DataDirectory}  (keep a copy of {Path.Combine(silo.DataDirectory, "secrets")} apart: without it the stored secrets are lost)");
        lines.Add($"  stop      Ctrl+C, or kill {Environment.ProcessId}");
        return string.Join(Environment.NewLine, lines);
    }

    private static void AddSilo(List<string> lines, IServiceProvider services, string[] addresses)
    {
        var local = services.GetRequiredService<ILocalSiloDetails>();
        lines.Add($"  silo      {local.SiloAddress.Endpoint}, gateways connect to {local.GatewayAddress?.Endpoint}");
        lines.Add($"  probes    {addresses.FirstOrDefault()}/healthz/live, /healthz/ready, /metrics");
    }

    private static void AddGateway(List<string> lines, IServiceProvider services, string[] addresses)
    {
        var identity = services.GetRequiredService<IOptions<IdentityOptions>>().Value;
        var (rest, grpc) = addresses is [var first, var second, ..] ? (first, second) : ("", "");
        lines.Add($"  REST      {rest}  (health: {rest}/v1/health, metrics: {rest}/metrics)");
        lines.Add($"  gRPC      {grpc}");
        lines.Add($"  sign-in   {identity.Issuer}/protocol/openid-connect/token  (client {identity.Embedded.ClientId})");
        if (services.GetService<EmbeddedIdentity>() is { } embedded)
        {
            lines.Add($"  user      {embedded.FirstStart?.Username ?? identity.Embedded.AdminUsername}");
            lines.Add(embedded.FirstStart is { GeneratedPassword: { } password }
                ? $"  password  {password}  (shown this once and kept nowhere in clear)"
                : "  password  as given or shown at the first start");
        }
    }

    // A listener for all addresses is reached by any of them.
    private static string Reachable(string address) =>
        address.Replace("//[::]:", "//localhost:", StringComparison.Ordinal).Replace("//0.0.0.0:", "//localhost:", StringComparison.Ordinal);
}
