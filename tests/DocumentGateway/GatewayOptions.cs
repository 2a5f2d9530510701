namespace PxBackup.DocumentGateway;

/// <summary>What the gateway was started with.</summary>
internal sealed record GatewayOptions
{
    public const string Usage = """
        Speaks MongoDB's protocol in front of a PostgreSQL that has the DocumentDB extension.
          --postgres TEXT      connection string of the PostgreSQL (needed)
          --port N             port on 127.0.0.1 (default 0: a free one); the address is printed as MONGO_URI=...
          --advertise H:P      what the greeting calls this server (default 127.0.0.1 and the port), for one behind a proxy
          --set NAME           says that it is the primary of the replica set NAME (default: a standalone server)
          --user NAME --password TEXT   clients have to authenticate (SCRAM-SHA-256)
          --certificate FILE --key FILE   TLS with this certificate and key (PEM)
          --read-only yes      says that it is a secondary, and refuses writes
          --wire-version N     pretends to be an older server (default 21: MongoDB 7.0)
          --delay N            answers each command N milliseconds later (default 0)
          --until-input-ends yes   ends when its standard input ends: with the program that started it
        """;

    public required string Postgres { get; init; }

    public int Port { get; init; }

    public string? Advertise { get; init; }

    public string? Set { get; init; }

    public string? User { get; init; }

    public string? Password { get; init; }

    public string? Certificate { get; init; }

    public string? Key { get; init; }

    public bool ReadOnly { get; init; }

    public int WireVersion { get; init; } = 21;

    public TimeSpan Delay { get; init; }

    public bool UntilInputEnds { get; init; }

    /// <exception cref="ArgumentException">An argument is unknown, or has no usable value.</exception>
    public static GatewayOptions Read(string[] arguments)
    {
        string[] known = ["postgres", "port", "advertise", "set", "user", "password", "certificate", "key", "read-only", "wire-version", "delay", "until-input-ends"];
        var given = new Dictionary<string, string>(StringComparer.Ordinal);
        for (var i = 0; i < arguments.Length; i += 2)
        {
            if (!arguments[i].StartsWith("--", StringComparison.Ordinal) || !known.Contains(arguments[i][2..])) throw new ArgumentException($"{arguments[i]} is no argument of this program.");
            given[arguments[i][2..]] = i + 1 < arguments.Length ? arguments[i + 1] : throw new ArgumentException($"{arguments[i]} needs a value.");
        }
        Together("user", "password");
        Together("certificate", "key");

        return new()
        {
            Postgres = given.GetValueOrDefault("postgres") ?? throw new ArgumentException("--postgres is needed."),
            Port = Number("port", 0), Advertise = given.GetValueOrDefault("advertise"), Set = given.GetValueOrDefault("set"),
            User = given.GetValueOrDefault("user"), Password = given.GetValueOrDefault("password"),
            Certificate = given.GetValueOrDefault("certificate"), Key = given.GetValueOrDefault("key"),
            ReadOnly = Yes("read-only"), WireVersion = Number("wire-version", 21), Delay = TimeSpan.FromMilliseconds(Number("delay", 0)),
            UntilInputEnds = Yes("until-input-ends"),
        };

        int Number(string name, int otherwise) => !given.TryGetValue(name, out var text) ? otherwise
            : int.TryParse(text, out var number) && number >= 0 ? number : throw new ArgumentException($"--{name} must be a whole number of 0 or more.");

        bool Yes(string name) => given.GetValueOrDefault(name, "no") switch
        {
            "yes" => true,
            "no" => false,
            _ => throw new ArgumentException($"--{name} must be yes or no."),
        };

        void Together(string one, string other)
        {
            if (given.ContainsKey(one) != given.ContainsKey(other)) throw new ArgumentException($"--{one} and --{other} need each other.");
        }
    }
}
