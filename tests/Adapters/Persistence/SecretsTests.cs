using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using PxBackup.Api;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Records;
using PxBackup.Persistence.Secrets;
using PxBackup.Persistence.Sqlite;
using Xunit;

namespace PxBackup.Tests.Adapters.Persistence;

/// <summary>Secrets at rest: what an attacker with the files finds, and what happens when keys are lost or changed.</summary>
public sealed class SecretsTests : IDisposable
{
    private const string Canary = "canary-5f1d8c";

    private readonly TemporaryDirectory directory = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private string KeyFile => Path.Combine(directory.Path, "secrets", "master-key");

    public void Dispose() => directory.Dispose();

    [Fact]
    public async Task No_file_of_the_store_holds_a_secret()
    {
        using (var sqlite = OpenSqlite())
        {
            var store = Sealed(sqlite);
            for (var i = 0; i < 50; i++)
                await store.InsertAsync(A.Key("o", $"u{i}"), A.Body("visible-name", Canary + "kube", Canary + "token"), A.Index($"n{i}"));
            await store.UpdateAsync(A.Key("o", "u1"), 1, A.Body("visible-name", Canary + "again"), A.Index("n1"));
            AssertNoCanary();
            Assert.Equal(Canary + "again", (await store.FindAsync<ClusterObject>(A.Key("o", "u1"), Stop))!.Body.ClusterInfo.Kubeconfig);
        }

        AssertNoCanary();
        Assert.Contains("visible-name", Encoding.Latin1.GetString(File.ReadAllBytes(Path.Combine(directory.Path, "records.db"))));
    }

    [Fact]
    public async Task The_callers_message_keeps_its_plain_secret()
    {
        using var sqlite = OpenSqlite();
        var body = A.Body("a", Canary);

        await Sealed(sqlite).InsertAsync(A.Key("o"), body, A.Index("a"));

        Assert.Equal(Canary, body.ClusterInfo.Kubeconfig);
    }

    [Fact]
    public async Task A_sealed_value_opens_in_no_other_record_and_in_no_other_field()
    {
        using var sqlite = OpenSqlite();
        var store = Sealed(sqlite);
        await store.InsertAsync(A.Key("o", "mine"), A.Body("mine", "my own"), A.Index("mine"));
        await store.InsertAsync(A.Key("o", "victim"), A.Body("victim", Canary), A.Index("victim"));
        var stolen = (await sqlite.FindAsync<ClusterObject>(A.Key("o", "victim"), Stop))!.Body;

        await sqlite.UpdateAsync(A.Key("o", "mine"), 1, A.Body("mine", stolen.ClusterInfo.Kubeconfig), A.Index("mine"));
        await sqlite.UpdateAsync(A.Key("o", "victim"), 1, A.Body("victim", "", stolen.ClusterInfo.Kubeconfig), A.Index("victim"));

        foreach (var uid in (string[])["mine", "victim"])
        {
            var refused = await Assert.ThrowsAsync<SecretUnreadableException>(() => store.FindAsync<ClusterObject>(A.Key("o", uid), Stop));
            Assert.DoesNotContain(Canary, refused.ToString());
            Assert.Contains($"cluster/o/{uid}", refused.Message);
        }

        var page = await store.QueryAsync<ClusterObject>(new RecordQuery { Kind = ObjectKind.Cluster, OrgId = "o" }, Stop);
        Assert.All(page.Items, item => Assert.Equal(ClusterInfo.Types.StatusInfo.Types.Status.Failed, item.Body.ClusterInfo.Status.Status));
        Assert.All(page.Items, item => Assert.DoesNotContain(Canary, item.ToString()));
    }

    [Fact]
    public async Task A_sealed_value_opens_for_no_other_owner_and_one_from_before_owners_were_bound_still_opens_and_is_written_anew()
    {
        using var sqlite = OpenSqlite();
        var keys = Keys(sqlite);
        var store = new SealingRecordStore(sqlite, keys);
        await store.InsertAsync(A.Key("o", "u"), Owned("ann", Canary), A.Index("u"));
        var row = (await sqlite.FindAsync<ClusterObject>(A.Key("o", "u"), Stop))!.Body;
        row.Metadata.Ownership.Owner = "mallory";
        await sqlite.UpdateAsync(A.Key("o", "u"), 1, row, A.Index("u"));
        const string path = "ClusterObject.clusterInfo/ClusterInfo.kubeconfig";
        await sqlite.InsertAsync(A.Key("o", "old"), Owned("ann", SealedText.SealAsBefore(keys.Current, A.Key("o", "old").ToString(), path, "from before")), A.Index("old"));

        var stolen = await Assert.ThrowsAsync<SecretUnreadableException>(() => store.FindAsync<ClusterObject>(A.Key("o", "u"), Stop));
        var old = (await store.FindAsync<ClusterObject>(A.Key("o", "old"), Stop))!;
        await store.UpdateAsync(old.Key, old.Version, old.Body, A.Index("old"));

        Assert.Equal("u", stolen.Fault!.Name);
        Assert.Equal("from before", old.Body.ClusterInfo.Kubeconfig);
        Assert.StartsWith("px2:", (await sqlite.FindAsync<ClusterObject>(old.Key, Stop))!.Body.ClusterInfo.Kubeconfig, StringComparison.Ordinal);

        static ClusterObject Owned(string owner, string kubeconfig) => new()
        {
            Metadata = new() { Name = "u", Ownership = new() { Owner = owner } },
            ClusterInfo = new() { Kubeconfig = kubeconfig },
        };
    }

    [Fact]
    public void An_empty_store_beside_keys_is_refused_until_it_is_said_to_start_anew()
    {
        using (var sqlite = OpenSqlite())
            _ = Keys(sqlite);
        foreach (var file in Directory.GetFiles(directory.Path, "records.db*"))
            File.Delete(file);
        using var empty = OpenSqlite();
        var lines = File.ReadAllText(KeyFile);

        var refused = Assert.Throws<SecretUnreadableException>(() => Keys(empty));
        var again = Assert.Throws<SecretUnreadableException>(() => Keys(empty));

        Assert.Contains(KeyFile, refused.Message);
        Assert.Contains("--start-anew", refused.Message);
        Assert.Equal(refused.Message, again.Message);
        _ = MasterKeys.Open(new SecretsOptions { Directory = Path.GetDirectoryName(KeyFile)!, Keys = null, StartAnew = true }, empty);
        _ = Keys(empty);
        Assert.Equal(lines, File.ReadAllText(KeyFile));
    }

    [Fact]
    public void A_first_start_that_was_cut_off_between_key_and_mark_is_no_lost_store()
    {
        using var sqlite = OpenSqlite();
        Assert.Throws<RecordStoreException>(() => MasterKeys.Open(new SecretsOptions { Directory = Path.GetDirectoryName(KeyFile)!, Keys = null }, new CutOffMark()));
        Assert.Contains("unused", File.ReadAllText(KeyFile));

        _ = Keys(sqlite);

        Assert.DoesNotContain("unused", File.ReadAllText(KeyFile));
    }

    [Fact]
    public async Task No_changed_byte_of_a_sealed_value_passes()
    {
        using var sqlite = OpenSqlite();
        var store = Sealed(sqlite);
        var key = A.Key("o");
        await store.InsertAsync(key, A.Body("a", "secret"), A.Index("a"));
        var text = (await sqlite.FindAsync<ClusterObject>(key, Stop))!.Body.ClusterInfo.Kubeconfig;

        for (var i = 0; i < text.Length; i++)
        {
            var version = (await sqlite.FindAsync<ClusterObject>(key, Stop))!.Version;
            var changed = text[..i] + (text[i] == 'A' ? 'B' : 'A') + text[(i + 1)..];
            await sqlite.UpdateAsync(key, version, A.Body("a", changed), A.Index("a"));
            await Assert.ThrowsAsync<SecretUnreadableException>(() => store.FindAsync<ClusterObject>(key, Stop));
        }
    }

    [Theory]
    [InlineData("plain text")]
    [InlineData("px1:")]
    [InlineData("px1::AAAA")]
    [InlineData("px1:000000000000:AAAA")]
    [InlineData("px2:")]
    [InlineData("px2:000000000000:AAAA")]
    public async Task A_value_that_is_not_sealed_is_never_passed_on(string text)
    {
        using var sqlite = OpenSqlite();
        var key = A.Key("o");
        await sqlite.InsertAsync(key, A.Body("a", text), A.Index("a"));

        await Assert.ThrowsAsync<SecretUnreadableException>(() => Sealed(sqlite).FindAsync<ClusterObject>(key, Stop));
    }

    [Fact]
    public void A_lost_key_is_an_error_at_start_and_no_new_key_is_made()
    {
        using var sqlite = OpenSqlite();
        _ = Sealed(sqlite);
        File.Delete(KeyFile);

        var lost = Assert.Throws<SecretUnreadableException>(() => Sealed(sqlite));

        Assert.Contains("put back", lost.Message);
        Assert.Contains(KeyFile, lost.Message);
        Assert.False(File.Exists(KeyFile));
    }

    [Fact]
    public void Another_key_is_an_error_that_names_the_missing_one()
    {
        using var sqlite = OpenSqlite();
        var first = Keys(sqlite).Current.Id;

        var wrong = Assert.Throws<SecretUnreadableException>(() => MasterKeys.Open(
            new SecretsOptions { Keys = Convert.ToBase64String(new byte[32]) }, sqlite));

        Assert.Contains(first, wrong.Message);
    }

    [Fact]
    public async Task A_key_from_the_environment_needs_no_file()
    {
        using var sqlite = OpenSqlite();
        var options = new SecretsOptions { Keys = Convert.ToBase64String(Enumerable.Range(0, 32).Select(i => (byte)i).ToArray()) };
        var key = A.Key("o");
        await new SealingRecordStore(sqlite, MasterKeys.Open(options, sqlite)).InsertAsync(key, A.Body("a", Canary), A.Index("a"));

        var again = new SealingRecordStore(sqlite, MasterKeys.Open(options, sqlite));

        Assert.Equal(Canary, (await again.FindAsync<ClusterObject>(key, Stop))!.Body.ClusterInfo.Kubeconfig);
        Assert.False(File.Exists(KeyFile));
    }

    [Fact]
    public void A_key_file_that_others_can_read_or_that_is_damaged_is_refused()
    {
        using var sqlite = OpenSqlite();
        _ = Keys(sqlite);
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(KeyFile));
            File.SetUnixFileMode(KeyFile, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead);
            Assert.Contains("chmod 600", Assert.Throws<RecordStoreException>(() => Keys(sqlite)).Message);
            File.SetUnixFileMode(KeyFile, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }

        var lines = File.ReadAllLines(KeyFile);
        lines[1] = lines[1][..^10] + "AAAAAAAAA=";
        File.WriteAllLines(KeyFile, lines);

        Assert.Contains("damaged", Assert.Throws<SecretUnreadableException>(() => Keys(sqlite)).Message);
    }

    [Fact]
    public async Task Rotation_seals_everything_anew_while_others_write()
    {
        using var sqlite = OpenSqlite();
        var keys = Keys(sqlite);
        var store = new SealingRecordStore(sqlite, keys);
        for (var i = 0; i < 600; i++)
            await store.InsertAsync(A.Key("o", $"u{i}"), A.Body($"n{i}", Canary + i), A.Index($"n{i}"));
        var old = keys.Current.Id;

        keys.AddKey();
        var writer = Task.Run(() => WriteAllAsync(store), Stop);
        await new SecretRotation(store, keys, [SealedKind.Of<ClusterObject>(ObjectKind.Cluster, body => A.Index(body.Metadata.Name))]).RotateAsync(Stop);
        await writer;

        // Only the new key is left: everything opens, nothing names the old one.
        File.WriteAllLines(KeyFile, File.ReadAllLines(KeyFile).Where(line => !line.Contains(old, StringComparison.Ordinal)));
        var again = Sealed(sqlite);
        var all = await again.QueryAsync<ClusterObject>(new RecordQuery { Kind = ObjectKind.Cluster, OrgId = "o" }, Stop);
        Assert.Equal(600, all.Items.Count);
        Assert.All(all.Items, item => Assert.Equal(Canary + item.Key.Uid[1..], item.Body.ClusterInfo.Kubeconfig));
    }

    /// <summary>Reads, changes and writes every record once, again after each conflict.</summary>
    private static async Task WriteAllAsync(SealingRecordStore store)
    {
        for (var i = 599; i >= 0; i--)
        {
            for (var written = false; !written;)
            {
                var read = (await store.FindAsync<ClusterObject>(A.Key("o", $"u{i}"), Stop))!;
                try
                {
                    await store.UpdateAsync(read.Key, read.Version, read.Body, A.Index($"n{i}"));
                    written = true;
                }
                catch (RecordConflictException)
                {
                    // The rotation was faster: read again.
                }
            }
        }
    }

    private SqliteRecordStore OpenSqlite() =>
        SqliteRecordStore.Open(new SqliteOptions { Directory = directory.Path }, TimeProvider.System, NullLogger<SqliteRecordStore>.Instance);

    private MasterKeys Keys(SqliteRecordStore sqlite) =>
        MasterKeys.Open(new SecretsOptions { Directory = Path.GetDirectoryName(KeyFile)!, Keys = null }, sqlite);

    private SealingRecordStore Sealed(SqliteRecordStore sqlite) => new(sqlite, Keys(sqlite));

    private void AssertNoCanary()
    {
        foreach (var file in Directory.GetFiles(directory.Path, "records.db*"))
        {
            if (file.EndsWith(".lock", StringComparison.Ordinal))
                continue;
            using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            using var copy = new MemoryStream();
            stream.CopyTo(copy);
            var bytes = copy.ToArray();
            Assert.Equal(-1, bytes.AsSpan().IndexOf(Encoding.UTF8.GetBytes(Canary)));
            Assert.Equal(-1, bytes.AsSpan().IndexOf(Encoding.Unicode.GetBytes(Canary)));
        }
    }

    private sealed class CutOffMark : IKeyMark
    {
        public string? Read() => null;

        public void Write(string mark) => throw new RecordStoreException("cut off");
    }
}
