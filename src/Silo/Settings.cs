using System.Net;
using PxBackup.Gateway.Access;
using PxBackup.Gateway.Hosting;
using PxBackup.Gateway.Identity;

namespace PxBackup.Silo;

/// <summary>Where settings come from. Later ones win: defaults, appsettings.json beside the program, the file of --config, environment, command line.</summary>
internal static class Settings
{
    public const string EnvironmentPrefix = "PXBACKUP_";

    // What concerns the program's own doings is Information; libraries speak up when something is wrong.
    private static readonly Dictionary<string, string?> Logging = new()
    {
        ["Logging:LogLevel:Default"] = "Information",
        ["Logging:LogLevel:Microsoft"] = "Warning",
        ["Logging:LogLevel:System"] = "Warning",
        ["Logging:LogLevel:Grpc"] = "Warning",
        ["Logging:LogLevel:OpenIddict"] = "Warning",
        ["Logging:LogLevel:Polly"] = "Warning",
        ["Logging:LogLevel:Orleans"] = "Warning",
        // Warns at every start of a garbage collection that is chosen on purpose.
        ["Logging:LogLevel:Orleans.Runtime.Silo"] = "Error",
        // One false warning at every start: it takes the machine's uptime for a stalled thread.
        ["Logging:LogLevel:Orleans.Runtime.Watchdog"] = "Error",
        // It would make an activity and a log scope for every request, some 4 % of a read, which nothing here records.
        ["Logging:LogLevel:Microsoft.AspNetCore.Hosting.Diagnostics"] = "None",
    };

    public static void Gather(ConfigurationManager configuration, CommandLine command)
    {
        configuration.Sources.Clear();
        configuration.AddInMemoryCollection(Logging);
        configuration.AddJsonFile(Path.Combine(AppContext.BaseDirectory, "appsettings.json"), optional: true, reloadOnChange: false);
        if (command.Values.GetValueOrDefault(CommandLine.ConfigFile) is { } file)
            configuration.AddJsonFile(Path.GetFullPath(file), optional: false, reloadOnChange: false);
        configuration.AddEnvironmentVariables(EnvironmentPrefix);
        configuration.AddInMemoryCollection(command.Values);
        FollowUp(configuration);
    }

    // Settings whose default follows from others.
    private static void FollowUp(ConfigurationManager configuration)
    {
        var data = Path.GetFullPath(configuration["Silo:DataDirectory"] is { Length: > 0 } given ? given : new SiloOptions().DataDirectory);
        configuration["Silo:DataDirectory"] = data;
        configuration["Sqlite:Directory"] ??= data;
        if (StoreSetup.KindOf(configuration) == StoreKind.Sqlite)
        {
            // A cluster of one has no ports between silos.
            configuration["Silo:Port"] = configuration["Silo:ListenPort"] = configuration["Silo:ClientPort"] = "0";
        }

        configuration["Secrets:Directory"] ??= Path.Combine(data, "secrets");
        configuration["Transport:Directory"] ??= configuration["Secrets:Directory"];
        configuration["Identity:Embedded:Directory"] ??= Path.Combine(data, "identity");
        var scheme = string.IsNullOrEmpty(configuration["Gateway:CertificateFile"]) ? "http" : "https";
        configuration[$"{IdentityOptions.Section}:{nameof(IdentityOptions.Issuer)}"] ??=
            $"{scheme}://localhost:{configuration["Gateway:RestPort"] ?? "10001"}/auth/realms/master";
        // While only this machine's users reach us, its own services are no secret to them; clusters and stores on it are then allowed too.
        configuration["Endpoints:AllowLoopback"] ??= IsLoopback(configuration["Gateway:Bind"] ?? new GatewayOptions().Bind) ? "true" : "false";
        // The identity reads it by its published name, which the prefix above takes away.
        configuration[IdentityServices.AdminPasswordVariable] ??= Environment.GetEnvironmentVariable(IdentityServices.AdminPasswordVariable);
    }

    private static bool IsLoopback(string bind) => bind == "localhost" || (IPAddress.TryParse(bind, out var address) && IPAddress.IsLoopback(address));
}
