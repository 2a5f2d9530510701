using System.Globalization;
using System.Text.Json;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;
using PxBackup.Grains.Interfaces;

namespace PxBackup.Gateway.Rest;

/// <summary>Reads one value from text: a path segment, a query parameter, the key of a map.</summary>
internal static class FieldText
{
    /// <summary>The value of a scalar or enum field, boxed as its accessor takes it.</summary>
    /// <exception cref="FormatException">The text is not of the field's type; the message says what is expected.</exception>
    public static object Parse(FieldDescriptor field, string text) => field.FieldType switch
    {
        FieldType.String => text,
        FieldType.Bool => ParseBool(text),
        FieldType.Int32 or FieldType.SInt32 or FieldType.SFixed32 =>
            int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : throw Not(text, "a whole number of 32 bits"),
        FieldType.UInt32 or FieldType.Fixed32 =>
            uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : throw Not(text, "a whole number of 32 bits, not negative"),
        FieldType.Int64 or FieldType.SInt64 or FieldType.SFixed64 =>
            long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : throw Not(text, "a whole number of 64 bits"),
        FieldType.UInt64 or FieldType.Fixed64 =>
            ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : throw Not(text, "a whole number of 64 bits, not negative"),
        FieldType.Double =>
            double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number : throw Not(text, "a number"),
        FieldType.Float =>
            float.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number : throw Not(text, "a number"),
        FieldType.Bytes => ParseBytes(text),
        FieldType.Enum => ParseEnum(field.EnumType, text),
        _ => throw new FormatException($"{field.FullName} cannot be given as text"),
    };

    /// <summary>A Timestamp or Duration from a query parameter; null when the type has no textual form.</summary>
    /// <exception cref="FormatException">The text is not of the type.</exception>
    public static IMessage? ParseWellKnown(MessageDescriptor type, string text)
    {
        if (ExampleOf(type) is not { } example)
            return null;
        try
        {
            return JsonParser.Default.Parse($"\"{JsonEncodedText.Encode(text)}\"", type);
        }
        catch (InvalidProtocolBufferException)
        {
            throw Not(text, example);
        }
    }

    /// <summary>What a Timestamp or Duration looks like, for messages; null for other types.</summary>
    public static string? ExampleOf(MessageDescriptor type) =>
        type == Timestamp.Descriptor ? "a time such as 2026-11-22T10:00:00Z" : type == Duration.Descriptor ? "a duration such as 1.5s" : null;

    /// <summary>The number of the value with this name.</summary>
    /// <exception cref="FormatException">The enum has no such value; the message lists those it has.</exception>
    public static int EnumNumber(EnumDescriptor type, string name) =>
        type.FindValueByName(name)?.Number ?? throw Not(name, $"a value of {type.FullName}: one of {string.Join(", ", type.Values.Select(value => value.Name))}");

    // The spellings of Go's ParseBool: clients in Python send True and False.
    private static bool ParseBool(string text) => text switch
    {
        "1" or "t" or "T" or "true" or "TRUE" or "True" => true,
        "0" or "f" or "F" or "false" or "FALSE" or "False" => false,
        _ => throw Not(text, "true or false"),
    };

    // Numbers without a name are taken, as they are in a body: an older gateway must not refuse a newer client.
    private static int ParseEnum(EnumDescriptor type, string text) =>
        int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number
        : EnumNumber(type, text);

    private static ByteString ParseBytes(string text)
    {
        try
        {
            var standard = text.Replace('-', '+').Replace('_', '/').TrimEnd('=');
            return ByteString.FromBase64(standard.PadRight((standard.Length + 3) / 4 * 4, '='));
        }
        catch (FormatException)
        {
            throw Not(text, "base64");
        }
    }

    private static FormatException Not(string text, string expected) => new($"\"{OutsideText.OneLine(text, 64)}\" is not {expected}");
}
