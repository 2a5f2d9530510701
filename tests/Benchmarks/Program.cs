using PxBackup.Benchmarks;
using PxBackup.Benchmarks.Clusters;
using PxBackup.Benchmarks.Codec;
using PxBackup.Benchmarks.Inspect;
using PxBackup.Benchmarks.Lists;
using PxBackup.Benchmarks.Start;
using PxBackup.Benchmarks.Writes;

// Each measurement is a word on the command line; docs/performance*.md hold the commands and what they printed.
const string usage = """
    usage: ./build.sh bench NAME [ARGUMENTS]
      list                               this text
      inspect [REPETITIONS] [SECONDS]    Backup/Inspect by gRPC and REST against an empty gRPC service and one grain hop
      write [WRITES] [REPETITIONS]       accepted Backup/Create against the bare store, 1, 8 and 64 workers
      write-mongodb [WRITES] [REPETITIONS]   the same on MongoDB (MONGO_URI) against the bare driver
      lists STORE [BACKUPS …]            pages of long lists on sqlite, mongodb (MONGO_URI) or postgresql (POSTGRES_URI)
      clusters [N …]                     memory and idle CPU of watched clusters (100 300 1000), with MONGO_URI writes too
      status [CLUSTERS] [BACKUPS]        change on a cluster to what Inspect shows (1000 70)
      codec [REPETITIONS]                messages in grain calls against a hand-made type
      records [ROWS …]                   the record store against bare SQLite, and its lists
      start [REPETITIONS]                start, memory and CPU of a small install
    """;
switch (args)
{
    case ["inspect", .. var rest]:
        await InspectBenchmark.RunAsync(rest);
        return 0;
    case ["write", .. var rest]:
        await AcceptedWrites.RunAsync(rest);
        return 0;
    case ["write-mongodb", .. var rest]:
        await MongoWrites.RunAsync(rest);
        return 0;
    case ["lists", .. var rest]:
        await ListPages.RunAsync(rest);
        return 0;
    case ["clusters", .. var rest]:
        await WatchedClusters.RunAsync(rest);
        return 0;
    case ["status", .. var rest]:
        await StatusLatency.RunAsync(rest);
        return 0;
    case ["codec", .. var rest]:
        await CodecBenchmark.RunAsync(rest);
        return 0;
    case ["records", .. var sizes]:
        await RecordStoreFloor.RunAsync(sizes);
        return 0;
    case ["start", .. var rest]:
        await StartBenchmark.RunAsync(rest);
        return 0;
    case ["floor", var which, var reply]:
        await FloorServer.RunAsync(withGrain: which == "2", reply);
        return 0;
    case [] or ["list"]:
        Console.WriteLine(usage);
        return 0;
    default:
        Console.Error.WriteLine(usage);
        return 64;
}
