using System.Globalization;

namespace PxBackup.QuickStart;

/// <summary>What the run command can be told.</summary>
internal sealed record QuickStartOptions
{
    public const string Usage = """
        usage: ./build.sh run [OPTIONS]
          --data DIR         where everything is kept (default: data/quickstart); delete it to begin anew
          --clusters N       simulated application clusters, 1 to 100 (default: 3)
          --stork-speed N    how many times faster than real Stork the simulated one works, 1 to 100 (default: 5)
          --rest-port N      REST (default: 10001)
          --grpc-port N      gRPC, h2c (default: 10002)
          --silos N          so many silos as processes of their own around MongoDB, 1 to 9, instead of one process with SQLite
          --gateways N       with --silos: so many gateways, 1 to 9 (default: 2); each further one has the next two odd and even ports
          --mongo URI        with --silos: a MongoDB replica set (default: the MongoDB-compatible server of the tests; Debian and root)
          --exit             end after the walk instead of staying up
        """;

    public string Data { get; init; } = Path.Combine("data", "quickstart");

    public int Clusters { get; init; } = 3;

    public double StorkSpeed { get; init; } = 5;

    public int RestPort { get; init; } = 10001;

    public int GrpcPort { get; init; } = 10002;

    /// <summary>0: everything in one process.</summary>
    public int Silos { get; init; }

    public int Gateways { get; init; } = 2;

    /// <summary>Empty: the server of the tests.</summary>
    public string Mongo { get; init; } = "";

    public bool Exit { get; init; }

    public string Rest => $"http://127.0.0.1:{RestPort}";

    /// <exception cref="ArgumentException">An argument is not known or not in its range.</exception>
    public static QuickStartOptions Read(IReadOnlyList<string> arguments)
    {
        var options = new QuickStartOptions();
        for (var i = 0; i < arguments.Count; i++)
        {
            var name = arguments[i];
            if (name == "--exit")
            {
                options = options with { Exit = true };
                continue;
            }

            var value = i + 1 < arguments.Count ? arguments[++i] : throw new ArgumentException($"{name} needs a value");
            options = name switch
            {
                "--data" => options with { Data = value },
                "--clusters" => options with { Clusters = Number(name, value, 1, 100) },
                "--stork-speed" => options with { StorkSpeed = Number(name, value, 1, 100) },
                "--rest-port" => options with { RestPort = Number(name, value, 1, 65535) },
                "--grpc-port" => options with { GrpcPort = Number(name, value, 1, 65535) },
                "--silos" => options with { Silos = Number(name, value, 1, 9) },
                "--gateways" => options with { Gateways = Number(name, value, 1, 9) },
                "--mongo" => options with { Mongo = value },
                _ => throw new ArgumentException($"{name} is not an option"),
            };
        }

        if (options.Silos == 0 && (options.Mongo.Length > 0 || arguments.Contains("--gateways")))
            throw new ArgumentException("--gateways and --mongo need --silos");
        if (options.Silos > 0 && !arguments.Contains("--data"))
            options = options with { Data = Path.Combine("data", "silos") };
        return options with { Data = Path.GetFullPath(options.Data) };
    }

    private static int Number(string name, string value, int least, int most) =>
        int.TryParse(value, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most
            ? number
            : throw new ArgumentException($"{name}: '{value}' is not a number from {least} to {most}");
}
