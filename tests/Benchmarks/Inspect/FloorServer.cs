using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using PxBackup.Api;
using PxBackup.Benchmarks.Running;
using PxBackup.Gateway.Hosting;
using PxBackup.Grains.Interfaces.Serialization;

namespace PxBackup.Benchmarks.Inspect;

/// <summary>
/// The floors, each in a process of its own and with the product's Kestrel settings. F1: a gRPC service that answers at once.
/// F2: the same with one hop to a grain of the same process. No interceptors, no token, no store.
/// </summary>
internal static class FloorServer
{
    /// <param name="withGrain">F2.</param>
    /// <param name="reply">File with the reply, as protobuf.</param>
    public static async Task RunAsync(bool withGrain, string reply)
    {
        var builder = WebApplication.CreateBuilder();
        builder.Logging.ClearProviders();
        var message = BackupObject.Parser.ParseFrom(await File.ReadAllBytesAsync(reply));
        var ports = new Dictionary<string, string?> { ["Gateway:RestPort"] = $"{Product.FreePort()}", ["Gateway:GrpcPort"] = $"{Product.FreePort()}" };
        builder.Configuration.AddInMemoryCollection(ports);
        builder.Services.AddSingleton(message);
        builder.Services.AddOptions<GatewayOptions>().Bind(builder.Configuration.GetSection(GatewayOptions.Section));
        builder.Services.AddSingleton<IConfigureOptions<KestrelServerOptions>, KestrelSetup>();
        builder.Services.AddGrpc();
        if (withGrain)
        {
            builder.Services.AddMessageCodec();
            builder.Host.UseOrleans(silo => silo.UseLocalhostClustering(siloPort: Product.FreePort(), gatewayPort: 0));
            builder.Services.AddSingleton<HopService>();
        }
        else
        {
            builder.Services.AddSingleton<EmptyService>();
        }

        await using var app = builder.Build();
        if (withGrain)
            app.MapGrpcService<HopService>();
        else
            app.MapGrpcService<EmptyService>();
        await app.StartAsync();
        Console.WriteLine(ports["Gateway:GrpcPort"]);
        await app.WaitForShutdownAsync();
    }

    internal sealed class EmptyService(BackupObject message) : Backup.BackupBase
    {
        // About 180 bytes: a reply of which nothing is worth measuring.
        private readonly BackupObject _small = new() { Metadata = new Api.Metadata { Name = new string('n', 90), Uid = new string('u', 90) } };

        public override Task<BackupInspectResponse> Inspect(BackupInspectRequest request, ServerCallContext context) =>
            Task.FromResult(new BackupInspectResponse { Backup = request.Uid.Length == 0 ? _small : message });
    }

    internal sealed class HopService(IGrainFactory grains) : Backup.BackupBase
    {
        public override async Task<BackupInspectResponse> Inspect(BackupInspectRequest request, ServerCallContext context) =>
            new() { Backup = (await grains.GetGrain<IFloorGrain>(request.Uid).ReadAsync()).Value };
    }
}
