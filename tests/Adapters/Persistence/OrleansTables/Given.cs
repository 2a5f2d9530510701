using System.Net;
using Orleans;
using Orleans.Runtime;

namespace PxBackup.Tests.Adapters.Persistence.OrleansTables;

/// <summary>Silos, reminders and grains that occur in one test only.</summary>
internal static class Given
{
    private static int generation = Random.Shared.Next(1, 1 << 29);

    /// <summary>An instant with whole seconds: what every database keeps exactly.</summary>
    public static DateTime Now
    {
        get
        {
            var now = DateTime.UtcNow;
            return now.AddTicks(-(now.Ticks % TimeSpan.TicksPerSecond));
        }
    }

    public static string Id() => "t" + Guid.NewGuid().ToString("N");

    public static SiloAddress Address() => SiloAddress.New(IPAddress.Loopback, 12345, Interlocked.Increment(ref generation));

    public static MembershipEntry Silo(SiloStatus status = SiloStatus.Joining, TimeSpan age = default) => new()
    {
        SiloAddress = Address(),
        HostName = "host-1.example",
        SiloName = "Silo one",
        Status = status,
        ProxyPort = 30000,
        StartTime = Now - age,
        IAmAliveTime = Now - age,
    };

    public static GrainId Grain(string key = "") => GrainId.Create("my-grain-type", key + Guid.NewGuid().ToString("N"));

    public static ReminderEntry Reminder(GrainId grain, string name) => new()
    {
        GrainId = grain,
        ReminderName = name,
        StartAt = Now,
        Period = TimeSpan.FromMinutes(1),
    };
}
