using Microsoft.Extensions.Logging.Abstractions;
using PxBackup.Persistence.Relational;
using PxBackup.Persistence.Secrets;
using PxBackup.Tests.Adapters.Peers;
using Xunit;

namespace PxBackup.Tests.Adapters.Persistence.Postgres;

/// <summary>PostgreSQL in a schema of its own.</summary>
public class PostgresFixture(PostgresPeer peer) : RecordStoreFixture
{
    internal PostgresDatabase Database { get; private set; } = null!;

    internal PostgresOptions Options { get; private set; } = null!;

    protected PostgresRecordStore Records { get; private set; } = null!;

    public override async ValueTask InitializeAsync()
    {
        Options = await peer.OptionsAsync();
        Database = PostgresDatabase.Open(Options, NullLogger<PostgresDatabase>.Instance);
        Records = new PostgresRecordStore(Database, Options, Time, NullLogger<PostgresRecordStore>.Instance);
        Store = Records;
    }

    public override Task SweepAsync() => Records.SweepAsync();

    public override async ValueTask DisposeAsync()
    {
        await Records.DisposeAsync();
        await Database.DisposeAsync();
        await peer.RunAsync($"DROP SCHEMA {Options.Schema} CASCADE");
        GC.SuppressFinalize(this);
    }
}

/// <summary>PostgreSQL behind the sealing of secrets, as the product uses it.</summary>
public sealed class SealedPostgresFixture(PostgresPeer peer) : PostgresFixture(peer)
{
    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        var keys = MasterKeys.Open(new SecretsOptions { Keys = Convert.ToBase64String(new byte[32]) }, Records);
        Store = new SealingRecordStore(Records, keys);
    }
}

public sealed class PostgresRecordStoreTests(PostgresFixture fixture) : RecordStoreSuite(fixture), IClassFixture<PostgresFixture>;

public sealed class PostgresCatalogTests(PostgresFixture fixture) : CatalogSuite(fixture), IClassFixture<PostgresFixture>;

public sealed class SealedPostgresRecordStoreTests(SealedPostgresFixture fixture) : RecordStoreSuite(fixture), IClassFixture<SealedPostgresFixture>;

public sealed class SealedPostgresCatalogTests(SealedPostgresFixture fixture) : CatalogSuite(fixture), IClassFixture<SealedPostgresFixture>;
