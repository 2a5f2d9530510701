using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging.Abstractions;
using PxBackup.Api;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Records;
using PxBackup.Persistence;
using PxBackup.Persistence.Sqlite;
using Xunit;

namespace PxBackup.Tests.Adapters.Persistence;

/// <summary>The file itself: who may open it, what is refused, what is there after a restart.</summary>
public sealed class SqliteFilesTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private string Database => Path.Combine(directory.Path, "store", "records.db");

    public void Dispose() => directory.Dispose();

    [Fact]
    public async Task A_second_opener_is_refused_until_the_first_one_closes()
    {
        using (Open())
        {
            var refused = Assert.Throws<RecordStoreException>(Open);
            Assert.Contains("in use by another program", refused.Message);
            Assert.Contains(Database, refused.Message);
        }

        using var second = Open();
        Assert.Null(await second.FindAsync<ClusterObject>(A.Key("o"), Stop));
    }

    [Fact]
    public async Task Records_are_there_after_a_restart_and_the_log_is_folded_in()
    {
        var key = A.Key("o");
        using (var store = Open())
            await store.InsertAsync(key, A.Body("a"), A.Index("a"));

        Assert.False(File.Exists(Database + "-wal") && new FileInfo(Database + "-wal").Length > 0);
        using var again = Open();
        Assert.Equal(A.Body("a"), (await again.FindAsync<ClusterObject>(key, Stop))!.Body);
    }

    [Fact]
    public async Task Writes_that_wait_are_finished_before_the_store_closes_and_later_ones_are_refused()
    {
        var store = Open();
        var writes = Enumerable.Range(0, 300).Select(i => store.InsertAsync(A.Key("o"), A.Body("x"), A.Index($"n{i}"))).ToArray();

        store.Dispose();

        await Task.WhenAll(writes);
        await Assert.ThrowsAsync<RecordStoreException>(() => store.InsertAsync(A.Key("o"), A.Body("x"), A.Index("late")));
        using var again = Open();
        Assert.Equal(300, await again.CountAsync(new RecordQuery { Kind = ObjectKind.Cluster, OrgId = "o" }, Stop));
    }

    [Fact]
    public void Nobody_else_may_open_directory_and_files()
    {
        using var store = Open();

        if (OperatingSystem.IsWindows())
            return;
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(Path.GetDirectoryName(Database)!));
        foreach (var file in Directory.GetFiles(Path.GetDirectoryName(Database)!))
            Assert.Equal((file, UnixFileMode.UserRead | UnixFileMode.UserWrite), (file, File.GetUnixFileMode(file)));
    }

    [Theory]
    [InlineData("", "chmod 700")]
    [InlineData("records.db", "chmod 600")]
    [InlineData("records.db-wal", "chmod 600")]
    [InlineData("records.db.lock", "chmod 600")]
    public void What_others_may_open_is_refused_with_the_command_that_closes_it(string file, string cure)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "file modes are Unix'");
        Open().Dispose();
        var path = Path.Combine(Path.GetDirectoryName(Database)!, file).TrimEnd('/');
        if (!Path.Exists(path))
            PrivateFiles.Make(path, "");
        Open(path, UnixFileMode.GroupRead);

        var refused = Assert.Throws<RecordStoreException>(Open);

        Assert.Contains($"{cure} '{path}'", refused.Message);
        Close(path, UnixFileMode.GroupRead);
        Open().Dispose();
    }

    [Fact]
    public void A_missing_database_beside_its_log_is_not_begun_anew()
    {
        Open().Dispose();
        File.Delete(Database);
        PrivateFiles.Make(Database + "-wal", "frames");

        var refused = Assert.Throws<RecordStoreException>(Open);

        Assert.Contains("missing or empty", refused.Message);
        Assert.Equal("frames", File.ReadAllText(Database + "-wal"));
    }

    [Fact]
    public void A_newer_schema_is_refused()
    {
        Open().Dispose();
        Execute("PRAGMA user_version=99");

        var refused = Assert.Throws<RecordStoreException>(Open);

        Assert.Contains("schema 99", refused.Message);
    }

    [Fact]
    public void A_database_of_another_program_is_refused()
    {
        PrivateFiles.MakeDirectory(Path.GetDirectoryName(Database)!);
        PrivateFiles.Make(Database, "");
        Execute("CREATE TABLE theirs(x)");

        Assert.Contains("another program", Assert.Throws<RecordStoreException>(Open).Message);
    }

    [Fact]
    public void A_file_that_is_not_a_database_is_refused_with_its_name_and_the_cure()
    {
        PrivateFiles.MakeDirectory(Path.GetDirectoryName(Database)!);
        PrivateFiles.Make(Database, new string('x', 10_000));

        var refused = Assert.Throws<RecordStoreException>(Open);

        Assert.Contains(Database, refused.Message);
        Assert.Contains("restore it from a backup", refused.Message);
    }

    [Fact]
    public async Task A_full_disk_refuses_the_write_keeps_the_rest_and_heals()
    {
        using var store = Open();
        var key = A.Key("o");
        await store.InsertAsync(key, A.Body("a"), A.Index("a"));
        await store.LimitPagesAsync(1);

        var full = await Assert.ThrowsAsync<StoreFullException>(() => store.InsertAsync(A.Key("o"), A.Body(new string('x', 5_000_000)), A.Index("b")));

        Assert.Contains("disk is full", full.Message);
        Assert.NotNull(await store.FindAsync<ClusterObject>(key, Stop));
        await store.LimitPagesAsync(1_000_000);
        await store.InsertAsync(A.Key("o"), A.Body("b"), A.Index("b"));
    }

    [Fact]
    public async Task A_body_that_was_damaged_is_an_error_and_not_an_empty_record()
    {
        var key = A.Key("o");
        using (var store = Open())
            await store.InsertAsync(key, A.Body("a"), A.Index("a"));
        Execute("UPDATE bodies SET body=x'ffffffff'");

        using var again = Open();
        var damaged = await Assert.ThrowsAsync<RecordStoreException>(() => again.FindAsync<ClusterObject>(key, Stop));

        Assert.Contains(key.ToString(), damaged.Message);
    }

#pragma warning disable CA1416 // Skipped by the caller.
    private static void Open(string path, UnixFileMode more) => File.SetUnixFileMode(path, File.GetUnixFileMode(path) | more);

    private static void Close(string path, UnixFileMode more) => File.SetUnixFileMode(path, File.GetUnixFileMode(path) & ~more);
#pragma warning restore CA1416

    private SqliteRecordStore Open() =>
        SqliteRecordStore.Open(new SqliteOptions { Directory = Path.GetDirectoryName(Database)! }, TimeProvider.System, NullLogger<SqliteRecordStore>.Instance);

    private void Execute(string sql)
    {
        using var connection = new SqliteConnection($"Data Source={Database};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }
}
