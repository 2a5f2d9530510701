using System.Buffers;
using System.Collections;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;

namespace PxBackup.Persistence.Relational;

/// <summary>
/// A message as JSON for people and their queries: fields by their proto names, enums by name, instants as text, 64-bit numbers as
/// numbers. It always succeeds and never has to be read back: the message itself rests beside it (ADR 19).
/// </summary>
internal static class ReadableJson
{
    /// <summary>Messages above this size (16 MiB) get none: nobody reads them, and the database would parse every byte.</summary>
    private const int Limit = 16 << 20;

    private static readonly JsonWriterOptions Writing = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    /// <summary>The JSON as UTF-8; null for a message too large to be read.</summary>
    /// <param name="message">The message.</param>
    /// <param name="size">Its size in bytes.</param>
    public static byte[]? Of(IMessage message, int size)
    {
        if (size > Limit)
            return null;
        var buffer = new ArrayBufferWriter<byte>(size + 256);
        using (var json = new Utf8JsonWriter(buffer, Writing))
            WriteMessage(json, message);
        return buffer.WrittenSpan.ToArray();
    }

    private static void WriteMessage(Utf8JsonWriter json, IMessage message)
    {
        json.WriteStartObject();
        foreach (var field in message.Descriptor.Fields.InFieldNumberOrder())
        {
            var value = field.Accessor.GetValue(message);
            if (IsUnset(message, field, value))
                continue;
            json.WritePropertyName(field.Name);
            if (value is IDictionary map)
                WriteMap(json, field, map);
            else if (value is IList list)
                WriteList(json, field, list);
            else
                WriteValue(json, field, value);
        }

        json.WriteEndObject();
    }

    private static bool IsUnset(IMessage message, FieldDescriptor field, object? value) => value switch
    {
        null => true,
        ICollection { Count: 0 } => true,
        _ when field.HasPresence => !field.Accessor.HasValue(message),
        string text => text.Length == 0,
        ByteString bytes => bytes.Length == 0,
        bool flag => !flag,
        IConvertible number => Convert.ToDouble(number, CultureInfo.InvariantCulture) == 0,
        _ => false,
    };

    private static void WriteMap(Utf8JsonWriter json, FieldDescriptor field, IDictionary map)
    {
        var valueField = field.MessageType.FindFieldByNumber(2);
        json.WriteStartObject();
        foreach (DictionaryEntry entry in map)
        {
            json.WritePropertyName(PostgresText.Show(Convert.ToString(entry.Key, CultureInfo.InvariantCulture)!));
            WriteValue(json, valueField, entry.Value!);
        }

        json.WriteEndObject();
    }

    private static void WriteList(Utf8JsonWriter json, FieldDescriptor field, IList list)
    {
        json.WriteStartArray();
        foreach (var item in list)
            WriteValue(json, field, item!);
        json.WriteEndArray();
    }

    private static void WriteValue(Utf8JsonWriter json, FieldDescriptor field, object value)
    {
        switch (value)
        {
            case Timestamp instant when IsInRange(instant):
                json.WriteStringValue(instant.ToDateTimeOffset());
                break;
            case IMessage message:
                WriteMessage(json, message);
                break;
            case string text:
                json.WriteStringValue(PostgresText.Show(text));
                break;
            case ByteString bytes:
                json.WriteBase64StringValue(bytes.Span);
                break;
            case bool flag:
                json.WriteBooleanValue(flag);
                break;
            case double or float:
                WriteFloat(json, Convert.ToDouble(value, CultureInfo.InvariantCulture));
                break;
            case ulong number:
                json.WriteNumberValue(number);
                break;
            case System.Enum constant:
                WriteEnum(json, field, Convert.ToInt32(constant, CultureInfo.InvariantCulture));
                break;
            default:
                json.WriteNumberValue(Convert.ToInt64(value, CultureInfo.InvariantCulture));
                break;
        }
    }

    private static void WriteEnum(Utf8JsonWriter json, FieldDescriptor field, int number)
    {
        if (field.EnumType.FindValueByNumber(number) is { } known)
            json.WriteStringValue(known.Name);
        else
            json.WriteNumberValue(number);
    }

    private static void WriteFloat(Utf8JsonWriter json, double value)
    {
        if (double.IsFinite(value))
            json.WriteNumberValue(value);
        else
            json.WriteStringValue(value.ToString(CultureInfo.InvariantCulture));
    }

    private static bool IsInRange(Timestamp instant) =>
        instant.Seconds is >= -62_135_596_800 and <= 253_402_300_799 && instant.Nanos is >= 0 and <= 999_999_999;
}
