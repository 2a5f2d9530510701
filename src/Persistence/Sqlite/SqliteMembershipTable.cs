using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Options;
using Orleans;
using Orleans.Configuration;
using Orleans.Runtime;
using PxBackup.Grains.Records;
using PxBackup.Persistence.Clustering;

namespace PxBackup.Persistence.Sqlite;

/// <summary>
/// The members of a cluster in SQLite: all of them are silos of this process, for the file is open to one process only. The
/// one writer decides and writes in one transaction.
/// </summary>
/// <param name="store">The file.</param>
/// <param name="options">Whose <see cref="ClusterOptions.ClusterId"/> names the cluster.</param>
public sealed class SqliteMembershipTable(SqliteRecordStore store, IOptions<ClusterOptions> options) : MembershipTable
{
    private const string Columns = "address, etag, status, silo_name, host_name, role_name, proxy_port, update_zone, fault_zone, started_at, alive_at, suspected_by";

    private readonly string cluster = options.Value.ClusterId;

    /// <inheritdoc />
    public override Task InitializeMembershipTableAsync(bool tryInitTableVersion, CancellationToken cancellationToken) => store.WriteAsync(writes =>
        tryInitTableVersion ? writes.Sql("INSERT INTO clusters(id, version, etag) VALUES($0, 0, $1) ON CONFLICT DO NOTHING").Run(cluster, SqliteText.NewETag()) : 0);

    /// <inheritdoc />
    public override Task DeleteMembershipTableEntriesAsync(string clusterId, CancellationToken cancellationToken) => store.WriteAsync(writes =>
        writes.Sql("DELETE FROM silos WHERE cluster=$0").Run(clusterId) + writes.Sql("DELETE FROM clusters WHERE id=$0").Run(clusterId));

    /// <inheritdoc />
    public override async Task CleanupDefunctSiloEntriesAsync(DateTimeOffset beforeDate, CancellationToken cancellationToken)
    {
        var data = await ReadAllAsync(cancellationToken);
        var defunct = data.Members.Where(member => Defunct.Is(member.Item1, beforeDate)).ToList();
        // As it was read, heartbeats included: a silo that has spoken since is not defunct.
        await store.WriteAsync(writes => defunct.Sum(member => writes.Sql("DELETE FROM silos WHERE cluster=$0 AND address=$1 AND etag=$2 AND alive_at=$3").Run(
            cluster, member.Item1.SiloAddress.ToParsableString(), member.Item2, SqliteText.Of(member.Item1.IAmAliveTime))));
    }

    /// <inheritdoc />
    public override Task<MembershipTableData> ReadRowAsync(SiloAddress key, CancellationToken cancellationToken) =>
        ReadAsync(reading => reading.Fixed($"SELECT {Columns} FROM silos WHERE cluster=$0 AND address=$1").Read(cluster, key.ToParsableString()), cancellationToken);

    /// <inheritdoc />
    public override Task<MembershipTableData> ReadAllAsync(CancellationToken cancellationToken) =>
        ReadAsync(reading => reading.Fixed($"SELECT {Columns} FROM silos WHERE cluster=$0").Read(cluster), cancellationToken);

    /// <inheritdoc />
    public override Task<bool> InsertRowAsync(MembershipEntry entry, TableVersion tableVersion, CancellationToken cancellationToken) =>
        WriteAsync(entry, null, tableVersion);

    /// <inheritdoc />
    public override Task<bool> UpdateRowAsync(MembershipEntry entry, string etag, TableVersion tableVersion, CancellationToken cancellationToken) =>
        WriteAsync(entry, etag, tableVersion);

    /// <inheritdoc />
    public override async Task UpdateIAmAliveAsync(MembershipEntry entry, CancellationToken cancellationToken)
    {
        var silo = entry.SiloAddress.ToParsableString();
        var written = await store.WriteAsync(writes =>
            writes.Sql("UPDATE silos SET alive_at=$2 WHERE cluster=$0 AND address=$1").Run(cluster, silo, SqliteText.Of(entry.IAmAliveTime)));
        if (written == 0)
            throw new RecordStoreException($"silo {silo} is not among the members of cluster '{cluster}' in '{store.Database}': it was declared dead and cleaned up; restart it");
    }

    /// <summary>Writes a silo: over the row with this etag, or where there is none if there is no etag.</summary>
    private Task<bool> WriteAsync(MembershipEntry silo, string? over, TableVersion next)
    {
        var (address, etag) = (silo.SiloAddress.ToParsableString(), SqliteText.NewETag());
        object?[] row =
        [
            cluster, address, etag, silo.Status.ToString(), silo.SiloName, silo.HostName, silo.RoleName, (long)silo.ProxyPort, (long)silo.UpdateZone, (long)silo.FaultZone,
            SqliteText.Of(silo.StartTime), SqliteText.Of(silo.IAmAliveTime), string.Join(' ', (silo.SuspectTimes ?? []).Select(vote => $"{vote.Item1.ToParsableString()}={SqliteText.Of(vote.Item2)}")),
        ];
        return store.WriteAsync(writes =>
        {
            using (var stored = writes.Sql("SELECT etag FROM silos WHERE cluster=$0 AND address=$1").Read(cluster, address))
            {
                if ((stored.Read() ? stored.GetString(0) : null) != over)
                    return false;
            }

            if (writes.Sql("UPDATE clusters SET version=$1, etag=$2 WHERE id=$0 AND etag=$3").Run(cluster, (long)next.Version, etag, next.VersionEtag) == 0)
                return false;
            writes.Sql($"INSERT OR REPLACE INTO silos(cluster, {Columns}) VALUES($0,$1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12)").Run(row);
            return true;
        });
    }

    private Task<MembershipTableData> ReadAsync(Func<SqliteReading, SqliteDataReader> rows, CancellationToken cancellationToken) =>
        store.ReadAsync(reading => reading.Snapshot(() =>
        {
            TableVersion version;
            using (var table = reading.Fixed("SELECT version, etag FROM clusters WHERE id=$0").Read(cluster))
            {
                version = table.Read()
                    ? new TableVersion(table.GetInt32(0), table.GetString(1))
                    : throw new RecordStoreException($"'{store.Database}' knows no cluster '{cluster}': no silo of it has started, or its entries were deleted; restart the process");
            }

            using var silos = rows(reading);
            var members = new List<Tuple<MembershipEntry, string>>();
            while (silos.Read())
                members.Add(SqliteText.Row($"silo '{silos.GetString(0)}' of cluster '{cluster}'", store.Database, () => Silo(silos)));
            return new MembershipTableData(members, version);
        }), cancellationToken);

    private static Tuple<MembershipEntry, string> Silo(SqliteDataReader row) => Tuple.Create(
        new MembershipEntry
        {
            SiloAddress = SiloAddress.FromParsableString(row.GetString(0)),
            Status = Enum.Parse<SiloStatus>(row.GetString(2)),
            SiloName = row.OptionalText(3)!,
            HostName = row.OptionalText(4)!,
            RoleName = row.OptionalText(5),
            ProxyPort = row.GetInt32(6),
            UpdateZone = row.GetInt32(7),
            FaultZone = row.GetInt32(8),
            StartTime = SqliteText.Date(row.GetString(9)),
            IAmAliveTime = SqliteText.Date(row.GetString(10)),
            SuspectTimes = [.. row.GetString(11).Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(Vote)],
        },
        row.GetString(1));

    private static Tuple<SiloAddress, DateTime> Vote(string text)
    {
        var parts = text.Split('=');
        return Tuple.Create(SiloAddress.FromParsableString(parts[0]), SqliteText.Date(parts[1]));
    }
}
