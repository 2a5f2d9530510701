using System.Globalization;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans;
using Orleans.Configuration;
using Orleans.Runtime;
using PxBackup.Grains.Records;
using PxBackup.Persistence.GrainState;
using PxBackup.Persistence.Reminders;

namespace PxBackup.Persistence.Sqlite;

/// <summary>Reminders in SQLite, one row for each service, grain and name. Registering replaces; removing needs the etag.</summary>
/// <param name="store">The file.</param>
/// <param name="options">Whose <see cref="ClusterOptions.ServiceId"/> the reminders belong to.</param>
/// <param name="logger">Hears of reminders that cannot be read.</param>
public sealed partial class SqliteReminderTable(SqliteRecordStore store, IOptions<ClusterOptions> options, ILogger<SqliteReminderTable> logger) : ReminderTable
{
    private const string Select = "SELECT grain, name, etag, start_at, period FROM reminders WHERE service=$0";

    private readonly string service = options.Value.ServiceId;

    /// <inheritdoc />
    public override Task<ReminderTableData> ReadRows(GrainId grainId, CancellationToken cancellationToken) =>
        ReadAsync($"{Select} AND grain=$1", [GrainKeyText.Of(grainId)], cancellationToken);

    /// <inheritdoc />
    public override Task<ReminderTableData> ReadRows(uint begin, uint end, CancellationToken cancellationToken) =>
        // The ring closes: from its last part the range goes on at its first.
        ReadAsync($"{Select} AND (hash>$1 {(begin < end ? "AND" : "OR")} hash<=$2)", [(long)begin, (long)end], cancellationToken);

    /// <inheritdoc />
    public override Task<ReminderEntry?> ReadRow(GrainId grainId, string reminderName, CancellationToken cancellationToken) => store.ReadAsync(reading =>
    {
        using var row = reading.Fixed($"{Select} AND grain=$1 AND name=$2").Read(service, GrainKeyText.Of(grainId), reminderName);
        return row.Read() ? Reminder(row) : null;
    }, cancellationToken);

    /// <inheritdoc />
    public override async Task<string?> UpsertRow(ReminderEntry entry, CancellationToken cancellationToken)
    {
        var (grain, etag) = (GrainKeyText.Of(entry.GrainId), SqliteText.NewETag());
        var (startAt, period) = (SqliteText.Of(entry.StartAt), entry.Period.ToString("c", CultureInfo.InvariantCulture));
        await store.WriteAsync(writes => writes.Sql("INSERT OR REPLACE INTO reminders(service, grain, name, etag, start_at, period, hash) VALUES($0,$1,$2,$3,$4,$5,$6)").Run(
            service, grain, entry.ReminderName, etag, startAt, period, (long)entry.GrainId.GetUniformHashCode()));
        return etag;
    }

    /// <inheritdoc />
    public override async Task<bool> RemoveRow(GrainId grainId, string reminderName, string eTag, CancellationToken cancellationToken)
    {
        var grain = GrainKeyText.Of(grainId);
        return await store.WriteAsync(writes => writes.Sql("DELETE FROM reminders WHERE service=$0 AND grain=$1 AND name=$2 AND etag=$3").Run(service, grain, reminderName, eTag)) == 1;
    }

    /// <summary>Removes all reminders of this service.</summary>
    public override Task TestOnlyClearTable(CancellationToken cancellationToken) =>
        store.WriteAsync(writes => writes.Sql("DELETE FROM reminders WHERE service=$0").Run(service));

    private Task<ReminderTableData> ReadAsync(string sql, object[] values, CancellationToken cancellationToken) => store.ReadAsync(reading =>
    {
        using var row = reading.Fixed(sql).Read([service, .. values]);
        var found = new List<ReminderEntry>();
        while (row.Read())
        {
            try
            {
                found.Add(Reminder(row));
            }
            catch (RecordStoreException damaged)
            {
                // One damaged reminder must not stop the others that are read with it.
                LogDamaged(logger, damaged.Message);
            }
        }

        return new ReminderTableData(found);
    }, cancellationToken);

    private ReminderEntry Reminder(SqliteDataReader row) => SqliteText.Row($"reminder '{row.GetString(1)}' of grain {row.GetString(0)}", store.Database, () =>
    {
        var reminder = new ReminderEntry
        {
            GrainId = GrainId.Parse(row.GetString(0)),
            ReminderName = row.GetString(1),
            ETag = row.GetString(2),
            StartAt = SqliteText.Date(row.GetString(3)),
            Period = TimeSpan.ParseExact(row.GetString(4), "c", CultureInfo.InvariantCulture),
        };
        return reminder.Period > TimeSpan.Zero ? reminder : throw new FormatException("the period is not positive");
    });

    [LoggerMessage(Level = LogLevel.Error, Message = "A reminder does not tick: {Reason}")]
    private static partial void LogDamaged(ILogger logger, string reason);
}
