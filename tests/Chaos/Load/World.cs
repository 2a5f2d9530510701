using System.Collections.Concurrent;
using PxBackup.Api;

namespace PxBackup.Chaos.Load;

/// <summary>Kinds of objects that the load makes again and again.</summary>
internal enum TrackedKind
{
    Backup,
    Restore,
    Location,
}

/// <summary>What the clients know of one object: what was accepted, and what must therefore be true in the end.</summary>
internal sealed class Tracked(TrackedKind kind, string name, int cluster)
{
    public TrackedKind Kind => kind;

    public string Name => name;

    /// <summary>Index of its cluster.</summary>
    public int Cluster => cluster;

    /// <summary>Known from the answer to the create.</summary>
    public string Uid { get; set; } = "";

    /// <summary>A create was answered with OK.</summary>
    public bool IsAccepted => Uid.Length > 0;

    /// <summary>A delete was sent.</summary>
    public bool IsDeleteSent { get; set; }

    /// <summary>A delete was answered with OK.</summary>
    public bool IsDeleteAccepted { get; set; }

    /// <summary>Its state when its client saw it ended; empty while it has not.</summary>
    public string Ended { get; set; } = "";

    /// <summary>Its client saw that it is gone.</summary>
    public bool IsGone { get; set; }

    public ObjectRef Ref => new() { Name = name, Uid = Uid };

    /// <summary>Name of the resource on the cluster that stands for it.</summary>
    public string Resource => $"{name}-{Uid[..7]}";
}

/// <summary>One observation of an object's state, by inspection or in a list.</summary>
internal sealed record Observation(string Object, string Reader, int Gateway, long Begin, long End, string Seen);

/// <summary>Everything that was made, by name, and what is there all the time.</summary>
internal sealed class World
{
    public const string Gone = "(gone)";

    public required ObjectRef Credential { get; init; }

    public required ObjectRef Location { get; init; }

    public required IReadOnlyList<ObjectRef> Clusters { get; init; }

    public ConcurrentDictionary<string, Tracked> Objects { get; } = new();

    /// <summary>What readers of lists saw of each object; inspections are in the history.</summary>
    public ConcurrentQueue<Observation> Listed { get; } = new();

    /// <summary>What is wrong, as far as clients noticed it by themselves.</summary>
    public ConcurrentQueue<Violation> Violations { get; } = new();

    public Tracked New(TrackedKind kind, string name, int cluster) => Objects.GetOrAdd(name, _ => new Tracked(kind, name, cluster));

    public IEnumerable<Tracked> Of(TrackedKind kind) => Objects.Values.Where(tracked => tracked.Kind == kind);
}

/// <summary>An invariant that did not hold.</summary>
/// <param name="Invariant">N1 to N16 as in the reliability goals.</param>
/// <param name="Object">What it is about.</param>
/// <param name="What">What was seen, and what should have been.</param>
internal sealed record Violation(string Invariant, string Object, string What);
