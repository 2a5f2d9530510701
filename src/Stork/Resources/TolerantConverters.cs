using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace PxBackup.Stork.Resources;

// The API server validates none of these fields (the schema preserves unknown fields), so anybody may have written anything.
// A value of the wrong kind reads as absent: one odd object must not hide a cluster's other backups.
// TrySkip, not Skip: the serializer has buffered the whole value, but Skip refuses a reader that more input may follow.

internal sealed class TolerantBoolean : JsonConverter<bool>
{
    public override bool HandleNull => true;

    public override bool Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        var value = reader.TokenType == JsonTokenType.True || (reader.TokenType == JsonTokenType.String && reader.ValueTextEquals("true"u8));
        _ = reader.TrySkip();
        return value;
    }

    public override void Write(Utf8JsonWriter writer, bool value, JsonSerializerOptions options) => writer.WriteBooleanValue(value);
}

internal sealed class TolerantInt32 : JsonConverter<int>
{
    public override bool HandleNull => true;

    public override int Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        (int)Int128.Clamp(TolerantNumber.Read(ref reader), int.MinValue, int.MaxValue);

    public override void Write(Utf8JsonWriter writer, int value, JsonSerializerOptions options) => writer.WriteNumberValue(value);
}

internal sealed class TolerantInt64 : JsonConverter<long>
{
    public override bool HandleNull => true;

    public override long Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        (long)Int128.Clamp(TolerantNumber.Read(ref reader), long.MinValue, long.MaxValue);

    public override void Write(Utf8JsonWriter writer, long value, JsonSerializerOptions options) => writer.WriteNumberValue(value);
}

internal sealed class TolerantUInt64 : JsonConverter<ulong>
{
    public override bool HandleNull => true;

    public override ulong Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        (ulong)Int128.Clamp(TolerantNumber.Read(ref reader), ulong.MinValue, ulong.MaxValue);

    public override void Write(Utf8JsonWriter writer, ulong value, JsonSerializerOptions options) => writer.WriteNumberValue(value);
}

/// <summary><c>metav1.Time</c> (RFC 3339, whole seconds, UTC); null and "" are "no time".</summary>
internal sealed class TolerantTime : JsonConverter<DateTimeOffset?>
{
    public override bool HandleNull => true;

    public override DateTimeOffset? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        DateTimeOffset? value = reader.TokenType == JsonTokenType.String && reader.TryGetDateTimeOffset(out var time) ? time : null;
        _ = reader.TrySkip();
        return value;
    }

    public override void Write(Utf8JsonWriter writer, DateTimeOffset? value, JsonSerializerOptions options)
    {
        if (value is { } time)
            writer.WriteStringValue(time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture));
        else
            writer.WriteNullValue();
    }
}

internal static class TolerantNumber
{
    /// <summary>Reads a number, also one in quotes; anything else is 0. The reader ends on the value's last token.</summary>
    public static Int128 Read(ref Utf8JsonReader reader)
    {
        Int128 value = 0;
        if (reader.TokenType == JsonTokenType.Number)
        {
            if (reader.TryGetInt64(out var signed))
                value = signed;
            else if (reader.TryGetUInt64(out var unsigned))
                value = unsigned;
            else if (reader.TryGetDouble(out var real) && Math.Abs(real) < 1e30)
                value = (Int128)real;
        }
        else if (reader.TokenType == JsonTokenType.String && !reader.HasValueSequence && reader.ValueSpan.Length <= 20)
        {
            _ = Int128.TryParse(reader.ValueSpan, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value);
        }

        _ = reader.TrySkip();
        return value;
    }
}
