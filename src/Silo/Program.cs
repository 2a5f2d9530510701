using Microsoft.Extensions.Options;
using PxBackup.Gateway.Access;
using PxBackup.Gateway.Hosting;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Records;

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
        if (!command.AllInOne)
            return Refuse("separate silos and gateways are not built yet: they come with the release that keeps its records in MongoDB. Start with --all-in-one", WrongUsage);
        try
        {
            await RunAsync(command);
            return 0;
        }
        catch (Exception e) when (!StartPhase.IsOver)
        {
            // Of a defect the whole story is told; an operator's mistake is one line.
            return Refuse($"cannot start: {StartException.LineOf(e) ?? e.ToString()}", Failed);
        }
    }

    private static async Task RunAsync(CommandLine command)
    {
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
        Settings.Gather(builder.Configuration, command);
        Ports.Check(
            builder.Configuration.Read<GatewayOptions>(GatewayOptions.Section), builder.Configuration.Read<SiloOptions>(SiloOptions.Section));
        builder.AddAllInOne();
        await using var app = builder.Build();
        // The store first: a damaged database or a lost key must end the start before anything else is made or answers.
        app.Services.GetRequiredService<IRecordStore>();
        app.MapPxGateway();
        await app.StartAsync();
        await app.Services.GetRequiredService<IGrainFactory>().Organization(ObjectKey.DefaultOrg).EnsureAsync();
        StartPhase.End();
        Console.WriteLine(Banner.Of(
            app.Services, app.Services.GetRequiredService<IOptions<IdentityOptions>>().Value, app.Services.GetRequiredService<IOptions<SiloOptions>>().Value));
        await app.WaitForShutdownAsync();
    }

    private static int Refuse(string why, int exitCode)
    {
        Console.Error.WriteLine($"pxbackup: {why}");
        return exitCode;
    }
}
