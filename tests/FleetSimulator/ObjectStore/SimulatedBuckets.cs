using System.Text.Json;

namespace PxBackup.FleetSimulator.ObjectStore;

/// <summary>
/// All buckets, in memory and, with a folder, on disk too: per bucket <c>bucket.json</c>, and per version <c>N.json</c> and
/// <c>N.bin</c> (N = order of writing). Names of objects never become names of files.
/// </summary>
internal sealed class SimulatedBuckets
{
    private readonly SortedDictionary<string, SimulatedBucket> buckets = new(StringComparer.Ordinal);
    private readonly string? folder;
    private long sequence;

    public SimulatedBuckets(string? folder)
    {
        this.folder = folder;
        if (folder is null)
            return;
        Directory.CreateDirectory(folder);
        foreach (var path in Directory.EnumerateDirectories(folder))
            if (File.Exists(Path.Combine(path, "bucket.json")))
                Load(path);
    }

    public IEnumerable<SimulatedBucket> All => buckets.Values;

    public SimulatedBucket? Find(string name) => buckets.GetValueOrDefault(name);

    public long NextSequence() => ++sequence;

    public void Save(SimulatedBucket bucket)
    {
        buckets[bucket.Name] = bucket;
        if (folder is null)
            return;
        Directory.CreateDirectory(PathOf(bucket));
        Write(Path.Combine(PathOf(bucket), "bucket.json"), JsonSerializer.SerializeToUtf8Bytes(bucket));
    }

    public void Delete(SimulatedBucket bucket)
    {
        buckets.Remove(bucket.Name);
        if (folder is not null)
            Directory.Delete(PathOf(bucket), recursive: true);
    }

    public void Save(SimulatedBucket bucket, StoredVersion version)
    {
        if (folder is null)
            return;
        var content = FileOf(bucket, version, ".bin");
        if (!File.Exists(content))
            Write(content, version.Content);
        // The description comes last: a version without one was never acknowledged.
        Write(FileOf(bucket, version, ".json"), JsonSerializer.SerializeToUtf8Bytes(version));
    }

    public void Delete(SimulatedBucket bucket, StoredVersion version)
    {
        bucket.Remove(version);
        if (folder is null)
            return;
        File.Delete(FileOf(bucket, version, ".json"));
        File.Delete(FileOf(bucket, version, ".bin"));
    }

    private void Load(string path)
    {
        var bucket = Read<SimulatedBucket>(Path.Combine(path, "bucket.json"));
        var versions = Directory.EnumerateFiles(path, "*.json").Where(file => Path.GetFileName(file) != "bucket.json").Select(Read<StoredVersion>).OrderBy(version => version.Sequence);
        foreach (var version in versions)
        {
            version.Content = File.ReadAllBytes(Path.Combine(path, version.Sequence + ".bin"));
            bucket.Add(version);
            sequence = Math.Max(sequence, version.Sequence);
        }
        buckets[bucket.Name] = bucket;
    }

    private static T Read<T>(string file) =>
        JsonSerializer.Deserialize<T>(File.ReadAllBytes(file)) ?? throw new InvalidDataException($"{file} holds nothing: remove its bucket's folder to start anew.");

    private static void Write(string file, byte[] content)
    {
        File.WriteAllBytes(file + ".new", content);
        File.Move(file + ".new", file, overwrite: true);
    }

    private string PathOf(SimulatedBucket bucket) => Path.Combine(folder!, bucket.Name);

    private string FileOf(SimulatedBucket bucket, StoredVersion version, string kind) => Path.Combine(PathOf(bucket), version.Sequence + kind);
}
