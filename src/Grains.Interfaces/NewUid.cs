using Orleans.Runtime;

namespace PxBackup.Grains.Interfaces;

/// <summary>
/// Tells a grain, beside the call that creates its object, that the uid was made for this call: the store cannot know it, and asking
/// would cost as much as the write that accepts the object (a linearizable read is a round trip to a majority).
/// </summary>
public static class NewUid
{
    private const string Name = "px.new-uid";

    /// <summary>From the gateway, which has just made the uid; for the calls of the same request.</summary>
    public static void Announce(ObjectKey key) => RequestContext.Set(Name, key.ToString());

    /// <summary>Whether the call at hand announces this object.</summary>
    public static bool IsAnnounced(ObjectKey key) => RequestContext.Get(Name) is string announced && announced == key.ToString();

    /// <summary>Ends the announcement: what is called or started from here on must not carry it to a later activation.</summary>
    public static void Forget() => RequestContext.Remove(Name);
}
