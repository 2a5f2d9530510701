namespace PxBackup.Tests.Simulation;

/// <summary>What can go wrong in a history. Each kind has its own opportunities, which are counted.</summary>
internal enum Fault
{
    /// <summary>A write of a record took effect; its acknowledgement is lost (S4).</summary>
    StoreAckLost,

    /// <summary>A write of a record had no effect and fails.</summary>
    StoreNotDone,

    /// <summary>A write of a record fails and takes effect up to a minute later.</summary>
    StoreLate,

    /// <summary>A read of a record fails.</summary>
    StoreReadFails,

    /// <summary>The store is down for a while (S1).</summary>
    StoreDown,

    /// <summary>A call to a cluster had no effect and fails (K1).</summary>
    CallNotDone,

    /// <summary>A call to a cluster took effect; its answer is lost (K8).</summary>
    CallAckLost,

    /// <summary>A call to a cluster fails and takes effect up to a minute later (K8).</summary>
    CallLate,

    /// <summary>The cluster's API server is down for a while (K1).</summary>
    ClusterDown,

    /// <summary>A call between grains never arrives; the caller times out.</summary>
    MessageLost,

    /// <summary>A call between grains is carried out; the answer is lost and the caller times out.</summary>
    ReplyLost,

    /// <summary>A call between grains arrives twice.</summary>
    MessageDuplicated,

    /// <summary>A call between grains is overtaken by later ones.</summary>
    MessageDelayed,

    /// <summary>A watch event is lost.</summary>
    EventLost,

    /// <summary>A watch event comes twice.</summary>
    EventDuplicated,

    /// <summary>A watch event is overtaken by later ones.</summary>
    EventDelayed,

    /// <summary>The watch is cut and listed again later (K2, K3).</summary>
    WatchCut,

    /// <summary>Stork ends the work as failed.</summary>
    StorkFails,

    /// <summary>Stork ends the work as a partial success.</summary>
    StorkPartial,

    /// <summary>Stork never goes on and records Warnings.</summary>
    StorkWarns,

    /// <summary>Stork never goes on and says nothing.</summary>
    StorkSilent,

    /// <summary>Stork takes long for a stage.</summary>
    StorkSlow,

    /// <summary>Stork does nothing at all for a while (K15).</summary>
    StorkDead,

    /// <summary>Stork removes the resource and leaves the data in the bucket, in silence.</summary>
    StorkLeavesData,

    /// <summary>A person deletes the resource (K13).</summary>
    HumanDeletes,

    /// <summary>The cluster is put back to an earlier snapshot: what was gone is there again.</summary>
    PutBack,

    /// <summary>The silo dies before an effect that it asked for, or while it is on its way (F1).</summary>
    CrashBefore,

    /// <summary>The silo dies after an effect and before it learns of it (F1).</summary>
    CrashAfter,

    /// <summary>The silo stands still, is taken for dead, and goes on as a zombie (F2, F3).</summary>
    Pause,

    /// <summary>An activation ends in good order and the next call makes another.</summary>
    Collect,

    /// <summary>The bucket does not answer (B1).</summary>
    BucketFails,

    /// <summary>An object lock keeps the data for a while (B6).</summary>
    BucketLocked,

    /// <summary>The backup location cannot be opened just now.</summary>
    LocationFails,
}

/// <summary>The faults of one history: the k-th opportunity of a kind, chosen beforehand, and none after the world heals.</summary>
internal sealed class Faults
{
    public static readonly Fault[] All = Enum.GetValues<Fault>();

    // About how many opportunities a history of one backup and its deletion gives: a fault is to fall anywhere in it.
    private static readonly Dictionary<Fault, int> Opportunities = new()
    {
        [Fault.StoreAckLost] = 14, [Fault.StoreNotDone] = 14, [Fault.StoreLate] = 14, [Fault.StoreReadFails] = 12, [Fault.StoreDown] = 14,
        [Fault.CallNotDone] = 50, [Fault.CallAckLost] = 10, [Fault.CallLate] = 10, [Fault.ClusterDown] = 60,
        [Fault.MessageLost] = 100, [Fault.ReplyLost] = 100, [Fault.MessageDuplicated] = 40, [Fault.MessageDelayed] = 100,
        [Fault.EventLost] = 8, [Fault.EventDuplicated] = 8, [Fault.EventDelayed] = 8, [Fault.WatchCut] = 8,
        [Fault.StorkFails] = 2, [Fault.StorkPartial] = 2, [Fault.StorkWarns] = 6, [Fault.StorkSilent] = 6, [Fault.StorkSlow] = 6, [Fault.StorkDead] = 6,
        [Fault.StorkLeavesData] = 2, [Fault.HumanDeletes] = 6, [Fault.PutBack] = 3,
        [Fault.CrashBefore] = 70, [Fault.CrashAfter] = 70, [Fault.Pause] = 70, [Fault.Collect] = 100,
        [Fault.BucketFails] = 2, [Fault.BucketLocked] = 2, [Fault.LocationFails] = 3,
    };

    private readonly int[] _seen = new int[All.Length];
    private readonly List<(Fault Kind, int At)> _charges = [];
    private bool _off;

    /// <summary>How often each kind happened.</summary>
    public int[] Fired { get; } = new int[All.Length];

    /// <summary>What was planned.</summary>
    public IReadOnlyList<(Fault Kind, int At)> Charges => _charges;

    /// <summary>Nothing was planned.</summary>
    public bool None => _charges.Count == 0;

    public static Faults Plan(SeededRandom random)
    {
        var faults = new Faults();
        if (random.Percent(15))
            return faults;
        for (var left = 1 + random.Next(5); left > 0; left--)
        {
            var kind = random.Of(All);
            faults._charges.Add((kind, 1 + random.Next(Opportunities[kind])));
        }

        return faults;
    }

    /// <summary>Here it could happen. Does it?</summary>
    public bool Fires(Fault kind)
    {
        if (_charges.Count == 0 || _off)
            return false;
        var now = ++_seen[(int)kind];
        foreach (var charge in _charges)
        {
            if (charge.Kind != kind || charge.At != now)
                continue;
            Fired[(int)kind]++;
            return true;
        }

        return false;
    }

    /// <summary>It happened at least once.</summary>
    public bool Happened(Fault kind) => Fired[(int)kind] > 0;

    /// <summary>Nothing but this was planned.</summary>
    public bool Only(Fault kind) => _charges.All(charge => charge.Kind == kind);

    /// <summary>Nothing goes wrong any more.</summary>
    public void Heal() => _off = true;
}
