using System.Text;
using MongoDB.Bson;
using MongoDB.Bson.Serialization;

namespace PxBackup.DocumentGateway.Wire;

/// <summary>One command as it came, and the fields of it that the gateway itself has to understand.</summary>
internal sealed class Command
{
    /// <summary>The documents of each kind-1 section, by the name of the field they stand for; one after the other.</summary>
    private readonly Dictionary<string, ReadOnlyMemory<byte>> sequences;

    private Command(ReadOnlyMemory<byte> document, Dictionary<string, ReadOnlyMemory<byte>> sequences) =>
        (Document, this.sequences) = (document, sequences);

    public ReadOnlyMemory<byte> Document { get; }

    public string Name { get; private set; } = "";

    /// <summary>What the first field holds; empty where that is no string.</summary>
    public string Collection { get; private set; } = "";

    public string Database { get; private set; } = "";

    /// <summary>The session's id in hexadecimal digits; nothing outside of a session.</summary>
    public string? Session { get; private set; }

    public long? TransactionNumber { get; private set; }

    public bool StartsTransaction { get; private set; }

    /// <summary>True for a command of a multi-document transaction (<c>autocommit: false</c>).</summary>
    public bool InTransaction { get; private set; }

    public bool SecondaryAllowed { get; private set; }

    /// <summary>In milliseconds; nothing where the client sets no limit.</summary>
    public long? MaxTime { get; private set; }

    /// <summary>A write that the client may send again after a lost reply: named by session and number, and not one of a transaction.</summary>
    public bool IsRetryable => Session is not null && TransactionNumber is not null && !InTransaction;

    /// <summary>The statements or documents that came apart from the command; nothing where they are inside of it.</summary>
    public ReadOnlyMemory<byte>? Sequence(string name) => sequences.TryGetValue(name, out var documents) ? documents : default(ReadOnlyMemory<byte>?);

    /// <summary>The command as objects; for those of which more than a few fields are read.</summary>
    public BsonDocument Read() => BsonSerializer.Deserialize<BsonDocument>(Document.ToArray());

    /// <exception cref="WireException">The document has no field, or one of the known fields has a wrong type.</exception>
    public static Command Parse(ReadOnlyMemory<byte> document, Dictionary<string, ReadOnlyMemory<byte>> sequences)
    {
        var command = new Command(document, sequences);
        var fields = new RawBson(document.Span);
        if (!fields.Next()) throw new WireException("A command is empty.");
        command.Name = fields.NameText;
        if (fields.Type == BsonType.String) command.Collection = fields.Text;
        while (fields.Next())
        {
            if (fields.NameIs("$db"u8)) command.Database = fields.Text;
            else if (fields.NameIs("lsid"u8)) command.Session = SessionOf(fields.Value);
            else if (fields.NameIs("txnNumber"u8)) command.TransactionNumber = fields.Number;
            else if (fields.NameIs("autocommit"u8)) command.InTransaction = !fields.Truth;
            else if (fields.NameIs("startTransaction"u8)) command.StartsTransaction = fields.Truth;
            else if (fields.NameIs("maxTimeMS"u8)) command.MaxTime = fields.Number is > 0 and var limit ? limit : null;
            else if (fields.NameIs("$readPreference"u8) && fields.Type == BsonType.Document) command.SecondaryAllowed = ModeOf(fields.Value) is not (null or "primary");
            // getMore names its collection apart: the first field is the cursor.
            else if (command.Collection.Length == 0 && fields.NameIs("collection"u8) && fields.Type == BsonType.String) command.Collection = fields.Text;
        }
        return command;
    }

    /// <summary>A command of the time before OP_MSG; only the greeting still comes that way.</summary>
    public static Command ParseLegacy(ReadOnlyMemory<byte> document, string database)
    {
        var command = Parse(document, []);
        command.Database = database;
        return command;
    }

    private static string? SessionOf(ReadOnlySpan<byte> session)
    {
        for (var fields = new RawBson(session); fields.Next();)
            if (fields.NameIs("id"u8) && fields.Type == BsonType.Binary)
                return Convert.ToHexStringLower(fields.Value[5..]);
        throw new WireException("lsid has no id.");
    }

    private static string? ModeOf(ReadOnlySpan<byte> preference)
    {
        for (var fields = new RawBson(preference); fields.Next();)
            if (fields.NameIs("mode"u8))
                return Encoding.UTF8.GetString(fields.Value[4..^1]);
        return null;
    }
}
