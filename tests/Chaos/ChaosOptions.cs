namespace PxBackup.Chaos;

/// <summary>What a run was started with.</summary>
internal sealed record ChaosOptions
{
    public const string Usage = """
        usage: ./build.sh chaos [options]
          --seed N         repeats the faults and the requests of an earlier run (timing may differ)
          --minutes M      how long rounds are begun (default 60)
          --short          one round of some seven minutes with at least 60 kills and 200 backups
          --failover N     instead: kill single silos, N times, nothing else, and measure until reads are answered again
          --graceful N     the same with SIGTERM: how long reads and writes take while a silo hands over
          --starve M       instead: keep all processors busy for M minutes, and see whether a silo is taken for dead
          --hogs N         endless loops that --starve adds (default: two for each processor)
          --other DLL      the last silo and the last gateway are another build: its PxBackup.Silo.dll (two versions side by side)
          --upgrade DLL    instead: all silos and gateways begin as another build, are replaced by this one one after the other,
                           and then by the other one again, while clients work (./build.sh upgrade REF makes that build)
          --clusters N     simulated clusters (default 20)
          --stories N      clients a round at least (default 240)
          --faults N       no more faults than this in each of the lanes of a round, for a quick look (default: all)
          --folder DIR     where data, logs and the history go (default: a new one beneath the temporary folder)
          --summary FILE   where the summary goes as JSON, besides the folder
          --keep           leaves the folder behind also when nothing was wrong
        """;

    public int Seed { get; init; } = Random.Shared.Next(1, 1_000_000);

    public TimeSpan Length { get; init; } = TimeSpan.FromMinutes(60);

    public bool IsShort { get; init; }

    /// <summary>Single kills to measure; 0 for a run with faults of all kinds.</summary>
    public int Failover { get; init; }

    /// <summary>Single stops by SIGTERM to measure.</summary>
    public int Graceful { get; init; }

    /// <summary>How long all processors are kept busy instead of faults.</summary>
    public TimeSpan Starve { get; init; }

    /// <summary>Loops that keep them busy.</summary>
    public int Hogs { get; init; } = 2 * Environment.ProcessorCount;

    public int Clusters { get; init; } = 20;

    /// <summary>Program of the last silo and the last gateway; empty for the one that all others are.</summary>
    public string Other { get; init; } = "";

    /// <summary>Program that all silos and gateways begin as and are upgraded from; empty for no upgrade.</summary>
    public string Upgrade { get; init; } = "";

    public int Stories { get; init; } = 240;

    /// <summary>Most faults of a lane.</summary>
    public int Faults { get; init; } = int.MaxValue;

    public string Folder { get; init; } = "";

    public string Summary { get; init; } = "";

    public bool Keep { get; init; }

    /// <exception cref="ArgumentException">An argument is unknown, or has no usable value.</exception>
    public static ChaosOptions Read(string[] arguments)
    {
        var options = new ChaosOptions();
        for (var i = 0; i < arguments.Length; i++)
        {
            options = arguments[i] switch
            {
                "--short" => options with { IsShort = true },
                "--keep" => options with { Keep = true },
                "--seed" => options with { Seed = Number(1, int.MaxValue) },
                "--minutes" => options with { Length = TimeSpan.FromMinutes(Number(1, 100_000)) },
                "--failover" => options with { Failover = Number(1, 10_000) },
                "--graceful" => options with { Graceful = Number(1, 10_000) },
                "--starve" => options with { Starve = TimeSpan.FromMinutes(Number(1, 100_000)) },
                "--hogs" => options with { Hogs = Number(0, 1_000) },
                "--other" => options with { Other = Path.GetFullPath(Value()) },
                "--upgrade" => options with { Upgrade = Path.GetFullPath(Value()) },
                "--clusters" => options with { Clusters = Number(1, 1_000) },
                "--stories" => options with { Stories = Number(1, 100_000) },
                "--faults" => options with { Faults = Number(0, 100_000) },
                "--folder" => options with { Folder = Path.GetFullPath(Value()) },
                "--summary" => options with { Summary = Path.GetFullPath(Value()) },
                _ => throw new ArgumentException($"unknown option '{arguments[i]}'"),
            };

            string Value() => ++i < arguments.Length ? arguments[i] : throw new ArgumentException($"{arguments[i - 1]} needs a value");

            int Number(int least, int most) =>
                int.TryParse(Value(), out var number) && number >= least && number <= most ? number : throw new ArgumentException($"{arguments[i - 1]} must be a whole number from {least} to {most}");
        }

        return options with { Folder = options.Folder.Length > 0 ? options.Folder : Directory.CreateTempSubdirectory("pxbackup-chaos-").FullName };
    }
}
