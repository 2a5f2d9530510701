using System.Buffers;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;
using MongoDB.Bson;

namespace PxBackup.Persistence.MongoDB;

/// <summary>
/// The way back from <see cref="BodyWriter"/>. Strict: a value of another type, a number out of range, an enum's name or an element's
/// name that cannot be are errors that say where; nothing is guessed and no type is ever made from what the document says.
/// </summary>
internal static class BodyReader
{
    private static readonly SearchValues<char> NameCharacters = SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

    /// <summary>Reads a document into a message.</summary>
    /// <exception cref="FormatException">It is not one that <see cref="BodyWriter"/> writes; the text names the field.</exception>
    public static void Read(BsonDocument document, IMessage into)
    {
        try
        {
            into.MergeFrom(Bytes(document, into.Descriptor, 0));
        }
        catch (InvalidProtocolBufferException failure)
        {
            throw new FormatException($"{into.Descriptor.FullName}: {failure.Message}", failure);
        }
    }

    /// <summary>Whether a name could be a field's in another version: letters, digits and underscores, as in protobuf.</summary>
    public static bool CanBeCarried(string name) =>
        name.Length > 0 && char.IsAsciiLetter(name[0]) && !name.AsSpan().ContainsAnyExcept(NameCharacters);

    private static byte[] Bytes(BsonDocument document, MessageDescriptor type, int depth)
    {
        if (depth > BodyWriter.Deepest)
            throw new FormatException($"{type.FullName} is nested deeper than {BodyWriter.Deepest} messages");
        var buffer = new MemoryStream();
        using var output = new CodedOutputStream(buffer, leaveOpen: true);
        BsonDocument? carried = null;
        byte[] unknown = [];
        foreach (var element in document)
        {
            if (type.FindFieldByName(element.Name) is { } field)
                WriteField(output, field, element.Value, depth);
            else if (element.Name == BodyWriter.Unknown)
                unknown = Expect<BsonBinaryData>(element.Value, $"{type.FullName}.{BodyWriter.Unknown}").Bytes;
            else if (CanBeCarried(element.Name))
                (carried ??= []).Add(element);
            else
                throw new FormatException($"{type.FullName} has no field '{element.Name}'");
        }

        if (carried is not null)
        {
            output.WriteTag(BodyWriter.CarriedField, WireFormat.WireType.LengthDelimited);
            output.WriteBytes(ByteString.CopyFrom(carried.ToBson()));
        }

        output.Flush();
        buffer.Write(unknown);
        return buffer.ToArray();
    }

    private static void WriteField(CodedOutputStream output, FieldDescriptor field, BsonValue value, int depth)
    {
        if (!field.IsRepeated)
        {
            WriteOne(output, field, value, depth);
            return;
        }

        foreach (var item in Expect<BsonArray>(value, field.FullName))
            WriteOne(output, field, item, depth);
    }

    /// <summary>Tag and value. Repeated numbers are not packed again: parsers must take both forms.</summary>
    private static void WriteOne(CodedOutputStream output, FieldDescriptor field, BsonValue value, int depth)
    {
        output.WriteTag(field.FieldNumber, BodyWriter.WireTypeOf(field.FieldType));
        var name = field.FullName;
        switch (field.FieldType)
        {
            case FieldType.Double:
                output.WriteDouble(Expect<BsonDouble>(value, name).Value);
                break;
            case FieldType.Float:
                output.WriteFloat((float)Expect<BsonDouble>(value, name).Value);
                break;
            case FieldType.Int32:
                output.WriteInt32((int)Integer(value, int.MinValue, int.MaxValue, name));
                break;
            case FieldType.SInt32:
                output.WriteSInt32((int)Integer(value, int.MinValue, int.MaxValue, name));
                break;
            case FieldType.SFixed32:
                output.WriteSFixed32((int)Integer(value, int.MinValue, int.MaxValue, name));
                break;
            case FieldType.UInt32:
                output.WriteUInt32((uint)Integer(value, 0, uint.MaxValue, name));
                break;
            case FieldType.Fixed32:
                output.WriteFixed32((uint)Integer(value, 0, uint.MaxValue, name));
                break;
            case FieldType.Int64:
                output.WriteInt64(Integer(value, long.MinValue, long.MaxValue, name));
                break;
            case FieldType.SInt64:
                output.WriteSInt64(Integer(value, long.MinValue, long.MaxValue, name));
                break;
            case FieldType.SFixed64:
                output.WriteSFixed64(Integer(value, long.MinValue, long.MaxValue, name));
                break;
            case FieldType.UInt64:
                output.WriteUInt64(Unsigned(value, name));
                break;
            case FieldType.Fixed64:
                output.WriteFixed64(Unsigned(value, name));
                break;
            case FieldType.Bool:
                output.WriteBool(Expect<BsonBoolean>(value, name).Value);
                break;
            case FieldType.String:
                output.WriteString(Expect<BsonString>(value, name).Value);
                break;
            case FieldType.Bytes:
                output.WriteBytes(ByteString.CopyFrom(Expect<BsonBinaryData>(value, name).Bytes));
                break;
            case FieldType.Enum:
                output.WriteEnum(EnumNumber(field, value));
                break;
            default:
                output.WriteBytes(UnsafeByteOperations.UnsafeWrap(Message(field, value, depth + 1)));
                break;
        }
    }

    private static byte[] Message(FieldDescriptor field, BsonValue value, int depth)
    {
        if (field.MessageType.FullName == Timestamp.Descriptor.FullName && BodyDates.IsDate(value))
            return BodyDates.Read(value) ?? throw new FormatException($"{field.FullName}: {value} is not an instant that a timestamp can hold");
        var document = Expect<BsonDocument>(value, field.FullName);
        // Entries of maps have no place for what this version does not know.
        if (field.IsMap && document.Names.FirstOrDefault(name => name is not ("key" or "value")) is { } foreign)
            throw new FormatException($"{field.FullName}: an entry has no field '{foreign}'");
        return Bytes(document, field.MessageType, depth);
    }

    private static int EnumNumber(FieldDescriptor field, BsonValue value)
    {
        if (value is BsonInt32 number)
            return number.Value;
        var name = Expect<BsonString>(value, field.FullName).Value;
        return field.EnumType.FindValueByName(name)?.Number
            ?? throw new FormatException($"{field.FullName}: '{name}' is not a value of {field.EnumType.FullName} in this version; a newer one may have written it, then finish the upgrade");
    }

    private static long Integer(BsonValue value, long least, long most, string name)
    {
        var number = value switch
        {
            BsonInt32 small => small.Value,
            BsonInt64 large => large.Value,
            _ => throw Wrong(value, name),
        };
        return number >= least && number <= most ? number : throw new FormatException($"{name}: {number} is out of its range");
    }

    private static ulong Unsigned(BsonValue value, string name)
    {
        if (value is not BsonDecimal128 large)
            return (ulong)Integer(value, 0, long.MaxValue, name);
        try
        {
            return Decimal128.ToUInt64(large.Value);
        }
        catch (OverflowException failure)
        {
            throw new FormatException($"{name}: {large} is out of its range", failure);
        }
    }

    private static T Expect<T>(BsonValue value, string name)
        where T : BsonValue => value as T ?? throw Wrong(value, name);

    private static FormatException Wrong(BsonValue value, string name) => new($"{name} cannot be a {value.BsonType}");
}
