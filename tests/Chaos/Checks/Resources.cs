using PxBackup.Chaos.Load;
using PxBackup.Chaos.Programs;

namespace PxBackup.Chaos.Checks;

/// <summary>What a program takes (N15).</summary>
/// <param name="Rss">MiB.</param>
/// <param name="Files">Open files and sockets.</param>
/// <param name="Threads">Threads.</param>
internal sealed record Resources(long Rss, int Files, int Threads)
{
    // A program that has just started holds little; what a fresh one of its kind takes at work comes on top of the goals' 1.5.
    private const double Factor = 1.5;
    private const int SpareRss = 150, SpareFiles = 150, SpareThreads = 40;

    public static IReadOnlyDictionary<string, Resources> Of(Installation installation) => installation.Members
        .Select(member => (member.Name, Measured: member.Child?.Measure()))
        .Where(pair => pair.Measured is not null)
        .ToDictionary(pair => pair.Name, pair => new Resources(pair.Measured!.Value.Rss, pair.Measured.Value.Files, pair.Measured.Value.Threads));

    public static IReadOnlyDictionary<string, string> Compare(IReadOnlyDictionary<string, Resources> before, IReadOnlyDictionary<string, Resources> after) =>
        after.ToDictionary(pair => pair.Key, pair => $"{before.GetValueOrDefault(pair.Key)?.Text ?? "-"} before, {pair.Value.Text} after");

    /// <summary>Compared with the program of its kind that took most before.</summary>
    public static IEnumerable<Violation> Check(IReadOnlyDictionary<string, Resources> before, IReadOnlyDictionary<string, Resources> after)
    {
        foreach (var (name, now) in after)
        {
            var alike = before.Where(pair => pair.Key[..4] == name[..4]).Select(pair => pair.Value).ToList();
            if (now.Rss > (alike.Max(one => one.Rss) * Factor) + SpareRss || now.Files > (alike.Max(one => one.Files) * Factor) + SpareFiles || now.Threads > (alike.Max(one => one.Threads) * Factor) + SpareThreads)
                yield return new("N15", name, $"takes {now.Text}; before the faults {alike.Max(one => one.Rss)} MiB, {alike.Max(one => one.Files)} files, {alike.Max(one => one.Threads)} threads were most");
        }
    }

    private string Text => $"{Rss} MiB, {Files} files, {Threads} threads";
}
