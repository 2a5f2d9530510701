using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Options;
using Orleans;
using Orleans.Configuration;
using Orleans.Runtime;
using Orleans.Serialization.Serializers;
using Orleans.Storage;
using PxBackup.Grains.Records;
using PxBackup.Persistence.GrainState;

namespace PxBackup.Persistence.Sqlite;

/// <summary>
/// Grain states in SQLite, one row of JSON each. A write replaces the row that its writer has read, or inserts where it has
/// read none; anything else is refused.
/// </summary>
/// <param name="store">The file.</param>
/// <param name="options">Whose <see cref="ClusterOptions.ServiceId"/> the states belong to.</param>
/// <param name="activators">Makes new states as Orleans does.</param>
/// <param name="time">For the time of a write, which is only for people.</param>
public sealed class SqliteGrainStorage(SqliteRecordStore store, IOptions<ClusterOptions> options, IActivatorProvider activators, TimeProvider time) : GrainStorage(activators)
{
    private const string One = "service=$0 AND state_name=$1 AND grain=$2";

    private readonly string service = options.Value.ServiceId;

    /// <inheritdoc />
    /// <exception cref="RecordStoreException">The database did not answer, or the row is damaged.</exception>
    public override async Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState, CancellationToken cancellationToken)
    {
        var id = GrainKeyText.Of(grainId);
        var row = await store.ReadAsync(reading =>
        {
            using var found = reading.Fixed($"SELECT etag, state FROM grain_states WHERE {One}").Read(service, stateName, id);
            return found.Read() ? (ETag: found.GetString(0), Json: found.GetString(1)) : default((string ETag, string Json)?);
        }, cancellationToken);
        if (row is not { } stored)
        {
            Reset(grainState);
            return;
        }

        try
        {
            grainState.State = StateJson.Read<T>(Encoding.UTF8.GetBytes(stored.Json))!;
        }
        catch (Exception failure) when (failure is JsonException or NotSupportedException)
        {
            throw new RecordStoreException($"state '{stateName}' of grain {id} in '{store.Database}' cannot be read as {typeof(T)}: {failure.Message}; repair the row in grain_states, or restore the data directory from a backup", failure);
        }

        (grainState.ETag, grainState.RecordExists) = (stored.ETag, true);
    }

    /// <inheritdoc />
    /// <exception cref="InconsistentStateException">The stored state is not the one that was read last; nothing was written.</exception>
    /// <exception cref="RecordStoreException">The database did not accept the write.</exception>
    public override async Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState, CancellationToken cancellationToken)
    {
        var (id, etag, known) = (GrainKeyText.Of(grainId), SqliteText.NewETag(), grainState.ETag);
        var json = BodyOf(stateName, id, grainState.State);
        var at = SqliteText.Of(time.GetUtcNow().UtcDateTime);
        var (written, stored) = await store.WriteAsync(
            writes =>
            {
                var changed = known is null
                    ? writes.Sql("INSERT INTO grain_states(service, state_name, grain, etag, saved_at, state) VALUES($0,$1,$2,$3,$4,$5) ON CONFLICT DO NOTHING").Run(service, stateName, id, etag, at, json)
                    : writes.Sql($"UPDATE grain_states SET etag=$3, saved_at=$4, state=$5 WHERE {One} AND etag=$6").Run(service, stateName, id, etag, at, json, known);
                return (changed == 1, changed == 1 ? etag : StoredETag(writes, stateName, id));
            },
            json.Length);
        if (!written)
            throw Inconsistent("written", stateName, id, stored, known);
        (grainState.ETag, grainState.RecordExists) = (etag, true);
    }

    /// <inheritdoc />
    /// <exception cref="InconsistentStateException">The stored state is not the one that was read last; nothing was removed.</exception>
    /// <exception cref="RecordStoreException">The database did not accept the write.</exception>
    public override async Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState, CancellationToken cancellationToken)
    {
        var (id, known) = (GrainKeyText.Of(grainId), grainState.ETag);
        var (cleared, stored) = await store.WriteAsync(writes =>
        {
            if (known is not null && writes.Sql($"DELETE FROM grain_states WHERE {One} AND etag=$3").Run(service, stateName, id, known) == 1)
                return (true, null);
            var other = StoredETag(writes, stateName, id);
            // Nothing known and nothing stored is clear already.
            return (known is null && other is null, other);
        });
        if (!cleared)
            throw Inconsistent("cleared", stateName, id, stored, known);
        Reset(grainState);
    }

    private static string BodyOf<T>(string stateName, string id, T? state)
    {
        try
        {
            return Encoding.UTF8.GetString(StateJson.Write(state));
        }
        catch (Exception failure) when (failure is JsonException or NotSupportedException)
        {
            throw new RecordStoreException($"state '{stateName}' of grain {id} ({typeof(T)}) cannot be stored: {failure.Message}", failure);
        }
    }

    private string? StoredETag(SqliteWrites writes, string stateName, string id)
    {
        using var found = writes.Sql($"SELECT etag FROM grain_states WHERE {One}").Read(service, stateName, id);
        return found.Read() ? found.GetString(0) : null;
    }
}
