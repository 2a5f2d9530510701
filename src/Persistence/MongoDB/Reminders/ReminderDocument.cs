using System.Globalization;
using MongoDB.Bson;
using Orleans;
using Orleans.Runtime;
using PxBackup.Persistence.GrainState;

namespace PxBackup.Persistence.MongoDB.Reminders;

/// <summary>A reminder as people read it: a date to start at, and a period as <c>d.hh:mm:ss</c>.</summary>
internal static class ReminderDocument
{
    public const string Id = "_id", ETag = "etag", Hash = "grainHash", Service = "service", Grain = "grain", Name = "name";

    private const string StartAt = "startAt", Period = "period";

    /// <summary>The id: a document, so that no character in a name or key can be taken for a separator.</summary>
    public static BsonDocument IdOf(string service, GrainId grain, string name) => new() { { Service, service }, { Grain, GrainKeyText.Of(grain) }, { Name, name } };

    public static BsonDocument Write(string service, ReminderEntry reminder, string etag) => new()
    {
        { Id, IdOf(service, reminder.GrainId, reminder.ReminderName) },
        { ETag, etag },
        { StartAt, new BsonDateTime(DateTime.SpecifyKind(reminder.StartAt, DateTimeKind.Utc)) },
        { Period, reminder.Period.ToString("c", CultureInfo.InvariantCulture) },
        { Hash, HashOf(reminder.GrainId) },
    };

    /// <summary>Reads a reminder.</summary>
    /// <exception cref="Grains.Records.RecordStoreException">It is not what <see cref="Write"/> writes.</exception>
    public static ReminderEntry Read(StoredFields fields)
    {
        var id = fields.Part(Id);
        var reminder = new ReminderEntry
        {
            GrainId = id.Parse(Grain, GrainId.Parse),
            ReminderName = id.Text(Name),
            StartAt = fields.Date(StartAt),
            Period = fields.Parse(Period, text => TimeSpan.ParseExact(text, "c", CultureInfo.InvariantCulture)),
            ETag = fields.Text(ETag),
        };
        return reminder.Period > TimeSpan.Zero ? reminder : throw fields.Damaged($"'{Period}' is not positive");
    }

    /// <summary>Where the grain is on the ring; a 64-bit number, as BSON has no unsigned ones.</summary>
    public static long HashOf(GrainId grain) => grain.GetUniformHashCode();
}
