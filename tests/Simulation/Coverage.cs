using PxBackup.Grains.Interfaces;

namespace PxBackup.Tests.Simulation;

/// <summary>What the histories of a run went through: a run that missed a fault or a phase proves nothing.</summary>
internal sealed class Coverage
{
    private readonly long[] _faults = new long[Faults.All.Length];

    public long Histories { get; private set; }

    public long Steps { get; private set; }

    public long Faultless { get; private set; }

    public long Begun { get; private set; }

    public long Deleted { get; private set; }

    public long Restores { get; private set; }

    /// <summary>Resources that a zombie or a late call made.</summary>
    public long Stale { get; private set; }

    /// <summary>Creates that came after the deletion of what they had made.</summary>
    public long Resurrections { get; private set; }

    /// <summary>Resources that came back with an earlier snapshot.</summary>
    public long Returned { get; private set; }

    /// <summary>Clusters that were removed, and those of them that were let go with something left there.</summary>
    public (long All, long LetGo) Removed { get; private set; }

    /// <summary>Ends of Stork and records.</summary>
    public Dictionary<string, long> Ends { get; } = [];

    public long Fired(Fault kind) => _faults[(int)kind];

    /// <summary>The history with the most steps, to see what costs.</summary>
    public (int Steps, ulong Seed) Longest { get; private set; }

    public void Count(World world, Installation home)
    {
        Histories++;
        Steps += world.Steps;
        if (world.Steps > Longest.Steps)
            Longest = (world.Steps, world.Seed);
        if (world.Faults.None)
            Faultless++;
        foreach (var kind in Faults.All)
            _faults[(int)kind] += world.Faults.Fired[(int)kind];
        Begun += home.Truth.Begun;
        Resurrections += home.Truth.Resurrections;
        Returned += home.Truth.Returned;
        Removed = (Removed.All + home.Truth.RemovalsAccepted.Count, Removed.LetGo + home.Records.Keys.Count(key => key.Kind == ObjectKind.LeftOvers));
        foreach (var story in home.Truth.Stories.Values)
        {
            Stale += story.StaleUids.Count;
            if (story.Deleted)
                Deleted++;
            if (story.Kind == ObjectKind.Restore)
                Restores++;
        }

        foreach (var key in home.Records.Keys)
        {
            if (key.Kind is not (ObjectKind.Cluster or ObjectKind.LeftOvers))
                Add($"{key.Kind} {home.Records.IndexOf(key)!.Status}", 1);
        }
    }

    /// <summary>Takes over what another thread counted.</summary>
    public void Add(Coverage other)
    {
        Histories += other.Histories;
        Steps += other.Steps;
        if (other.Longest.Steps > Longest.Steps)
            Longest = other.Longest;
        Faultless += other.Faultless;
        Begun += other.Begun;
        Deleted += other.Deleted;
        Restores += other.Restores;
        Resurrections += other.Resurrections;
        Returned += other.Returned;
        Removed = (Removed.All + other.Removed.All, Removed.LetGo + other.Removed.LetGo);
        Stale += other.Stale;
        foreach (var kind in Faults.All)
            _faults[(int)kind] += other._faults[(int)kind];
        foreach (var (what, count) in other.Ends)
            Add(what, count);
    }

    /// <summary>What never happened.</summary>
    public IEnumerable<string> Missing()
    {
        foreach (var kind in Faults.All.Where(kind => Fired(kind) == 0))
            yield return kind.ToString();
        foreach (var end in new[] { "Backup Success", "Backup PartialSuccess", "Backup Failed", "Restore Success", "Restore PartialSuccess", "Restore Failed" }.Where(end => !Ends.ContainsKey(end)))
            yield return end;
        if (Stale == 0)
            yield return "a resource made by a zombie or late";
        if (Returned == 0)
            yield return "a resource that came back";
        if (Removed.All == 0)
            yield return "a cluster that was removed";
        if (Deleted == 0)
            yield return "a deletion";
        if (Faultless == 0)
            yield return "a history without faults";
    }

    public override string ToString() => $"{Histories} histories, {Steps} steps (at most {Longest}), {Faultless} without faults; {Begun} resources of Stork's, {Restores} restores, {Deleted} deletions, {Stale} resources made by zombies or late, {Resurrections} creates after a deletion refused, {Returned} resources that came back, {Removed.All} clusters removed and {Removed.LetGo} of them let go; "
        + string.Join(", ", Ends.OrderBy(end => end.Key, StringComparer.Ordinal).Select(end => $"{end.Key} {end.Value}")) + "; faults: "
        + string.Join(", ", Faults.All.Select(kind => $"{kind} {Fired(kind)}"));

    private void Add(string what, long count) => Ends[what] = Ends.GetValueOrDefault(what) + count;
}
