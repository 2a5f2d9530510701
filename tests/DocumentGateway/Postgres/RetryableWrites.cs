namespace PxBackup.DocumentGateway.Postgres;

/// <summary>
/// Writes that a client may send again: what was answered to the last one of each session is kept beside the documents, and in the same
/// transaction. DocumentDB has such a record too, but forgets it when somebody else writes the document, and has none for commands
/// with several statements.
/// </summary>
internal sealed class RetryableWrites
{
    /// <summary>The answer (bytes, and whether it is one without errors) to a write that is done now or was done before.</summary>
    public const string Once = "SELECT reply, success FROM gateway.once($1, $2, $3, $4, $5, $6)";

    /// <summary>Recorded in a transaction before it is committed: whether it was can then be told later.</summary>
    public const string Commits = "INSERT INTO gateway.answered (session, number) VALUES ($1, $2) ON CONFLICT (session) DO UPDATE SET number = excluded.number RETURNING true";

    public const string WasCommitted = "SELECT EXISTS (SELECT FROM gateway.answered WHERE session = $1 AND number = $2)";

    /// <summary>Several writes and several gateways may find the table missing at once: this number (any would do) makes them take turns.</summary>
    private const string Schema = """
        SELECT 1 FROM pg_advisory_xact_lock(5108001);
        CREATE SCHEMA IF NOT EXISTS gateway;
        CREATE TABLE IF NOT EXISTS gateway.answered (session text PRIMARY KEY, number bigint NOT NULL, reply bytea, success boolean) WITH (fillfactor = 50);
        CREATE OR REPLACE FUNCTION gateway.once(
          p_session text, p_number bigint, p_command text, p_database text, p_document bytea, p_sequence bytea, OUT reply bytea, OUT success boolean)
        LANGUAGE plpgsql AS $body$
        DECLARE
          v_last bigint;
        BEGIN
          -- The same write on another connection waits here until this one has ended.
          INSERT INTO gateway.answered AS a (session, number) VALUES (p_session, p_number)
            ON CONFLICT (session) DO UPDATE SET number = excluded.number WHERE a.number < excluded.number;
          IF NOT FOUND THEN
            SELECT a.number, a.reply, a.success INTO v_last, reply, success FROM gateway.answered a WHERE a.session = p_session;
            IF v_last > p_number THEN
              RAISE EXCEPTION 'Retryable write with txnNumber % is prohibited on session because a newer one with txnNumber % has already started', p_number, v_last USING ERRCODE = 'M00F5';
            END IF;
            RETURN;
          END IF;
          CASE p_command
            WHEN 'insert' THEN SELECT p_result::bytea, p_success INTO reply, success FROM documentdb_api.insert(p_database, p_document, p_sequence, NULL);
            WHEN 'update' THEN SELECT p_result::bytea, p_success INTO reply, success FROM documentdb_api.update(p_database, p_document, p_sequence, NULL);
            WHEN 'delete' THEN SELECT p_result::bytea, p_success INTO reply, success FROM documentdb_api.delete(p_database, p_document, p_sequence, NULL);
            WHEN 'find_and_modify' THEN SELECT p_result::bytea, p_success INTO reply, success FROM documentdb_api.find_and_modify(p_database, p_document, NULL);
          END CASE;
          UPDATE gateway.answered a SET reply = once.reply, success = once.success WHERE a.session = p_session;
        END
        $body$
        """;

    private volatile bool prepared;

    /// <summary>Makes the table where it is missing: the database may start after the gateway.</summary>
    public async Task PrepareAsync(DocumentStore store, CancellationToken cancellationToken)
    {
        if (prepared) return;
        await store.CallAsync(null, null, Schema, cancellationToken);
        prepared = true;
    }
}
