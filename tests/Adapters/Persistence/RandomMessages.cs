using System.Text;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace PxBackup.Tests.Adapters.Persistence;

/// <summary>Any message of a type: every field may be there or not, hold its extremes, and fields may be there that nobody knows.</summary>
internal static class RandomMessages
{
    private static readonly string[] Texts = ["", "a", "$type", "a.b", "{\"$ne\": 1}", "\0", "Grüße 🚀", "key", "value", "_unknown", new string('x', 300)];
    private static readonly ulong[] Numbers = [0, 1, 127, 128, int.MaxValue, uint.MaxValue, 1UL << 31, long.MaxValue, 1UL << 63, ulong.MaxValue];
    private static readonly double[] Doubles = [0, -0.0, 1.5, double.MaxValue, double.Epsilon, double.NaN, double.NegativeInfinity];

    /// <summary>Parsed twice: what the first parser has seen and does not write again (a set of unknown fields that is empty) is no part of a message.</summary>
    public static IMessage Of(MessageDescriptor type, Random random) => type.Parser.ParseFrom(type.Parser.ParseFrom(Bytes(type, random, 0)).ToByteArray());

    private static byte[] Bytes(MessageDescriptor type, Random random, int depth)
    {
        var buffer = new MemoryStream();
        using var output = new CodedOutputStream(buffer, leaveOpen: true);
        foreach (var field in type.Fields.InDeclarationOrder())
        {
            // Two fields of a oneof may both be written: the parser keeps the last one.
            if (random.Next(depth > 4 ? 8 : 3) != 0)
                continue;
            for (var count = field.IsRepeated ? random.Next(4) : 1; count > 0; count--)
                Write(output, field, random, depth);
        }

        if (random.Next(6) == 0)
        {
            output.WriteTag(WireFormat.MakeTag(10_000 + random.Next(5), WireFormat.WireType.LengthDelimited));
            output.WriteString("a newer version's");
            output.WriteTag(WireFormat.MakeTag(20_000, WireFormat.WireType.Varint));
            output.WriteUInt64(Pick(random, Numbers));
        }

        output.Flush();
        return buffer.ToArray();
    }

    private static void Write(CodedOutputStream output, FieldDescriptor field, Random random, int depth)
    {
        var number = Pick(random, Numbers);
        switch (field.FieldType)
        {
            case FieldType.Double:
                output.WriteTag(field.FieldNumber, WireFormat.WireType.Fixed64);
                output.WriteDouble(Pick(random, Doubles));
                break;
            case FieldType.Float:
                output.WriteTag(field.FieldNumber, WireFormat.WireType.Fixed32);
                output.WriteFloat((float)Pick(random, Doubles));
                break;
            case FieldType.Fixed64 or FieldType.SFixed64:
                output.WriteTag(field.FieldNumber, WireFormat.WireType.Fixed64);
                output.WriteFixed64(number);
                break;
            case FieldType.Fixed32 or FieldType.SFixed32:
                output.WriteTag(field.FieldNumber, WireFormat.WireType.Fixed32);
                output.WriteFixed32((uint)number);
                break;
            case FieldType.String:
                output.WriteTag(field.FieldNumber, WireFormat.WireType.LengthDelimited);
                output.WriteString(Pick(random, Texts));
                break;
            case FieldType.Bytes:
                output.WriteTag(field.FieldNumber, WireFormat.WireType.LengthDelimited);
                output.WriteBytes(ByteString.CopyFrom(Encoding.UTF8.GetBytes(Pick(random, Texts))));
                break;
            case FieldType.Message:
                output.WriteTag(field.FieldNumber, WireFormat.WireType.LengthDelimited);
                output.WriteBytes(ByteString.CopyFrom(Inner(field.MessageType, random, depth + 1)));
                break;
            case FieldType.Enum when random.Next(4) != 0:
                output.WriteTag(field.FieldNumber, WireFormat.WireType.Varint);
                output.WriteEnum(Pick(random, [.. field.EnumType.Values]).Number);
                break;
            default:
                output.WriteTag(field.FieldNumber, WireFormat.WireType.Varint);
                output.WriteUInt64(number);
                break;
        }
    }

    private static byte[] Inner(MessageDescriptor type, Random random, int depth)
    {
        if (type.FullName != "google.protobuf.Timestamp" || random.Next(5) == 0)
            return Bytes(type, random, depth);
        return new Google.Protobuf.WellKnownTypes.Timestamp
        {
            Seconds = random.NextInt64(-62_135_596_800, 253_402_300_800),
            Nanos = Pick(random, [0, 1, 999_999_999, 123_000_000, 123_456_789, random.Next(1_000_000_000)]),
        }.ToByteArray();
    }

    private static T Pick<T>(Random random, T[] from) => from[random.Next(from.Length)];
}
