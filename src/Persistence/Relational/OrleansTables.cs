namespace PxBackup.Persistence.Relational;

/// <summary>
/// The tables of Orleans' own state, and the statements that its ADO.NET providers read from <c>OrleansQuery</c> at their start. The
/// providers give the names of the rows, parameters and result columns; the statements are ours: one statement each, so each is
/// one transaction.
/// </summary>
internal static class OrleansTables
{
    /// <summary>
    /// Versions come from sequences, not from the row's last one: a reminder or state that is removed and made again never meets
    /// an old etag. Status 3 is Active.
    /// </summary>
    public const string Create =
        """
        CREATE TABLE OrleansQuery(QueryKey text PRIMARY KEY, QueryText text NOT NULL);

        CREATE TABLE orleans_clusters(deployment text PRIMARY KEY, version int NOT NULL);
        CREATE TABLE orleans_silos(
            deployment text NOT NULL, address text NOT NULL, port int NOT NULL, generation int NOT NULL,
            silo_name text NOT NULL, host_name text NOT NULL, status int NOT NULL, proxy_port int NOT NULL, suspect_times text,
            start_time timestamptz NOT NULL, alive_time timestamptz NOT NULL,
            PRIMARY KEY(deployment, address, port, generation)) WITH (fillfactor = 50);

        CREATE SEQUENCE orleans_reminder_versions AS int CYCLE;
        CREATE TABLE orleans_reminders(
            service text NOT NULL, grain text NOT NULL, name text NOT NULL, hash int NOT NULL,
            start_time timestamptz NOT NULL, period bigint NOT NULL, version int NOT NULL,
            PRIMARY KEY(service, grain, name));
        CREATE INDEX orleans_reminders_by_hash ON orleans_reminders(service, hash);

        CREATE SEQUENCE orleans_state_versions AS int CYCLE;
        CREATE TABLE orleans_states(
            service text NOT NULL, type_hash int NOT NULL, type text NOT NULL,
            id_hash int NOT NULL, id0 bigint NOT NULL, id1 bigint NOT NULL, extension text,
            payload bytea, version int NOT NULL, changed timestamptz NOT NULL DEFAULT now());
        CREATE UNIQUE INDEX orleans_states_by_grain ON orleans_states(id_hash, type_hash, id0, id1, service, type, (coalesce('=' || extension, '')));

        INSERT INTO OrleansQuery(QueryKey, QueryText) VALUES
        ('InsertMembershipVersionKey', $q$
            WITH made AS (INSERT INTO orleans_clusters(deployment, version) VALUES(@DeploymentId, 0) ON CONFLICT DO NOTHING RETURNING 1)
            SELECT EXISTS(SELECT FROM made) $q$),
        ('MembershipReadRowKey', $q$
            SELECT c.version AS Version, s.address AS Address, s.port AS Port, s.generation AS Generation, s.silo_name AS SiloName,
                s.host_name AS HostName, s.status AS Status, s.proxy_port AS ProxyPort, s.suspect_times AS SuspectTimes,
                s.start_time AS StartTime, s.alive_time AS IAmAliveTime
            FROM orleans_clusters c LEFT JOIN orleans_silos s
                ON s.deployment = c.deployment AND s.address = @Address AND s.port = @Port AND s.generation = @Generation
            WHERE c.deployment = @DeploymentId $q$),
        ('MembershipReadAllKey', $q$
            SELECT c.version AS Version, s.address AS Address, s.port AS Port, s.generation AS Generation, s.silo_name AS SiloName,
                s.host_name AS HostName, s.status AS Status, s.proxy_port AS ProxyPort, s.suspect_times AS SuspectTimes,
                s.start_time AS StartTime, s.alive_time AS IAmAliveTime
            FROM orleans_clusters c LEFT JOIN orleans_silos s USING (deployment)
            WHERE c.deployment = @DeploymentId $q$),
        ('InsertMembershipKey', $q$
            WITH turn AS (
                UPDATE orleans_clusters SET version = version + 1
                WHERE deployment = @DeploymentId AND version = @Version AND NOT EXISTS(
                    SELECT FROM orleans_silos WHERE deployment = @DeploymentId AND address = @Address AND port = @Port AND generation = @Generation)
                RETURNING deployment),
            made AS (
                INSERT INTO orleans_silos(deployment, address, port, generation, silo_name, host_name, status, proxy_port, start_time, alive_time)
                SELECT deployment, @Address, @Port, @Generation, @SiloName, @HostName, @Status, @ProxyPort, @StartTime, @IAmAliveTime FROM turn
                RETURNING 1)
            SELECT EXISTS(SELECT FROM made) $q$),
        ('UpdateMembershipKey', $q$
            WITH turn AS (
                UPDATE orleans_clusters SET version = version + 1
                WHERE deployment = @DeploymentId AND version = @Version AND EXISTS(
                    SELECT FROM orleans_silos WHERE deployment = @DeploymentId AND address = @Address AND port = @Port AND generation = @Generation)
                RETURNING deployment),
            changed AS (
                UPDATE orleans_silos s SET status = @Status, suspect_times = @SuspectTimes, alive_time = @IAmAliveTime FROM turn
                WHERE s.deployment = turn.deployment AND s.address = @Address AND s.port = @Port AND s.generation = @Generation
                RETURNING 1)
            SELECT EXISTS(SELECT FROM changed) $q$),
        ('UpdateIAmAlivetimeKey', $q$
            UPDATE orleans_silos SET alive_time = @IAmAliveTime
            WHERE deployment = @DeploymentId AND address = @Address AND port = @Port AND generation = @Generation $q$),
        ('GatewaysQueryKey', $q$
            SELECT address AS Address, proxy_port AS ProxyPort, generation AS Generation FROM orleans_silos
            WHERE deployment = @DeploymentId AND status = @Status AND proxy_port > 0 $q$),
        ('DeleteMembershipTableEntriesKey', $q$
            WITH silos AS (DELETE FROM orleans_silos WHERE deployment = @DeploymentId)
            DELETE FROM orleans_clusters WHERE deployment = @DeploymentId $q$),
        ('CleanupDefunctSiloEntriesKey', $q$
            DELETE FROM orleans_silos WHERE deployment = @DeploymentId AND alive_time < @IAmAliveTime AND status <> 3 $q$),

        ('ReadReminderRowsKey', $q$
            SELECT grain AS GrainId, name AS ReminderName, start_time AS StartTime, period AS Period, version AS Version
            FROM orleans_reminders WHERE service = @ServiceId AND grain = @GrainId $q$),
        ('ReadReminderRowKey', $q$
            SELECT grain AS GrainId, name AS ReminderName, start_time AS StartTime, period AS Period, version AS Version
            FROM orleans_reminders WHERE service = @ServiceId AND grain = @GrainId AND name = @ReminderName $q$),
        ('ReadRangeRows1Key', $q$
            SELECT grain AS GrainId, name AS ReminderName, start_time AS StartTime, period AS Period, version AS Version
            FROM orleans_reminders WHERE service = @ServiceId AND hash > @BeginHash AND hash <= @EndHash $q$),
        ('ReadRangeRows2Key', $q$
            SELECT grain AS GrainId, name AS ReminderName, start_time AS StartTime, period AS Period, version AS Version
            FROM orleans_reminders WHERE service = @ServiceId AND (hash > @BeginHash OR hash <= @EndHash) $q$),
        ('UpsertReminderRowKey', $q$
            INSERT INTO orleans_reminders(service, grain, name, hash, start_time, period, version)
            VALUES(@ServiceId, @GrainId, @ReminderName, @GrainHash, @StartTime, @Period, nextval('orleans_reminder_versions'))
            ON CONFLICT(service, grain, name) DO UPDATE SET hash = excluded.hash, start_time = excluded.start_time, period = excluded.period, version = excluded.version
            RETURNING version AS Version $q$),
        ('DeleteReminderRowKey', $q$
            WITH gone AS (
                DELETE FROM orleans_reminders WHERE service = @ServiceId AND grain = @GrainId AND name = @ReminderName AND version = @Version RETURNING 1)
            SELECT EXISTS(SELECT FROM gone) $q$),
        ('DeleteReminderRowsKey', $q$
            DELETE FROM orleans_reminders WHERE service = @ServiceId $q$),

        ('ReadFromStorageKey', $q$
            SELECT payload AS PayloadBinary, version AS Version FROM orleans_states
            WHERE id_hash = @GrainIdHash AND type_hash = @GrainTypeHash AND id0 = @GrainIdN0 AND id1 = @GrainIdN1 AND service = @ServiceId
                AND type = @GrainTypeString AND coalesce('=' || extension, '') = coalesce('=' || @GrainIdExtensionString, '') $q$),
        ('WriteToStorageKey', $q$
            WITH changed AS (
                UPDATE orleans_states SET payload = @PayloadBinary, version = nextval('orleans_state_versions'), changed = now()
                WHERE id_hash = @GrainIdHash AND type_hash = @GrainTypeHash AND id0 = @GrainIdN0 AND id1 = @GrainIdN1 AND service = @ServiceId
                    AND type = @GrainTypeString AND coalesce('=' || extension, '') = coalesce('=' || @GrainIdExtensionString, '')
                    AND version = @GrainStateVersion
                RETURNING version),
            made AS (
                INSERT INTO orleans_states(service, type_hash, type, id_hash, id0, id1, extension, payload, version)
                SELECT @ServiceId, @GrainTypeHash, @GrainTypeString, @GrainIdHash, @GrainIdN0, @GrainIdN1, @GrainIdExtensionString, @PayloadBinary, nextval('orleans_state_versions')
                WHERE @GrainStateVersion IS NULL
                ON CONFLICT DO NOTHING RETURNING version)
            SELECT version AS NewGrainStateVersion FROM changed UNION ALL SELECT version FROM made $q$),
        ('ClearStorageKey', $q$
            UPDATE orleans_states SET payload = NULL, version = nextval('orleans_state_versions'), changed = now()
            WHERE id_hash = @GrainIdHash AND type_hash = @GrainTypeHash AND id0 = @GrainIdN0 AND id1 = @GrainIdN1 AND service = @ServiceId
                AND type = @GrainTypeString AND coalesce('=' || extension, '') = coalesce('=' || @GrainIdExtensionString, '')
                AND version = @GrainStateVersion
            RETURNING version AS NewGrainStateVersion $q$),
        ('DeleteStorageKey', $q$
            DELETE FROM orleans_states
            WHERE id_hash = @GrainIdHash AND type_hash = @GrainTypeHash AND id0 = @GrainIdN0 AND id1 = @GrainIdN1 AND service = @ServiceId
                AND type = @GrainTypeString AND coalesce('=' || extension, '') = coalesce('=' || @GrainIdExtensionString, '')
                AND version = @GrainStateVersion
            RETURNING nextval('orleans_state_versions')::int AS NewGrainStateVersion $q$);
        """;
}
