namespace PxBackup.FleetSimulator;

/// <summary>Reads the executable's arguments: <c>--name value</c> pairs.</summary>
internal static class FleetCommandLine
{
    public const string Usage = """
        Simulates application clusters with Stork.
          --clusters N         how many (default 3)
          --applications A,B   application namespaces of each (default shop,blog)
          --seed N             what tokens and uids follow from (default 1)
          --stork-speed N      how many times faster than recorded Stork works (default 10)
          --port N             port of the API servers (default 0: a free one)
          --control-port N     port of the control interface (default 0: a free one)
          --s3-port N          also an S3 endpoint on 127.0.0.1 (0: a free port); its keys are in the line that is printed
          --data DIR           keeps the fleet's state there, so that the next start has the same clusters
        """;

    /// <exception cref="ArgumentException">An argument is unknown or has no usable value.</exception>
    public static (FleetOptions Fleet, int? S3Port) Read(string[] arguments)
    {
        var given = new Dictionary<string, string>(StringComparer.Ordinal);
        for (var i = 0; i < arguments.Length; i += 2)
        {
            if (arguments[i] is not ("--clusters" or "--applications" or "--seed" or "--stork-speed" or "--port" or "--control-port" or "--s3-port" or "--data")) throw new ArgumentException($"{arguments[i]} is no argument of this program.");
            given[arguments[i][2..]] = i + 1 < arguments.Length ? arguments[i + 1] : throw new ArgumentException($"{arguments[i]} needs a value.");
        }

        var fleet = new FleetOptions
        {
            Clusters = Number("clusters", 3), Seed = Number("seed", 1), Port = Number("port", 0), ControlPort = Number("control-port", 0),
            StorkSpeed = double.TryParse(given.GetValueOrDefault("stork-speed", "10"), out var speed) && speed > 0 ? speed : throw new ArgumentException("--stork-speed must be a number above 0."),
            Applications = given.GetValueOrDefault("applications", "shop,blog").Split(',', StringSplitOptions.RemoveEmptyEntries),
            DataDirectory = given.GetValueOrDefault("data"),
            Nfs = new Stork.NfsServers(given.TryGetValue("data", out var data) ? Path.Combine(data, "nfs") : null),
        };
        return (fleet, given.ContainsKey("s3-port") ? Number("s3-port", 0) : null);

        int Number(string name, int otherwise) => !given.TryGetValue(name, out var text) ? otherwise
            : int.TryParse(text, out var number) && number >= 0 ? number : throw new ArgumentException($"--{name} must be a whole number of 0 or more.");
    }
}
