using System.ComponentModel.DataAnnotations;

namespace PxBackup.Grains.Clusters;

/// <summary>How application clusters are connected, checked and loaded.</summary>
public sealed class ClusterOptions
{
    /// <summary>Configuration section.</summary>
    public const string Section = "Clusters";

    /// <summary>
    /// Backups and restores that run at once on one cluster. Stork has ten reconcile workers; 28 backups created at once took
    /// 45–112 s each where one alone takes 5–12 s.
    /// </summary>
    [Range(1, 100)]
    public int WorkAtOnce { get; set; } = 10;

    /// <summary>Clusters that a silo connects at once: a TLS handshake costs 2.4–3.5 ms of CPU, four per core keep it busy.</summary>
    [Range(1, 1024)]
    public int ConnectAtOnce { get; set; } = 16;

    /// <summary>How often a connected cluster is checked in full (rights, Stork's version), ±20 %. The watch itself tells at once when the connection is lost.</summary>
    public TimeSpan CheckInterval { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>How soon a cluster that failed a check is checked again, ±20 %.</summary>
    public TimeSpan RecheckInterval { get; set; } = TimeSpan.FromSeconds(20);

    /// <summary>One whole check, also the one before a cluster is registered or changed; a distant cluster needs a few seconds.</summary>
    public TimeSpan CheckTimeout { get; set; } = TimeSpan.FromSeconds(25);

    /// <summary>
    /// How long the removal of a cluster waits while it cannot be reached; then the cluster goes, and what stays there is kept in mind.
    /// Five minutes: longer than the restart of a control plane, short enough for somebody who waits for the name.
    /// </summary>
    public TimeSpan UnreachableTimeout { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>
    /// How long the removal of a cluster that can be reached waits for Stork to let go of what it works on. 30 minutes: a restore of 2,800
    /// objects held on to its resource for more than ten.
    /// </summary>
    public TimeSpan LetGoTimeout { get; set; } = TimeSpan.FromMinutes(30);

    /// <summary>
    /// How often a healthy cluster is asked for Stork's lease, ±20 %: one small read, which also shows that the API server answers. Together with
    /// <see cref="StorkSilence"/>, or with <see cref="PulseTimeout"/> and <see cref="CheckTimeout"/>, below a minute.
    /// </summary>
    public TimeSpan PulseInterval { get; set; } = TimeSpan.FromSeconds(20);

    /// <summary>How long that read may take before the cluster is checked in full.</summary>
    public TimeSpan PulseTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How long Stork's lease may stay as it is before Stork counts as silent: it is renewed every 2 s and given up after 15 s.</summary>
    public TimeSpan StorkSilence { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a request or a step of work may wait for a cluster, all calls of it together: less than Orleans' 30 s, after which nobody could say why.</summary>
    public TimeSpan CallTimeout { get; set; } = TimeSpan.FromSeconds(20);

    /// <summary>Pause between checks that failing calls ask for.</summary>
    public TimeSpan SuspicionInterval { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Uids of reports that are looked up in the store per second and cluster: one indexed read each. Work that is under way needs
    /// none; the finished backups of a cluster need one each after a start.
    /// </summary>
    [Range(1, 10_000)]
    public int LookUpsPerSecond { get; set; } = 200;

    /// <summary>Reports that wait to be looked up, at most some 2 KiB each; what is beyond is dropped and told again by the next list.</summary>
    [Range(1, 100_000)]
    public int LookUpsWaiting { get; set; } = 4096;

    /// <summary>Uids that a cluster's connection remembers as its own, and as many that are not: some 120 bytes each.</summary>
    [Range(16, 10_000_000)]
    public int UidsKnown { get; set; } = 50_000;

    /// <summary>Calls of grains that the reports of one cluster cause per second, once ten times as many are spent; between them the newest report of an object wins.</summary>
    [Range(1, 10_000)]
    public int ReportsPerSecond { get; set; } = 200;

    /// <summary>Grains that the reports of one cluster call at the same time: one that does not answer holds up no other.</summary>
    [Range(1, 1000)]
    public int ReportsAtOnce { get; set; } = 64;
}
