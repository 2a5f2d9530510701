using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using MongoDB.Bson;

namespace PxBackup.Persistence.MongoDB;

/// <summary>
/// Timestamps as BSON dates. A date has milliseconds, a timestamp nanoseconds: one with a finer part becomes
/// <c>{date, nanos}</c>, where <c>nanos</c> is the whole fraction of the second.
/// </summary>
internal static class BodyDates
{
    private const int NanosPerSecond = 1_000_000_000, NanosPerMillisecond = 1_000_000;

    /// <summary>The seconds of years 1 to 9999, which is what a timestamp may hold.</summary>
    private const long First = -62_135_596_800, Last = 253_402_300_799;

    private const string Date = "date", Nanos = "nanos";

    /// <summary>The date; null for a timestamp that is none (out of range, or with more bytes than the two fields take).</summary>
    public static BsonValue? Of(ReadOnlySpan<byte> bytes)
    {
        var timestamp = Timestamp.Parser.ParseFrom(bytes);
        if (timestamp.Seconds is < First or > Last || timestamp.Nanos is < 0 or >= NanosPerSecond
            || new Timestamp { Seconds = timestamp.Seconds, Nanos = timestamp.Nanos }.CalculateSize() != bytes.Length)
        {
            return null;
        }

        var date = new BsonDateTime((timestamp.Seconds * 1000) + (timestamp.Nanos / NanosPerMillisecond));
        return timestamp.Nanos % NanosPerMillisecond == 0 ? date : new BsonDocument { { Date, date }, { Nanos, timestamp.Nanos } };
    }

    /// <summary>Whether a value is meant as a date.</summary>
    public static bool IsDate(BsonValue value) => value is BsonDateTime || (value is BsonDocument document && document.Contains(Date));

    /// <summary>The timestamp's bytes; null when the value is not of this form.</summary>
    public static byte[]? Read(BsonValue value) => value switch
    {
        BsonDateTime date => From(date.MillisecondsSinceEpoch, null),
        BsonDocument { ElementCount: 2 } both when both.TryGetValue(Date, out var date) && date is BsonDateTime at
            && both.TryGetValue(Nanos, out var nanos) && nanos is BsonInt32 fraction => From(at.MillisecondsSinceEpoch, fraction.Value),
        _ => null,
    };

    private static byte[]? From(long milliseconds, int? nanos)
    {
        var seconds = Math.DivRem(milliseconds, 1000, out var rest);
        if (rest < 0)
            (seconds, rest) = (seconds - 1, rest + 1000);
        var fraction = nanos ?? (int)rest * NanosPerMillisecond;
        // The two parts must say the same millisecond: else somebody changed only one of them.
        if (seconds is < First or > Last || fraction is < 0 or >= NanosPerSecond || fraction / NanosPerMillisecond != rest)
            return null;
        return new Timestamp { Seconds = seconds, Nanos = fraction }.ToByteArray();
    }
}
