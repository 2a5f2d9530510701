using MongoDB.Bson;
using Orleans;
using Orleans.Runtime;

namespace PxBackup.Persistence.MongoDB.Clustering;

/// <summary>One silo inside its cluster's document, as people read it: addresses as <c>ip:port@generation</c>, the status by name.</summary>
internal static class SiloDocument
{
    public const string ETag = "etag", Status = "status", AliveAt = "iAmAliveAt";

    private const string Address = "address", HostName = "hostName", SiloName = "siloName", RoleName = "roleName",
        ProxyPort = "proxyPort", UpdateZone = "updateZone", FaultZone = "faultZone", StartedAt = "startedAt",
        SuspectedBy = "suspectedBy", Suspector = "silo", SuspectedAt = "at";

    /// <summary>The name of a silo's field. A dot in it would be a path; no address contains '_'.</summary>
    public static string KeyOf(SiloAddress silo) => silo.ToParsableString().Replace('.', '_');

    public static BsonDocument Write(MembershipEntry silo, string etag) => new()
    {
        { Address, silo.SiloAddress.ToParsableString() },
        { ETag, etag },
        { Status, silo.Status.ToString() },
        { SiloName, Text(silo.SiloName) },
        { HostName, Text(silo.HostName) },
        { ProxyPort, silo.ProxyPort },
        { StartedAt, DateOf(silo.StartTime) },
        { AliveAt, DateOf(silo.IAmAliveTime) },
        { RoleName, Text(silo.RoleName) },
        { UpdateZone, silo.UpdateZone },
        { FaultZone, silo.FaultZone },
        { SuspectedBy, new BsonArray((silo.SuspectTimes ?? []).Select(vote => new BsonDocument { { Suspector, vote.Item1.ToParsableString() }, { SuspectedAt, DateOf(vote.Item2) } })) },
    };

    /// <summary>Reads a silo.</summary>
    /// <exception cref="Grains.Records.RecordStoreException">It is not what <see cref="Write"/> writes: guessing would break the membership protocol.</exception>
    public static Tuple<MembershipEntry, string> Read(string key, StoredFields fields)
    {
        var silo = new MembershipEntry
        {
            SiloAddress = fields.Parse(Address, SiloAddress.FromParsableString),
            Status = fields.Parse(Status, Enum.Parse<SiloStatus>),
            SiloName = fields.OptionalText(SiloName)!,
            HostName = fields.OptionalText(HostName)!,
            RoleName = fields.OptionalText(RoleName),
            ProxyPort = fields.Number(ProxyPort),
            UpdateZone = fields.Number(UpdateZone),
            FaultZone = fields.Number(FaultZone),
            StartTime = fields.Date(StartedAt),
            IAmAliveTime = fields.Date(AliveAt),
            SuspectTimes = [.. fields.List(SuspectedBy).Select(vote => Tuple.Create(vote.Parse(Suspector, SiloAddress.FromParsableString), vote.Date(SuspectedAt)))],
        };
        return KeyOf(silo.SiloAddress) == key
            ? Tuple.Create(silo, fields.Text(ETag))
            : throw fields.Damaged($"'{Address}' is that of another silo, {silo.SiloAddress.ToParsableString()}");
    }

    /// <summary>Orleans' times are UTC, whatever their kind says.</summary>
    public static BsonDateTime DateOf(DateTime utc) => new(DateTime.SpecifyKind(utc, DateTimeKind.Utc));

    private static BsonValue Text(string? text) => text is null ? BsonNull.Value : text;
}
