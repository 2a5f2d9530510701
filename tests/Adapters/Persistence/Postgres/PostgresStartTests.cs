using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using PxBackup.Grains.Records;
using PxBackup.Persistence.Relational;
using PxBackup.Tests.Adapters.Peers;
using Xunit;

namespace PxBackup.Tests.Adapters.Persistence.Postgres;

/// <summary>What the start says of a database that cannot be used: one line with the cure, and never the password.</summary>
public sealed class PostgresStartTests(PostgresPeer peer)
{
    [Fact]
    public void A_server_that_cannot_be_reached_is_told_with_its_address()
    {
        var text = Refused(new PostgresOptions { ConnectionString = "Host=127.0.0.1;Port=1;Username=u;Password=secret-1;Database=d" });

        Assert.Contains("127.0.0.1:1", text);
        Assert.Contains("cannot be reached", text);
    }

    [Fact]
    public async Task A_wrong_password_is_told()
    {
        var text = Refused(await WithAsync(connection => connection.Password = "secret-2"));

        Assert.Contains("user or password is refused", text);
    }

    [Fact]
    public async Task A_missing_database_is_told_with_the_command_that_makes_it()
    {
        var text = Refused(await WithAsync(connection => connection.Database = "no_such_database"));

        Assert.Contains("no_such_database", text);
        Assert.Contains("createdb", text);
    }

    [Fact]
    public async Task A_user_without_rights_is_told_until_an_administrator_has_made_the_schema()
    {
        var role = await RoleAsync("");
        var options = await WithAsync(connection => (connection.Username, connection.Password) = (role, "secret-3"));

        Assert.Contains("owner", Refused(options));

        await peer.RunAsync($"CREATE SCHEMA {options.Schema} AUTHORIZATION {role}");
        using (Open(options))
            Assert.NotEmpty(options.Schema);
        await peer.RunAsync($"DROP SCHEMA {options.Schema} CASCADE; DROP ROLE {role}");
    }

    [Fact]
    public async Task A_read_only_server_is_told()
    {
        var role = await RoleAsync("SUPERUSER");
        await peer.RunAsync($"ALTER ROLE {role} SET default_transaction_read_only = on");

        var text = Refused(await WithAsync(connection => (connection.Username, connection.Password) = (role, "secret-3")));

        Assert.Contains("read-only", text);
        await peer.RunAsync($"DROP ROLE {role}");
    }

    [Fact]
    public async Task A_database_that_cannot_hold_every_text_is_refused()
    {
        var name = $"latin_{Guid.NewGuid():N}";
        await peer.RunAsync($"CREATE DATABASE {name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");

        var text = Refused(await WithAsync(connection => (connection.Database, connection.Pooling) = (name, false)));

        Assert.Contains("UTF8", text);
        await peer.RunAsync($"DROP DATABASE {name} WITH (FORCE)");
    }

    [Theory]
    [InlineData(130_099, false, "UTF8", "too old")]
    [InlineData(140_000, true, "UTF8", "read-only")]
    [InlineData(180_001, false, "SQL_ASCII", "encoding")]
    public void A_server_is_refused_for_what_it_says_of_itself(int version, bool readOnly, string encoding, string expected)
    {
        var facts = new ServerFacts { Version = version, IsReadOnly = readOnly, Encoding = encoding, ForgetsWrites = false };

        Assert.Contains(expected, Assert.Throws<RecordStoreException>(() => facts.Check("PostgreSQL at db:5432")).Message);
    }

    [Fact]
    public async Task A_newer_schema_is_refused_unless_it_says_that_this_program_may_work_beside_it()
    {
        var options = await peer.OptionsAsync();
        Open(options).Dispose();
        await peer.RunAsync($"INSERT INTO {options.Schema}.schema_steps(step, readable_by) VALUES({PostgresSchema.Current + 1}, {PostgresSchema.Current})");
        Open(options).Dispose();
        await peer.RunAsync($"UPDATE {options.Schema}.schema_steps SET readable_by=step WHERE step>{PostgresSchema.Current}");

        var text = Refused(options);

        Assert.Contains("run the newer program", text);
        await peer.RunAsync($"DROP SCHEMA {options.Schema} CASCADE");
    }

    [Fact]
    public async Task A_schema_of_another_program_is_refused()
    {
        var options = await peer.OptionsAsync();
        await peer.RunAsync($"CREATE SCHEMA {options.Schema}; CREATE TABLE {options.Schema}.theirs(x int)");

        Assert.Contains("another program", Refused(options));
        await peer.RunAsync($"DROP SCHEMA {options.Schema} CASCADE");
    }

    [Fact]
    public async Task Eight_processes_that_start_at_once_make_one_schema()
    {
        var options = await peer.OptionsAsync();

        var opened = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() => Open(options))));

        await using var connection = await opened[0].Records.OpenConnectionAsync(TestContext.Current.CancellationToken);
        await using var count = new NpgsqlCommand("SELECT count(*) FROM schema_steps", connection);
        Assert.Equal((long)PostgresSchema.Current, await count.ExecuteScalarAsync(TestContext.Current.CancellationToken));
        foreach (var database in opened)
            await database.DisposeAsync();
        await peer.RunAsync($"DROP SCHEMA {options.Schema} CASCADE");
    }

    [Theory]
    [InlineData("Host=db;Pasword=secret-4")]
    [InlineData("postgres://u:secret-4@db/pxbackup")]
    [InlineData("Password=secret-4")]
    [InlineData("Host=db;Port=secret-4")]
    public void A_connection_string_that_cannot_be_read_is_told_without_its_words(string text) =>
        Assert.Contains("Host=db;Username=", Refused(new PostgresOptions { ConnectionString = text }));

    private static PostgresDatabase Open(PostgresOptions options) => PostgresDatabase.Open(options, NullLogger<PostgresDatabase>.Instance);

    private static string Refused(PostgresOptions options)
    {
        var refused = Assert.Throws<RecordStoreException>(() => Open(options));
        Assert.DoesNotContain("secret-", refused.ToString());
        Assert.DoesNotContain('\n', refused.Message);
        return refused.Message;
    }

    private async Task<string> RoleAsync(string rights)
    {
        var role = $"role_{Guid.NewGuid():N}";
        await peer.RunAsync($"CREATE ROLE {role} LOGIN PASSWORD 'secret-3' {rights}");
        return role;
    }

    private async Task<PostgresOptions> WithAsync(Action<NpgsqlConnectionStringBuilder> change)
    {
        var options = await peer.OptionsAsync();
        var connection = new NpgsqlConnectionStringBuilder(options.ConnectionString);
        change(connection);
        options.ConnectionString = connection.ConnectionString;
        return options;
    }
}
