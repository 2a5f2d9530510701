using System.Collections;
using System.Globalization;
using System.Text.Json;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace PxBackup.Gateway.Rest;

/// <summary>
/// Writes a message as grpc-gateway 1.16 does with proto names and defaults: scalars, enums, lists and maps always, message fields and
/// members of a oneof only when set; 64-bit integers as strings; enums by name.
/// </summary>
internal static class MessageWriter
{
    public static void Write(Utf8JsonWriter json, IMessage message) => Write(json, message, MessageShape.Of(message.Descriptor));

    private static void Write(Utf8JsonWriter json, IMessage message, MessageShape shape)
    {
        if (shape.IsValue)
        {
            json.WriteRawValue(JsonFormatter.Default.Format(message));
            return;
        }

        json.WriteStartObject();
        foreach (var field in shape.Fields)
        {
            var accessor = field.Descriptor.Accessor;
            if (field.Descriptor.HasPresence && !accessor.HasValue(message))
                continue;

            json.WritePropertyName(field.Name);
            var value = accessor.GetValue(message);
            if (field.Key is not null)
                WriteMap(json, (IDictionary)value, field);
            else if (field.Descriptor.IsRepeated)
                WriteList(json, (IList)value, field);
            else
                WriteValue(json, value, field);
        }
        json.WriteEndObject();
    }

    private static void WriteList(Utf8JsonWriter json, IList list, FieldShape field)
    {
        json.WriteStartArray();
        foreach (var item in list)
            WriteValue(json, item, field);
        json.WriteEndArray();
    }

    // Ordered by key, as Go writes maps: equal messages give equal text.
    private static void WriteMap(Utf8JsonWriter json, IDictionary map, FieldShape field)
    {
        json.WriteStartObject();
        var keys = new (string Text, object Key)[map.Count];
        var count = 0;
        foreach (var key in map.Keys)
            keys[count++] = (key as string ?? Convert.ToString(key, CultureInfo.InvariantCulture)!, key);
        Array.Sort(keys, static (left, right) => string.CompareOrdinal(left.Text, right.Text));
        foreach (var (text, key) in keys)
        {
            json.WritePropertyName(text);
            WriteValue(json, map[key]!, field);
        }
        json.WriteEndObject();
    }

    private static void WriteValue(Utf8JsonWriter json, object value, FieldShape field)
    {
        switch (field.Value.FieldType)
        {
            case FieldType.String:
                json.WriteStringValue((string)value);
                break;
            case FieldType.Bool:
                json.WriteBooleanValue((bool)value);
                break;
            case FieldType.Int32 or FieldType.SInt32 or FieldType.SFixed32:
                json.WriteNumberValue((int)value);
                break;
            case FieldType.UInt32 or FieldType.Fixed32:
                json.WriteNumberValue((uint)value);
                break;
            case FieldType.Int64 or FieldType.SInt64 or FieldType.SFixed64:
                json.WriteStringValue(((long)value).ToString(CultureInfo.InvariantCulture));
                break;
            case FieldType.UInt64 or FieldType.Fixed64:
                json.WriteStringValue(((ulong)value).ToString(CultureInfo.InvariantCulture));
                break;
            case FieldType.Double:
                WriteDouble(json, (double)value);
                break;
            case FieldType.Float:
                WriteDouble(json, (float)value);
                break;
            case FieldType.Bytes:
                json.WriteBase64StringValue(((ByteString)value).Span);
                break;
            case FieldType.Enum:
                // Boxed enums unbox to their number.
                var number = (int)value;
                if (field.EnumNames!.TryGetValue(number, out var name))
                    json.WriteStringValue(name);
                else
                    json.WriteNumberValue(number);
                break;
            default:
                Write(json, (IMessage)value, field.Message);
                break;
        }
    }

    private static void WriteDouble(Utf8JsonWriter json, double value)
    {
        // JSON has no such numbers; proto3 writes them as strings.
        if (double.IsFinite(value))
            json.WriteNumberValue(value);
        else
            json.WriteStringValue(double.IsNaN(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity");
    }
}
