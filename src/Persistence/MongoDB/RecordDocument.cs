using System.Text;
using Google.Protobuf;
using MongoDB.Bson;
using MongoDB.Bson.IO;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Records;

namespace PxBackup.Persistence.MongoDB;

/// <summary>A record as a document, and the strict way back.</summary>
internal sealed class RecordDocument(MongoSchema schema, string place)
{
    /// <summary>The reader that every record has, so that one set of indexes serves callers who see everything too. No principal is called this.</summary>
    public const string Everyone = "@all";

    /// <summary>How many write ids a document keeps: a resent write can be told while no more than this many others came after it.</summary>
    public const int KeptWrites = 4;

    /// <summary>The document's id.</summary>
    public static string IdOf(RecordKey key)
    {
        _ = key.Kind.Slug(); // Throws for a kind that has no records.
        return $"{key.OrgId.Replace("%", "%25", StringComparison.Ordinal).Replace("/", "%2F", StringComparison.Ordinal)}/{key.Uid}";
    }

    /// <summary>One label, as it is searched for.</summary>
    public static string LabelOf(string key, string value) =>
        $"{key.Replace("%", "%25", StringComparison.Ordinal).Replace("=", "%3D", StringComparison.Ordinal)}={value}";

    /// <summary>The fields of a live record that a write sets, without version and write ids.</summary>
    /// <exception cref="RecordStoreException">The message is nested too deep.</exception>
    public BsonDocument Live(RecordKey key, IMessage body, RecordIndex index)
    {
        var document = new BsonDocument
        {
            { Fields.Org, key.OrgId },
            { Fields.Uid, key.Uid },
            { Fields.Schema, schema.Current },
            { Fields.Message, body.Descriptor.FullName },
            { Fields.Name, index.Name },
            { Fields.Owner, index.Owner },
            { Fields.Created, Date(index.CreatedAt) },
            { Fields.Updated, Date(index.UpdatedAt) },
            { Fields.Status, index.Status },
            { Fields.Type, index.Type },
            { Fields.ClusterName, index.ClusterName },
            { Fields.ClusterUid, index.ClusterUid },
            { Fields.Size, index.Size },
            { Fields.BackupName, index.BackupName },
            { Fields.Labels, new BsonArray(index.Labels.Select(label => LabelOf(label.Key, label.Value))) },
            { Fields.References, new BsonArray(index.References.Distinct(StringComparer.Ordinal)) },
            { Fields.Readers, new BsonArray(index.Readers.Where(reader => reader != Everyone).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).Prepend(Everyone)) },
        };
        if (index.DueAt is { } due)
            document[Fields.Due] = Date(due);
        document[Fields.Place] = Place.Of(document[Fields.Readers].AsBsonArray.Select(reader => reader.AsString), document[Fields.Created].AsBsonDateTime.MillisecondsSinceEpoch).ToString();
        try
        {
            document[Fields.Body] = BodyWriter.Write(body);
        }
        catch (FormatException failure)
        {
            throw new RecordStoreException($"record {key} cannot be stored: {failure.Message}", failure);
        }

        return document;
    }

    /// <summary>Milliseconds are kept, rounded down.</summary>
    public static BsonDateTime Date(DateTimeOffset at) => new(at.ToUnixTimeMilliseconds());

    /// <summary>Reads a record; null for a tombstone.</summary>
    /// <exception cref="RecordStoreException">The document is damaged, foreign or of a newer version; the text names the record and the cure.</exception>
    public Stored<T>? Read<T>(RawBsonDocument raw, ObjectKind kind)
        where T : class, IMessage<T>, new()
    {
        var document = Open(raw, kind);
        if (document.Contains(Fields.Deleted))
            return null;
        try
        {
            schema.Upgrade(document);
            return Live<T>(document, kind);
        }
        catch (FormatException failure)
        {
            throw Damaged(document.GetValue(Fields.Id, "").ToString()!, kind, failure, document);
        }
    }

    /// <summary>Reads a list's item; one that cannot be read comes with its fault. Null for a tombstone.</summary>
    public Stored<T>? ReadItem<T>(RawBsonDocument raw, RecordQuery query)
        where T : class, IMessage<T>, new()
    {
        try
        {
            return Read<T>(raw, query.Kind);
        }
        catch (RecordStoreException e) when (e.Fault is { } fault)
        {
            return new(KeyOf(IdIn(raw), query.Kind) ?? new RecordKey(query.Kind, query.OrgId, IdIn(raw)), new T(), fault.Version) { Fault = fault };
        }
    }

    /// <summary>The bytes as a document.</summary>
    /// <exception cref="RecordStoreException">They are none.</exception>
    public BsonDocument Open(RawBsonDocument raw, ObjectKind kind)
    {
        try
        {
            return raw.Materialize(new BsonBinaryReaderSettings());
        }
        catch (Exception failure) when (IsMalformed(failure))
        {
            throw Damaged(IdIn(raw), kind, failure);
        }
    }

    /// <summary>What to say about a document that cannot be read.</summary>
    public RecordStoreException Damaged(string id, ObjectKind kind, Exception failure, BsonDocument? document = null)
    {
        return new($"record {kind.Slug()}/{id} in {place} cannot be read: {failure.Message}; if nothing else is said, restore the document from a backup of the database", failure)
        {
            Fault = new()
            {
                Reason = RecordFaults.Reason(KeyOf(id, kind) ?? new RecordKey(kind, "", id), $"cannot be read ({failure.Message})"),
                Version = document?.GetValue(Fields.Version, 0) is BsonInt64 version ? version.Value : 0,
                Name = Text(Fields.Name),
                Owner = Text(Fields.Owner),
                CreatedAt = Instant(Fields.Created),
                UpdatedAt = Instant(Fields.Updated),
            },
        };

        string Text(string field) => document?.GetValue(field, BsonNull.Value) is BsonString text ? text.Value : "";
        DateTimeOffset Instant(string field) => document?.GetValue(field, BsonNull.Value) is BsonDateTime { IsValidDateTime: true } at ? at.ToUniversalTime() : default;
    }

    /// <summary>The key that a document's id says, which no damage beside it changes; null for an id that is not of this program.</summary>
    public static RecordKey? KeyOf(string id, ObjectKind kind)
    {
        var end = id.IndexOf('/', StringComparison.Ordinal);
        return end < 0 ? null : new RecordKey(kind, id[..end].Replace("%2F", "/", StringComparison.Ordinal).Replace("%25", "%", StringComparison.Ordinal), id[(end + 1)..]);
    }

    /// <summary>A key from a document that holds at least id, org and uid.</summary>
    /// <exception cref="FormatException">They contradict each other.</exception>
    private static RecordKey KeyOf(BsonDocument document, ObjectKind kind)
    {
        if (document.GetValue(Fields.Org, BsonNull.Value) is BsonString org && document.GetValue(Fields.Uid, BsonNull.Value) is BsonString uid)
        {
            var key = new RecordKey(kind, org.Value, uid.Value);
            if (document.GetValue(Fields.Id, BsonNull.Value) == IdOf(key))
                return key;
        }

        throw new FormatException("org and uid do not make its _id");
    }

    /// <summary>The version in a document.</summary>
    /// <exception cref="FormatException">There is none, or it cannot be one.</exception>
    public static long VersionOf(BsonDocument document) =>
        document.GetValue(Fields.Version, BsonNull.Value) is BsonInt64 { Value: >= 1 } version ? version.Value : throw new FormatException("its version is not a number from 1");

    /// <summary>The version that this write made; null when it is not among the document's last writes.</summary>
    public static long? VersionOf(BsonDocument document, BsonBinaryData write)
    {
        if (document.GetValue(Fields.Writes, BsonNull.Value) is not BsonArray writes)
            return null;
        var at = writes.IndexOf(write);
        return at < 0 ? null : VersionOf(document) - (writes.Count - 1 - at);
    }

    /// <summary>The version in a document of the store.</summary>
    /// <exception cref="RecordStoreException">There is none; names the document.</exception>
    public long VersionOf(BsonDocument document, ObjectKind kind)
    {
        try
        {
            return VersionOf(document);
        }
        catch (FormatException failure)
        {
            throw Damaged(document[Fields.Id].ToString()!, kind, failure);
        }
    }

    private static Stored<T> Live<T>(BsonDocument document, ObjectKind kind)
        where T : class, IMessage<T>, new()
    {
        var key = KeyOf(document, kind);
        var version = VersionOf(document);
        var body = new T();
        var message = document.GetValue(Fields.Message, BsonNull.Value);
        if (message != body.Descriptor.FullName)
            throw new FormatException($"it holds a {message}, not a {body.Descriptor.FullName}");
        if (document.GetValue(Fields.Body, BsonNull.Value) is not BsonDocument fields)
            throw new FormatException("it has no body");
        BodyReader.Read(fields, body);
        return RecordFaults.ForeignIn(key, body) is { } foreign ? throw new FormatException($"it {foreign}") : new Stored<T>(key, body, version);
    }

    private static string IdIn(RawBsonDocument raw)
    {
        try
        {
            return raw.GetValue(Fields.Id, "").ToString()!;
        }
        catch (Exception failure) when (IsMalformed(failure))
        {
            return "(its _id cannot be read)";
        }
    }

    private static bool IsMalformed(Exception failure) =>
        failure is FormatException or BsonException or IOException or DecoderFallbackException or ArgumentException or InvalidOperationException;
}
