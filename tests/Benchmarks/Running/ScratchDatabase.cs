using MongoDB.Driver;

namespace PxBackup.Benchmarks.Running;

/// <summary>A database of a MongoDB for one measurement, dropped after it.</summary>
internal sealed class ScratchDatabase : IAsyncDisposable
{
    private readonly string _uri;
    private readonly string _name = $"bench_{Guid.NewGuid():N}"[..20];

    public ScratchDatabase(string uri)
    {
        _uri = uri;
        Environment.SetEnvironmentVariable("PXBACKUP_Mongo__ConnectionString", uri); // Not an argument: it may hold a password.
    }

    /// <summary>The product's arguments for it.</summary>
    public IEnumerable<string> Settings => ["--store", "mongodb", "--Mongo:Database", _name, "--Mongo:AllowStandalone", "true", "--silo-port", "0", "--client-port", "0"];

    public IMongoDatabase Of(IMongoClient client) => client.GetDatabase(_name);

    public async ValueTask DisposeAsync()
    {
        using var client = new MongoClient(_uri);
        await client.DropDatabaseAsync(_name);
    }
}
