using Microsoft.Extensions.Logging.Abstractions;
using PxBackup.Persistence.Secrets;
using PxBackup.Persistence.Sqlite;
using Xunit;

namespace PxBackup.Tests.Adapters.Persistence;

/// <summary>SQLite in a directory that goes with the test.</summary>
public class SqliteFixture : RecordStoreFixture
{
    private readonly TemporaryDirectory directory = new();

    protected SqliteRecordStore Sqlite { get; private set; } = null!;

    protected string Directory => directory.Path;

    /// <summary>Where the file is, for looking at it.</summary>
    internal string Folder => directory.Path;

    public override ValueTask InitializeAsync()
    {
        Sqlite = SqliteRecordStore.Open(new SqliteOptions { Directory = Directory }, Time, NullLogger<SqliteRecordStore>.Instance);
        Store = Sqlite;
        return ValueTask.CompletedTask;
    }

    public override Task SweepAsync() => Sqlite.SweepAsync();

    public override ValueTask DisposeAsync()
    {
        Sqlite.Dispose();
        directory.Dispose();
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }
}

/// <summary>SQLite behind the sealing of secrets, as the product uses it.</summary>
public sealed class SealedSqliteFixture : SqliteFixture
{
    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        var keys = MasterKeys.Open(new SecretsOptions { Directory = Path.Combine(Directory, "secrets"), Keys = null }, Sqlite);
        Store = new SealingRecordStore(Sqlite, keys);
    }
}

/// <summary>A directory under the system's temporary one, removed at the end.</summary>
public sealed class TemporaryDirectory : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("pxbackup-test-").FullName;

    public void Dispose() => Directory.Delete(Path, recursive: true);
}

public sealed class SqliteRecordStoreTests(SqliteFixture fixture) : RecordStoreSuite(fixture), IClassFixture<SqliteFixture>;

public sealed class SqliteCatalogTests(SqliteFixture fixture) : CatalogSuite(fixture), IClassFixture<SqliteFixture>;

public sealed class SealedRecordStoreTests(SealedSqliteFixture fixture) : RecordStoreSuite(fixture), IClassFixture<SealedSqliteFixture>;

public sealed class SealedCatalogTests(SealedSqliteFixture fixture) : CatalogSuite(fixture), IClassFixture<SealedSqliteFixture>;
