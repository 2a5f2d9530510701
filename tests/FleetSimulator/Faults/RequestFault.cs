using System.Text.RegularExpressions;

namespace PxBackup.FleetSimulator.Faults;

/// <summary>What happens to a request that a fault takes.</summary>
public enum RequestEffect
{
    /// <summary>Nothing is done and the error is answered.</summary>
    Refused,

    /// <summary>The request has its effect, but the error is answered: the caller must not believe it.</summary>
    DoneButRefused,

    /// <summary>Nothing is done, but success is answered, with the body that was sent.</summary>
    NotDoneButAnswered,

    /// <summary>Nothing is done and the connection is cut without an answer.</summary>
    Dropped,

    /// <summary>The request has its effect and the connection is cut without an answer.</summary>
    DoneButDropped,

    /// <summary>Nothing is done and no answer ever comes; the connection stays open.</summary>
    Hung,

    /// <summary>A list is answered with made-up pages that never end.</summary>
    EndlessPages,

    /// <summary>An answer of so many bytes of JSON; of a watch, one line.</summary>
    Giant,

    /// <summary>An answer that comes a byte at a time.</summary>
    SlowBytes,

    /// <summary>The body that the order gives.</summary>
    Body,

    /// <summary>A header of so many bytes, then the body.</summary>
    GiantHeader,
}

/// <summary>A fault that takes requests by method and path.</summary>
public sealed class RequestFault
{
    private Regex? _path;
    private readonly int? _code;

    /// <summary>GET, POST, PUT, PATCH, DELETE or WATCH; null takes all.</summary>
    public string? Method { get; init; }

    /// <summary>Regular expression over the path (without query).</summary>
    public string Path { get; init; } = ".*";

    /// <summary>HTTP code of the answer. Without one 500 is answered; hostile answers say 200.</summary>
    public int Code { get => _code ?? (Effect >= RequestEffect.EndlessPages ? 200 : 500); init => _code = value; }

    /// <summary>Value of the Retry-After header in seconds, if any.</summary>
    public int? RetryAfterSeconds { get; init; }

    /// <summary>What happens to the request.</summary>
    public RequestEffect Effect { get; init; }

    /// <summary>Items of each page (<see cref="RequestEffect.EndlessPages"/>); 0 gives empty pages.</summary>
    public int Items { get; init; }

    /// <summary>Every page gives the same continue token.</summary>
    public bool SameContinue { get; init; }

    /// <summary>Length of the answer or header (<see cref="RequestEffect.Giant"/>, <see cref="RequestEffect.GiantHeader"/>), or when it ends (<see cref="RequestEffect.SlowBytes"/>; 0 for never).</summary>
    public long Bytes { get; init; }

    /// <summary>Pause after each byte (<see cref="RequestEffect.SlowBytes"/>).</summary>
    public int EveryMilliseconds { get; init; } = 1000;

    /// <summary>The answer (<see cref="RequestEffect.Body"/>), JSON as text.</summary>
    public string? Body { get; init; }

    /// <summary>How many requests are taken; 0 takes them until the faults are cleared.</summary>
    public int Count { get; init; } = 1;

    /// <summary>How many requests it has taken: the proof that it fired.</summary>
    public int Taken { get; internal set; }

    internal bool Takes(string method, bool watch, string path)
    {
        if (Count > 0 && Taken >= Count) return false;
        if (Method is not null && Method != (watch ? "WATCH" : method) && !(watch && Method == "GET")) return false;
        // Compiled would cost more than it saves: most faults take a few requests.
        _path ??= new Regex(Path, RegexOptions.CultureInvariant, TimeSpan.FromSeconds(1));
        return _path.IsMatch(path);
    }
}

/// <summary>What the token may not do; empty means any.</summary>
/// <param name="Verb">get, list, watch, create, update, patch, delete; empty or * for any.</param>
/// <param name="Group">API group; * for any (the core group is "").</param>
/// <param name="Resource">Plural; empty or * for any.</param>
/// <param name="Namespace">Empty or * for any.</param>
public sealed record AccessDenial(string Verb = "*", string Group = "*", string Resource = "*", string Namespace = "*")
{
    internal bool Covers(string verb, string group, string resource, string ns) =>
        Any(Verb, verb) && (Group == "*" || Group == group) && Any(Resource, resource) && Any(Namespace, ns);

    private static bool Any(string pattern, string value) => pattern is "" or "*" || pattern == value || value == "*";
}
