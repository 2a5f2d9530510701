namespace PxBackup.Grains.Interfaces;

/// <summary>How long a caller waits for a read before it asks again.</summary>
public static class ReadTimeouts
{
    /// <summary>
    /// An answer from a grain's memory, at worst after one read of the store. 2 s: a silo that is frozen (not dead, so that no
    /// connection breaks) must not hold up a read for Orleans' own 30 s; by then its grains live elsewhere.
    /// </summary>
    public const string FromMemory = "00:00:02";
}
