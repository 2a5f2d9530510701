using System.Buffers.Binary;
using System.Text;
using MongoDB.Bson;

namespace PxBackup.DocumentGateway.Wire;

/// <summary>
/// Walks the elements of one BSON document in place. Commands are handed on as they came; only a few of their fields are read, and
/// a document of 16 MB is not turned into objects for them.
/// </summary>
internal ref struct RawBson
{
    private readonly ReadOnlySpan<byte> document;
    private int position = 4;

    /// <exception cref="WireException">The bytes are no document.</exception>
    public RawBson(ReadOnlySpan<byte> bytes)
    {
        var length = LengthOf(bytes);
        if (bytes[length - 1] != 0) throw new WireException("A BSON document does not end with a zero.");
        document = bytes[..length];
    }

    public BsonType Type { get; private set; }

    public ReadOnlySpan<byte> Name { get; private set; }

    public ReadOnlySpan<byte> Value { get; private set; }

    public readonly string Text => Type == BsonType.String ? Encoding.UTF8.GetString(Value[4..^1]) : throw new WireException($"'{NameText}' must be a string.");

    public readonly string NameText => Encoding.UTF8.GetString(Name);

    /// <summary>The value of any numeric type as a whole number; nothing for other types.</summary>
    public readonly long? Number => Type switch
    {
        BsonType.Int32 => BinaryPrimitives.ReadInt32LittleEndian(Value),
        BsonType.Int64 => BinaryPrimitives.ReadInt64LittleEndian(Value),
        BsonType.Double => (long)BinaryPrimitives.ReadDoubleLittleEndian(Value),
        _ => null,
    };

    /// <summary>True for booleans that are true and numbers other than 0.</summary>
    public readonly bool Truth => Type == BsonType.Boolean ? Value[0] != 0 : Number is { } number && number != 0;

    /// <summary>The length that a document claims, checked against the bytes there are.</summary>
    public static int LengthOf(ReadOnlySpan<byte> bytes)
    {
        var length = bytes.Length >= 5 ? BinaryPrimitives.ReadInt32LittleEndian(bytes) : 0;
        return length >= 5 && length <= bytes.Length ? length : throw new WireException($"A BSON document claims {length} bytes; {bytes.Length} are there.");
    }

    public readonly bool NameIs(ReadOnlySpan<byte> name) => Name.SequenceEqual(name);

    public bool Next()
    {
        if (position >= document.Length - 1) return false;
        Type = (BsonType)document[position++];
        Name = CString();
        var size = SizeOf(document[position..^1]);
        if (size < 0 || size > document.Length - 1 - position) throw new WireException($"The BSON element '{NameText}' reaches beyond its document.");
        Value = document.Slice(position, size);
        position += size;
        return true;
    }

    private ReadOnlySpan<byte> CString()
    {
        var length = document[position..].IndexOf((byte)0);
        var text = document.Slice(position, length);
        position += length + 1;
        return text;
    }

    private readonly int SizeOf(ReadOnlySpan<byte> rest)
    {
        return Type switch
        {
            BsonType.Double or BsonType.DateTime or BsonType.Timestamp or BsonType.Int64 => 8,
            BsonType.String or BsonType.JavaScript or BsonType.Symbol => 4 + Prefix(rest, 1),
            BsonType.Document or BsonType.Array or BsonType.JavaScriptWithScope => Prefix(rest, 5),
            BsonType.Binary => 5 + Prefix(rest, 0),
            BsonType.Undefined or BsonType.Null or BsonType.MinKey or BsonType.MaxKey => 0,
            BsonType.ObjectId => 12,
            BsonType.Boolean => 1,
            BsonType.RegularExpression => TwoStrings(rest),
            BsonType.Int32 => 4,
            BsonType.Decimal128 => 16,
            (BsonType)12 => 16 + Prefix(rest, 1), // A pointer to another database: outdated, but a document may hold one.
            _ => throw new WireException($"{(int)Type} is no BSON type."),
        };

        static int Prefix(ReadOnlySpan<byte> rest, int least)
        {
            var size = rest.Length >= 4 ? BinaryPrimitives.ReadInt32LittleEndian(rest) : -1;
            return size >= least && size <= rest.Length ? size : throw new WireException("A BSON value is cut off.");
        }

        static int TwoStrings(ReadOnlySpan<byte> rest)
        {
            var first = rest.IndexOf((byte)0);
            var second = first < 0 ? -1 : rest[(first + 1)..].IndexOf((byte)0);
            return second < 0 ? -1 : first + second + 2;
        }
    }
}
