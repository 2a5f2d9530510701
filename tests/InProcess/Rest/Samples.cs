using System.Collections;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;

namespace PxBackup.Tests.InProcess.Rest;

/// <summary>Messages with a value in every field (the last member of each oneof), down to a depth where types repeat.</summary>
internal static class Samples
{
    private const int Deepest = 8;

    public static IMessage Filled(MessageDescriptor type, int depth = 0)
    {
        if (type == Timestamp.Descriptor)
            return new Timestamp { Seconds = 1795341600, Nanos = 1 };
        if (type == Duration.Descriptor)
            return new Duration { Seconds = 1, Nanos = 500_000_000 };

        var message = (IMessage)Activator.CreateInstance(type.ClrType)!;
        if (depth == Deepest)
            return message;
        foreach (var field in type.Fields.InDeclarationOrder())
        {
            var current = field.Accessor.GetValue(message);
            if (field.IsMap)
                ((IDictionary)current)["key.with \"marks\""] = Value(field.MessageType.FindFieldByNumber(2), depth);
            else if (field.IsRepeated)
                ((IList)current).Add(Value(field, depth));
            else
                field.Accessor.SetValue(message, Value(field, depth));
        }
        return message;
    }

    private static object Value(FieldDescriptor field, int depth) => field.FieldType switch
    {
        FieldType.String => $"{field.Name} ü\n",
        FieldType.Bool => true,
        FieldType.Int32 => int.MinValue,
        FieldType.UInt32 => uint.MaxValue,
        FieldType.Int64 => long.MinValue,
        FieldType.UInt64 => ulong.MaxValue,
        FieldType.Double => 0.1,
        FieldType.Bytes => ByteString.CopyFrom(0, 255, 62),
        FieldType.Enum => field.EnumType.Values[^1].Number,
        FieldType.Message when field.MessageType == BoolValue.Descriptor => false,
        FieldType.Message => Filled(field.MessageType, depth + 1),
        _ => throw new NotSupportedException($"{field.FullName} is of type {field.FieldType}"),
    };
}
