namespace PxBackup.Chaos.Network;

/// <summary>What a proxy does to connections.</summary>
internal enum ProxyMode
{
    /// <summary>Passes everything on.</summary>
    Pass,

    /// <summary>Each chunk waits <see cref="ProxyFault.Delay"/> ± <see cref="ProxyFault.Jitter"/>.</summary>
    Delay,

    /// <summary>No more than <see cref="ProxyFault.Bytes"/> a second in each direction.</summary>
    Throttle,

    /// <summary>Connections are reset after <see cref="ProxyFault.Bytes"/> more bytes, in the middle of a message most likely.</summary>
    CutAfter,

    /// <summary>Accepted and never answered; what is sent meanwhile arrives when the fault ends, as after a pause of the network.</summary>
    HalfOpen,

    /// <summary>Open connections are reset, new ones as soon as they are accepted.</summary>
    Reset,

    /// <summary>Everything disappears without a word; connections that lost something are reset when the fault ends.</summary>
    Blackhole,

    /// <summary>Requests get through, replies do not; then the connection is reset: lost acknowledgements.</summary>
    DropReplies,
}

/// <summary>A fault with its numbers.</summary>
internal sealed record ProxyFault(ProxyMode Mode)
{
    public static readonly ProxyFault None = new(ProxyMode.Pass);

    /// <summary>Of <see cref="ProxyMode.Delay"/>; of <see cref="ProxyMode.DropReplies"/> the time from the first lost reply to the reset.</summary>
    public TimeSpan Delay { get; init; } = TimeSpan.FromMilliseconds(500);

    public TimeSpan Jitter { get; init; }

    public long Bytes { get; init; }

    /// <summary>Only connections of this client, as the proxy's <c>identify</c> calls it; null for all.</summary>
    public string? Client { get; init; }
}
