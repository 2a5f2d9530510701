using PxBackup.Gateway.Hosting;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Records;
using PxBackup.Silo.Transport;

namespace PxBackup.Silo;

/// <summary>The host: reads the settings, adds the features, starts, says where it is, stops when told.</summary>
internal static class Program
{
    private const int Failed = 1;
    private const int WrongUsage = 64; // EX_USAGE of sysexits.h

    public static async Task<int> Main(string[] args)
    {
        var command = CommandLine.Parse(args);
        if (command.Help)
        {
            Console.WriteLine(CommandLine.Usage);
            return 0;
        }
        if (command.Fault is { } fault)
            return Refuse(fault, WrongUsage);
        if (command.Role is not { } role)
            return Refuse("say what this process is to be: --all-in-one (everything, for one machine), --silo or --gateway; --help tells more", WrongUsage);
        try
        {
            await RunAsync(role, command);
            return 0;
        }
        catch (Exception e) when (!StartPhase.IsOver)
        {
            // Of a defect the whole story is told; an operator's mistake is one line.
            return Refuse($"cannot start: {StartException.LineOf(e) ?? e.ToString()}", Failed);
        }
    }

    private static async Task RunAsync(Role role, CommandLine command)
    {
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
        Settings.Gather(builder.Configuration, command);
        if (role != Role.AllInOne && StoreSetup.KindOf(builder.Configuration) == StoreKind.Sqlite)
            throw new StartException("SQLite serves one process: for silos and gateways of their own give --store mongodb or --store postgresql, or start with --all-in-one");
        Ports.Check(
            role, builder.Configuration.Read<GatewayOptions>(GatewayOptions.Section), builder.Configuration.Read<SiloOptions>(SiloOptions.Section));
        builder.AddRole(role);
        await using var app = builder.Build();
        StopLimit.Watch(app.Services);
        if (role != Role.Gateway)
        {
            // The store first: a damaged database or a lost key must end the start before anything else is made or answers.
            app.Services.GetRequiredService<IRecordStore>();
        }

        app.Services.GetService<TransportKeys>();
        if (role == Role.Silo)
            app.MapPxProbes();
        else
            app.MapPxGateway();
        await app.StartAsync();
        if (role == Role.AllInOne)
            await app.Services.GetRequiredService<IGrainFactory>().Organization(ObjectKey.DefaultOrg).EnsureAsync();
        StartPhase.End();
        Console.WriteLine(Banner.Of(role, app.Services));
        await app.WaitForShutdownAsync();
    }

    private static int Refuse(string why, int exitCode)
    {
        Console.Error.WriteLine($"pxbackup: {why}");
        return exitCode;
    }
}
