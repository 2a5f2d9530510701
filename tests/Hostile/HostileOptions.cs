namespace PxBackup.Hostile;

/// <summary>What a run was started with.</summary>
internal sealed record HostileOptions
{
    public const string Usage = """
        usage: ./build.sh hostile [options]
          --short          every attack for seconds, with a tenth of its volume: the form that the tests run
          --heap MIB       the server's heap limit (default 768)
          --only NAME      one attack (--list: their names)
          --list           names and descriptions
          --server DLL     another build: its PxBackup.Silo.dll
          --folder DIR     where data and logs go (default: a new one beneath the temporary folder)
          --summary FILE   where the summary goes as JSON
          --keep           leaves the folder behind also when nothing was wrong
        """;

    public bool IsShort { get; init; }

    /// <summary>MiB; what is above it is refused by the runtime (OutOfMemoryException).</summary>
    public int Heap { get; init; } = 768;

    public string Only { get; init; } = "";

    public bool List { get; init; }

    /// <summary>Program under attack; empty for the one that was built here.</summary>
    public string Server { get; init; } = "";

    public string Folder { get; init; } = "";

    public string Summary { get; init; } = "";

    public bool Keep { get; init; }

    /// <summary>A full volume, or the short form's tenth of it.</summary>
    public int Volume(int full) => IsShort ? Math.Max(1, full / 10) : full;

    /// <exception cref="ArgumentException">An argument is unknown, or has no usable value.</exception>
    public static HostileOptions Read(string[] arguments)
    {
        var options = new HostileOptions();
        for (var i = 0; i < arguments.Length; i++)
        {
            options = arguments[i] switch
            {
                "--short" => options with { IsShort = true },
                "--keep" => options with { Keep = true },
                "--list" => options with { List = true },
                "--heap" => options with { Heap = int.TryParse(Value(), out var heap) && heap is >= 128 and <= 65_536 ? heap : throw new ArgumentException("--heap must be from 128 to 65536 MiB") },
                "--only" => options with { Only = Value() },
                "--server" => options with { Server = Path.GetFullPath(Value()) },
                "--folder" => options with { Folder = Path.GetFullPath(Value()) },
                "--summary" => options with { Summary = Path.GetFullPath(Value()) },
                _ => throw new ArgumentException($"unknown option '{arguments[i]}'"),
            };

            string Value() => ++i < arguments.Length ? arguments[i] : throw new ArgumentException($"{arguments[i - 1]} needs a value");
        }

        return options with { Folder = options.Folder.Length > 0 || options.List ? options.Folder : Directory.CreateTempSubdirectory("pxbackup-hostile-").FullName };
    }
}
