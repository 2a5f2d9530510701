using System.Text;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;
using MongoDB.Bson;
using MongoDB.Bson.Serialization;

namespace PxBackup.Persistence.MongoDB;

/// <summary>
/// A message as a document that people can read: fields by name, enums by name, timestamps as dates, maps as lists of
/// <c>{key, value}</c> (a key may hold anything, a BSON name may not). It works on protobuf's wire format, so presence, oneofs and
/// fields that this version does not know come through as they are. <see cref="BodyReader"/> is the way back.
/// </summary>
internal static class BodyWriter
{
    /// <summary>Name under which fields that this version does not know rest, as their wire bytes.</summary>
    public const string Unknown = "_unknown";

    /// <summary>
    /// The field number, protobuf's largest, under which <see cref="BodyReader"/> hands on named elements that this version does not
    /// know: written by a newer one, they must be in the document again when this one has changed the record.
    /// </summary>
    public const int CarriedField = (1 << 29) - 1;

    /// <summary>Messages in messages; MongoDB allows 100 documents and arrays in each other, and a repeated message or map takes up to three.</summary>
    public const int Deepest = 30;

    /// <summary>Writes a message.</summary>
    /// <exception cref="FormatException">Messages in it are nested deeper than <see cref="Deepest"/>.</exception>
    public static BsonDocument Write(IMessage message) => Write(message.ToByteArray(), message.Descriptor, 0);

    private static BsonDocument Write(ReadOnlySpan<byte> bytes, MessageDescriptor type, int depth)
    {
        if (depth > Deepest)
            throw new FormatException($"{type.FullName} is nested deeper than {Deepest} messages");
        var document = new BsonDocument();
        var unknown = new List<byte>();
        BsonDocument? carried = null;
        var reader = new WireReader(bytes);
        while (!reader.IsAtEnd)
        {
            var start = reader.Position;
            var (number, wire) = reader.ReadTag();
            if (type.FindFieldByNumber(number) is { } field && Fits(field, wire))
            {
                Add(document, field, ref reader, wire, depth);
                continue;
            }

            var isCarried = number == CarriedField && wire == WireFormat.WireType.LengthDelimited;
            if (isCarried && Carried(reader.ReadBytes(), type) is { } elements)
            {
                carried = elements;
                continue;
            }

            if (!isCarried)
                reader.Skip(number, wire);
            unknown.AddRange(reader.Since(start));
        }

        if (carried is not null)
            document.AddRange(carried);
        if (unknown.Count > 0)
            document[Unknown] = new BsonBinaryData(unknown.ToArray());
        return document;
    }

    private static bool Fits(FieldDescriptor field, WireFormat.WireType wire) =>
        wire == WireTypeOf(field.FieldType) || (wire == WireFormat.WireType.LengthDelimited && IsPackable(field));

    internal static bool IsPackable(FieldDescriptor field) => field.IsRepeated && WireTypeOf(field.FieldType) != WireFormat.WireType.LengthDelimited;

    internal static WireFormat.WireType WireTypeOf(FieldType type) => type switch
    {
        FieldType.Double or FieldType.Fixed64 or FieldType.SFixed64 => WireFormat.WireType.Fixed64,
        FieldType.Float or FieldType.Fixed32 or FieldType.SFixed32 => WireFormat.WireType.Fixed32,
        FieldType.String or FieldType.Bytes or FieldType.Message => WireFormat.WireType.LengthDelimited,
        FieldType.Group => WireFormat.WireType.StartGroup,
        _ => WireFormat.WireType.Varint,
    };

    private static void Add(BsonDocument document, FieldDescriptor field, ref WireReader reader, WireFormat.WireType wire, int depth)
    {
        if (field.FieldType == FieldType.Group)
            throw new FormatException($"{field.FullName} is a group; groups are not kept");
        if (!field.IsRepeated)
        {
            document[field.Name] = Value(field, ref reader, depth);
            return;
        }

        var list = document.TryGetValue(field.Name, out var begun) ? begun.AsBsonArray : (BsonArray)(document[field.Name] = new BsonArray());
        if (wire == WireFormat.WireType.LengthDelimited && IsPackable(field))
        {
            var packed = new WireReader(reader.ReadBytes());
            while (!packed.IsAtEnd)
                list.Add(Value(field, ref packed, depth));
        }
        else
        {
            list.Add(Value(field, ref reader, depth));
        }
    }

    private static BsonValue Value(FieldDescriptor field, ref WireReader reader, int depth) => field.FieldType switch
    {
        FieldType.Double => BitConverter.UInt64BitsToDouble(reader.ReadFixed64()),
        FieldType.Float => (double)BitConverter.UInt32BitsToSingle(reader.ReadFixed32()),
        FieldType.Int32 => (int)reader.ReadVarint(),
        FieldType.SInt32 => ZigZag((uint)reader.ReadVarint()),
        FieldType.SFixed32 => (int)reader.ReadFixed32(),
        FieldType.UInt32 => (long)(uint)reader.ReadVarint(),
        FieldType.Fixed32 => (long)reader.ReadFixed32(),
        FieldType.Int64 => (long)reader.ReadVarint(),
        FieldType.SInt64 => ZigZag(reader.ReadVarint()),
        FieldType.SFixed64 => (long)reader.ReadFixed64(),
        FieldType.UInt64 => Unsigned(reader.ReadVarint()),
        FieldType.Fixed64 => Unsigned(reader.ReadFixed64()),
        FieldType.Bool => reader.ReadVarint() != 0,
        FieldType.String => Encoding.UTF8.GetString(reader.ReadBytes()),
        FieldType.Bytes => new BsonBinaryData(reader.ReadBytes().ToArray()),
        FieldType.Enum => EnumName(field, (int)reader.ReadVarint()),
        _ => Message(reader.ReadBytes(), field.MessageType, depth + 1),
    };

    private static int ZigZag(uint value) => (int)(value >> 1) ^ -(int)(value & 1);

    private static long ZigZag(ulong value) => (long)(value >> 1) ^ -(long)(value & 1);

    /// <summary>As a 64-bit number while it fits, else as a decimal: both can be read and sorted.</summary>
    private static BsonValue Unsigned(ulong value) => value <= long.MaxValue ? (long)value : new BsonDecimal128(new Decimal128(value));

    private static BsonValue EnumName(FieldDescriptor field, int number) =>
        field.EnumType.FindValueByNumber(number) is { } value ? value.Name : number;

    private static BsonValue Message(ReadOnlySpan<byte> bytes, MessageDescriptor type, int depth) =>
        type.FullName == Timestamp.Descriptor.FullName && BodyDates.Of(bytes) is { } date ? date : Write(bytes, type, depth);

    /// <summary>The elements that were carried; null when these bytes are something else, or would take the place of a field that is known.</summary>
    private static BsonDocument? Carried(ReadOnlySpan<byte> bytes, MessageDescriptor type)
    {
        try
        {
            var elements = BsonSerializer.Deserialize<BsonDocument>(bytes.ToArray());
            return elements.Names.All(name => BodyReader.CanBeCarried(name) && type.FindFieldByName(name) is null) ? elements : null;
        }
        catch (Exception failure) when (failure is IOException or FormatException or BsonException or ArgumentException or OverflowException)
        {
            return null;
        }
    }
}
