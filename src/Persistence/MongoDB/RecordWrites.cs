using MongoDB.Bson;
using MongoDB.Driver;
using PxBackup.Grains.Records;

namespace PxBackup.Persistence.MongoDB;

/// <summary>
/// The three writes, each one conditional command on one document. Every write leaves an id of its own in the document: when the
/// driver has sent it twice because the first answer was lost, the second may be refused by what the first one did, and
/// the id tells so.
/// </summary>
internal sealed class RecordWrites(RecordCollections collections, RecordDocument documents, TimeProvider time, CountFolder folder)
{
    /// <summary>Rounds against others who delete, expire or rename in just this moment; each needs a new one of them.</summary>
    private const int Attempts = 5;

    /// <summary>
    /// Times a write is sent that lost against another one (a write conflict). The waits between are random and grow, so that many
    /// writers of one name part: 20 ms at most for the first, 1.3 s for the last, 2.6 s together.
    /// </summary>
    private const int Tries = 8;

    private static readonly TimeSpan FirstWait = TimeSpan.FromMilliseconds(20);

    /// <summary>What a tombstone does not keep.</summary>
    private static readonly string[] OfLife =
    [
        Fields.Org, Fields.Uid, Fields.Message, Fields.Body, Fields.Name, Fields.Owner, Fields.Created, Fields.Updated, Fields.Status, Fields.Type,
        Fields.ClusterName, Fields.ClusterUid, Fields.Size, Fields.BackupName, Fields.Labels, Fields.References, Fields.Readers, Fields.Due, Fields.Place,
    ];

    public async Task<long> InsertAsync(RecordKey key, BsonDocument live, long after)
    {
        var id = RecordDocument.IdOf(key);
        var write = NewWrite();
        var document = new BsonDocument
        {
            { Fields.Id, id }, { Fields.Version, 1L }, { Fields.Writes, new BsonArray { write } }, { Fields.Fold, 0L }, { Fields.Pending, key.OrgId },
        }.AddRange(live);
        // Spares the folder a step, where it is sure that the counter is there.
        if (folder.Knows(key, live[Fields.Place].AsString))
            document[Fields.Target] = live[Fields.Place];
        for (var attempt = 0; attempt < Attempts; attempt++)
        {
            if (after == 0
                ? await DoneAsync(key, () => collections.Of(key.Kind).InsertOneAsync(document))
                : await ReplaceAsync(key, Fence(id, after, isTombstone: true), live, write, isMoved: true))
                return Moved(key, after + 1);
            var there = await LookAsync(key, id);
            if (there is not null && RecordDocument.VersionOf(there, write) is { } mine)
                return mine;
            if (there is not null && !there.Contains(Fields.Deleted))
                throw new RecordExistsException(key);
            if ((there is null ? 0 : documents.VersionOf(there, key.Kind)) != after)
                throw new RecordConflictException(key, after);
            await RefuseTakenNameAsync(key, live);
        }

        throw Restless(key);
    }

    public async Task UpdateAsync(RecordKey key, long version, BsonDocument live)
    {
        var id = RecordDocument.IdOf(key);
        var write = NewWrite();
        for (var attempt = 0; attempt < Attempts; attempt++)
        {
            // Nearly every update is progress and leaves the record where it is counted; the other ones cost a second command.
            var fence = Fence(id, version, isTombstone: false);
            if (await ReplaceAsync(key, fence.DeepClone().AsBsonDocument.Add(Fields.Place, live[Fields.Place]), live, write, isMoved: false))
                return;
            if (await ReplaceAsync(key, fence, live, write, isMoved: true))
            {
                Moved(key, version);
                return;
            }

            if (await WasMineAsync(key, id, version, write))
                return;
            await RefuseTakenNameAsync(key, live);
        }

        throw Restless(key);
    }

    public async Task DeleteAsync(RecordKey key, long version)
    {
        var id = RecordDocument.IdOf(key);
        var write = NewWrite();
        var now = time.GetUtcNow();
        var update = new BsonDocument
        {
            { "$set", new BsonDocument { { Fields.Deleted, RecordDocument.Date(now) }, { Fields.KeepUntil, RecordDocument.Date(now + Tombstones.KeptFor) }, { Fields.Pending, key.OrgId } } },
            { "$unset", new BsonDocument(OfLife.ToDictionary(field => field, _ => (object)"")) },
        }.AddRange(Counted(write));
        if (!await UpdatedAsync(key, Fence(id, version, isTombstone: false), update) && !await WasMineAsync(key, id, version, write))
            throw new RecordConflictException(key, version);
        Moved(key, version);
    }

    private static BsonBinaryData NewWrite() => new(Guid.NewGuid(), GuidRepresentation.Standard);

    private static BsonDocument Fence(string id, long version, bool isTombstone) =>
        new() { { Fields.Id, id }, { Fields.Version, version }, { Fields.Deleted, new BsonDocument("$exists", isTombstone) } };

    /// <summary>The next version and who made it.</summary>
    private static BsonDocument Counted(BsonBinaryData write) => new()
    {
        { "$inc", new BsonDocument(Fields.Version, 1L) },
        { "$push", new BsonDocument(Fields.Writes, new BsonDocument { { "$each", new BsonArray { write } }, { "$slice", -RecordDocument.KeptWrites } }) },
    };

    private Task<bool> ReplaceAsync(RecordKey key, BsonDocument fence, BsonDocument live, BsonBinaryData write, bool isMoved)
    {
        var set = new BsonDocument(live);
        if (isMoved)
            set[Fields.Pending] = key.OrgId;
        var gone = new BsonDocument { { Fields.Deleted, "" }, { Fields.Expires, "" }, { Fields.KeepUntil, "" } };
        if (!live.Contains(Fields.Due))
            gone[Fields.Due] = "";
        return UpdatedAsync(key, fence, new BsonDocument { { "$set", set }, { "$unset", gone } }.AddRange(Counted(write)));
    }

    private long Moved(RecordKey key, long version)
    {
        folder.Wake(key.Kind);
        return version;
    }

    private async Task<bool> UpdatedAsync(RecordKey key, BsonDocument fence, BsonDocument update)
    {
        UpdateResult? result = null;
        return await DoneAsync(key, async () => result = await collections.Of(key.Kind).UpdateOneAsync(fence, update)) && result!.MatchedCount == 1;
    }

    /// <summary>
    /// Runs one write; false when it met an index's uniqueness. After a write conflict it is run again: nothing of it was done then, and
    /// if an earlier sending was, its id tells so.
    /// </summary>
    private async Task<bool> DoneAsync(RecordKey key, Func<Task> write)
    {
        for (var tried = 1; ; tried++)
        {
            try
            {
                await write();
                return true;
            }
            catch (Exception failure) when (MongoFailures.IsDuplicateKey(failure))
            {
                return false;
            }
            catch (Exception failure) when (MongoFailures.IsTooLarge(failure))
            {
                throw new RecordStoreException($"record {key} is larger than the 16 MB that MongoDB can hold; nothing was written", failure);
            }
            catch (Exception failure) when (MongoFailures.IsWriteConflict(failure))
            {
                if (tried == Tries)
                    throw collections.Explain(failure, $"writing {key} (nothing was written)");
                // The machine's own clock: whom it waits for are writers out there, whatever time the records tell.
                await Task.Delay(FirstWait * (1 << (tried - 1)) * Random.Shared.NextDouble(), TimeProvider.System);
            }
            catch (Exception failure) when (MongoFailures.IsOfDriver(failure))
            {
                throw collections.Explain(failure, $"writing {key} (the outcome is unknown)");
            }
        }
    }

    /// <summary>Whether the record is where this write brought it; else it conflicts, unless only a name was in the way.</summary>
    private async Task<bool> WasMineAsync(RecordKey key, string id, long version, BsonBinaryData write)
    {
        var there = await LookAsync(key, id);
        if (there is not null && RecordDocument.VersionOf(there, write) is not null)
            return true;
        if (there is null || there.Contains(Fields.Deleted) || documents.VersionOf(there, key.Kind) != version)
            throw new RecordConflictException(key, version);
        return false;
    }

    private async Task RefuseTakenNameAsync(RecordKey key, BsonDocument live)
    {
        var name = live[Fields.Name].AsString;
        if (await collections.HolderAsync(key, live[Fields.Owner].AsString, name) is { } holder)
            throw new NameTakenException(key, name, RecordDocument.KeyOf(holder.GetValue(Fields.Id, BsonNull.Value).ToString()!, key.Kind) ?? key);
    }

    private async Task<BsonDocument?> LookAsync(RecordKey key, string id)
    {
        using var raw = await collections.LookAsync(key, id, CancellationToken.None);
        return raw is null ? null : documents.Open(raw, key.Kind);
    }

    private static RecordStoreException Restless(RecordKey key) =>
        new($"record {key}: other writers took and freed its key or name {Attempts} times during this write; read it again");
}
