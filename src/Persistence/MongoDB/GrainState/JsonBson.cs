using System.Globalization;
using System.Text;
using System.Text.Json;
using MongoDB.Bson;

namespace PxBackup.Persistence.MongoDB.GrainState;

/// <summary>
/// JSON as BSON and back, value by value, so that people can read and query states. Numbers take the type that gives their
/// text back; names that a database takes for paths or operators are escaped as in an address: <c>a.b</c> is <c>a%2Eb</c>.
/// </summary>
internal static class JsonBson
{
    /// <summary>Deeper than this a state is not read: MongoDB allows 100 levels, and the document around it takes some.</summary>
    private const int Deepest = 90;

    private const string EmptyName = "%";

    /// <summary>JSON as a BSON value.</summary>
    /// <exception cref="FormatException">A number has more digits than the 34 that BSON can hold.</exception>
    public static BsonValue ToBson(ReadOnlyMemory<byte> json)
    {
        using var document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = Deepest });
        return ToBson(document.RootElement);
    }

    /// <summary>The JSON that <see cref="ToBson(ReadOnlyMemory{byte})"/> made the value from.</summary>
    /// <exception cref="FormatException">It holds a value that no JSON leads to, such as a regular expression.</exception>
    public static byte[] ToJson(BsonValue value)
    {
        var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer))
            Write(writer, value);
        return buffer.ToArray();
    }

    private static BsonValue ToBson(JsonElement json) => json.ValueKind switch
    {
        JsonValueKind.Object => new BsonDocument(json.EnumerateObject().Select(member => new BsonElement(Escape(member.Name), ToBson(member.Value)))),
        JsonValueKind.Array => new BsonArray(json.EnumerateArray().Select(ToBson)),
        JsonValueKind.String => json.GetString()!,
        JsonValueKind.True => BsonBoolean.True,
        JsonValueKind.False => BsonBoolean.False,
        JsonValueKind.Number => Number(json.GetRawText()),
        _ => BsonNull.Value,
    };

    private static BsonValue Number(string text)
    {
        if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var integer) && integer.ToString(CultureInfo.InvariantCulture) == text)
            return integer is >= int.MinValue and <= int.MaxValue ? (int)integer : integer;
        if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var real) && real.ToString("R", CultureInfo.InvariantCulture) == text)
            return real;
        // Decimals such as 12.50, and integers beyond 64 bits.
        return Decimal128.TryParse(text, out var exact) && DigitsOf(text) <= 34
            ? new BsonDecimal128(exact)
            : throw new FormatException($"the number {text} has more digits than a database keeps");
    }

    private static int DigitsOf(string number) => number.TakeWhile(c => c is not ('e' or 'E')).Where(char.IsAsciiDigit).SkipWhile(c => c == '0').Count();

    private static void Write(Utf8JsonWriter writer, BsonValue value)
    {
        switch (value)
        {
            case BsonDocument document:
                writer.WriteStartObject();
                foreach (var element in document)
                {
                    writer.WritePropertyName(Unescape(element.Name));
                    Write(writer, element.Value);
                }

                writer.WriteEndObject();
                break;
            case BsonArray array:
                writer.WriteStartArray();
                foreach (var item in array)
                    Write(writer, item);
                writer.WriteEndArray();
                break;
            case BsonString text:
                writer.WriteStringValue(text.Value);
                break;
            case BsonBoolean flag:
                writer.WriteBooleanValue(flag.Value);
                break;
            case BsonInt32 number:
                writer.WriteNumberValue(number.Value);
                break;
            case BsonInt64 number:
                writer.WriteNumberValue(number.Value);
                break;
            case BsonDouble number when double.IsFinite(number.Value):
                writer.WriteRawValue(number.Value.ToString("R", CultureInfo.InvariantCulture));
                break;
            case BsonDecimal128 number when !Decimal128.IsNaN(number.Value) && !Decimal128.IsInfinity(number.Value):
                writer.WriteRawValue(number.Value.ToString());
                break;
            case BsonNull:
                writer.WriteNullValue();
                break;
            default:
                throw new FormatException($"a {value.BsonType} is no part of a state");
        }
    }

    private static string Escape(string name)
    {
        if (name.Length == 0)
            return EmptyName;
        if (name.AsSpan().IndexOfAny(".$%\0") < 0)
            return name;
        var escaped = new StringBuilder(name.Length + 8);
        foreach (var c in name)
            escaped.Append(c is '.' or '$' or '%' or '\0' ? $"%{(int)c:X2}" : c.ToString());
        return escaped.ToString();
    }

    private static string Unescape(string name) => name == EmptyName ? "" : name.Contains('%') ? Uri.UnescapeDataString(name) : name;
}
