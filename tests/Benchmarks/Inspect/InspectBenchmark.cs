using System.Net;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.Extensions.Logging.Abstractions;
using PxBackup.Api;
using PxBackup.Benchmarks.Running;
using PxBackup.Grains.Backups;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Records;
using PxBackup.Persistence.Sqlite;
using Metadata = Grpc.Core.Metadata;

namespace PxBackup.Benchmarks.Inspect;

/// <summary>
/// Authenticated <c>Backup/Inspect</c>, by gRPC and REST, against its floors in turns (goal P1: at least 95 % of F2, at most 2.3 times
/// F1's CPU). Arguments: repetitions (default 5), seconds of each (default 5).
/// </summary>
internal static class InspectBenchmark
{
    private const int Users = 8;
    private const int Backups = 1_000;
    private const int Connections = 4;
    private const int Workers = 64;

    // The bytes go through as they are: the load must cost less than what it measures.
    private static readonly Method<byte[], byte[]> Inspect =
        new(MethodType.Unary, "Backup", "Inspect", Marshallers.Create<byte[]>(bytes => bytes, bytes => bytes), Marshallers.Create<byte[]>(bytes => bytes, bytes => bytes));

    public static async Task RunAsync(string[] args)
    {
        var repetitions = args.Length > 0 ? int.Parse(args[0]) : 5;
        var duration = TimeSpan.FromSeconds(args.Length > 1 ? int.Parse(args[1]) : 5);
        using var scratch = new Scratch();
        var data = scratch.Folder("data");
        var (users, backups) = await SeedAsync(data);
        var replyFile = scratch.Folder("reply");
        await File.WriteAllBytesAsync(replyFile, backups[0].ToByteArray());
        await using var product = await Product.StartAsync(data);
        await using var f1 = Child.Start("tests/Benchmarks", "PxBackup.Benchmarks", "floor", "1", replyFile);
        await using var f2 = Child.Start("tests/Benchmarks", "PxBackup.Benchmarks", "floor", "2", replyFile);
        var f1Address = new Uri($"http://127.0.0.1:{await f1.FirstLineAsync()}");
        var f2Address = new Uri($"http://127.0.0.1:{await f2.FirstLineAsync()}");

        var requests = backups.Select(backup => new BackupInspectRequest { OrgId = Fleet.Org, Name = backup.Metadata.Name, Uid = backup.Metadata.Uid }.ToByteArray()).ToArray();
        var tokens = users.Select(user => new Metadata { { "authorization", $"bearer {user.Token}" } }).ToArray();
        using var calls1 = new Calls(f1Address);
        using var calls2 = new Calls(f2Address);
        using var calls = new Calls(product.Grpc);
        using var http = new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = Workers }) { BaseAddress = product.Rest };
        var urls = backups.Select(backup => new Uri($"/v1/backup/{Fleet.Org}/{backup.Metadata.Name}?uid={backup.Metadata.Uid}", UriKind.Relative)).ToArray();

        Variant[] variants =
        [
            new("F1: gRPC, 180-byte reply, no token", f1, i => calls1.CallAsync(i, [], null)),
            new("F1 with the product's reply", f1, i => calls1.CallAsync(i, requests[i % Backups], null)),
            new("F1 with the product's reply and token", f1, i => calls1.CallAsync(i, requests[i % Backups], tokens[i % Users])),
            new("F2: one grain hop, the product's reply, no token", f2, i => calls2.CallAsync(i, requests[i % Backups], null)),
            new("F2 with the token sent", f2, i => calls2.CallAsync(i, requests[i % Backups], tokens[i % Users])),
            new("Backup/Inspect, gRPC", product.Server, i => calls.CallAsync(i, requests[i % Backups], tokens[i % Users])),
            new("Backup/Inspect, REST", product.Server, i => GetAsync(http, urls[i % Backups], users[i % Users].Token)),
        ];
        await CheckAsync(calls, requests, tokens, backups);
        foreach (var variant in variants)
            await Load.ForAsync(duration, Workers, null, variant.Operation);
        for (var i = 0; i < repetitions; i++)
            foreach (var variant in variants)
                variant.Runs.Add(await Load.ForAsync(duration, Workers, variant.Server, variant.Operation));

        var results = new Results("inspect", "what", "/s", "server CPU µs", "CPU × F1", "CPU × F2", "p50 ms", "p99 ms");
        var (one, two) = (variants[0].Cpu.Median, variants[3].Cpu.Median);
        foreach (var variant in variants)
            results.Row(variant.Name, Samples.Of(variant.Runs, run => run.PerSecond), variant.Cpu, variant.Cpu.Median / one, variant.Cpu.Median / two,
                Samples.Of(variant.Runs, run => run.P50), Samples.Of(variant.Runs, run => run.P99));
        results.Print($"reply {backups[0].CalculateSize()} bytes, {Backups} backups of {Users} users; {Workers} workers over {Connections} HTTP/2 connections (REST: {Workers} HTTP/1.1); {repetitions} × {duration.TotalSeconds} s in turns after one to warm up; median (least–most)",
            $"/s includes the load generator, which shares the processors");
    }

    // Accounts come from a first start; the backups are put into the closed store, as if they had been finished long ago.
    private static async Task<((string Id, string Token)[] Users, BackupObject[] Backups)> SeedAsync(string data)
    {
        var users = new (string Id, string Token)[Users];
        await using (var product = await Product.StartAsync(data))
        {
            await product.SignInAsync();
            for (var i = 0; i < Users; i++)
                users[i] = await product.UserAsync($"user{i}");
        }

        using var store = SqliteRecordStore.Open(new SqliteOptions { Directory = data, Synchronous = SqliteSynchronous.Normal }, TimeProvider.System, NullLogger<SqliteRecordStore>.Instance);
        var backups = Enumerable.Range(0, Backups).Select(i => SampleBackup.Of(Fleet.Org, Guid.NewGuid().ToString(), $"backup-{i}", users[i % Users].Id)).ToArray();
        foreach (var backup in backups)
        {
            var record = new BackupRecord { Backup = backup, Phase = BackupRecord.Types.Phase.Finished };
            await store.InsertAsync(new RecordKey(ObjectKind.Backup, Fleet.Org, backup.Metadata.Uid), record, BackupRules.IndexOf(record));
        }

        return (users, backups);
    }

    // A fast wrong answer would be a fine figure.
    private static async Task CheckAsync(Calls calls, byte[][] requests, Metadata[] tokens, BackupObject[] backups)
    {
        for (var i = 0; i < Backups; i++)
        {
            var reply = BackupInspectResponse.Parser.ParseFrom(await calls.CallAsync(i, requests[i], tokens[i % Users]));
            if (!reply.Backup.Equals(backups[i]))
                throw new InvalidOperationException($"backup {backups[i].Metadata.Name} came back changed");
        }
    }

    private static async Task GetAsync(HttpClient http, Uri url, string token)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, url) { Headers = { { "authorization", $"bearer {token}" } } };
        using var answer = await http.SendAsync(request);
        answer.EnsureSuccessStatusCode();
    }

    private sealed record Variant(string Name, Child Server, Func<int, Task> Operation)
    {
        public List<LoadResult> Runs { get; } = [];

        public Samples Cpu => Samples.Of(Runs, run => run.CpuMicroseconds);
    }

    private sealed class Calls(Uri address) : IDisposable
    {
        private readonly (GrpcChannel Channel, CallInvoker Invoker)[] _connections = [.. Enumerable.Range(0, Connections).Select(_ =>
        {
            // A handler of its own is a connection of its own.
            var channel = GrpcChannel.ForAddress(address, new GrpcChannelOptions { HttpHandler = new SocketsHttpHandler(), DisposeHttpClient = true });
            return (channel, channel.CreateCallInvoker());
        })];

        public async Task<byte[]> CallAsync(int i, byte[] request, Metadata? headers)
        {
            var reply = await _connections[i % Connections].Invoker.AsyncUnaryCall(Inspect, null, new CallOptions(headers), request);
            return reply.Length > 0 ? reply : throw new InvalidOperationException("an empty reply");
        }

        public void Dispose()
        {
            foreach (var (channel, _) in _connections)
                channel.Dispose();
        }
    }
}
