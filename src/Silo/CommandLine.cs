namespace PxBackup.Silo;

/// <summary>What the command line says, or what is wrong with it.</summary>
internal sealed record CommandLine
{
    private static readonly Dictionary<string, string> Settings = new(StringComparer.Ordinal)
    {
        ["--data"] = "Silo:DataDirectory",
        ["--bind"] = "Gateway:Bind",
        ["--rest-port"] = "Gateway:RestPort",
        ["--grpc-port"] = "Gateway:GrpcPort",
        ["--store"] = "Store:Kind",
        ["--address"] = "Silo:Address",
        ["--silo-port"] = "Silo:Port",
        ["--client-port"] = "Silo:ClientPort",
        ["--probe-port"] = "Silo:ProbePort",
        ["--certificate"] = "Gateway:CertificateFile",
        ["--key"] = "Gateway:KeyFile",
        ["--config"] = ConfigFile,
    };

    /// <summary>Setting that names a file with further settings; known to this process only.</summary>
    public const string ConfigFile = "ConfigFile";

    /// <summary>Printed by <c>--help</c>.</summary>
    public const string Usage = """
        usage: PxBackup.Silo --all-in-one | --silo | --gateway [options]

          --all-in-one          everything in this process
          --silo                grains only; several find each other and the gateways through the database
          --gateway             the API only; finds the silos through the database

          --store KIND          sqlite (default, with --all-in-one only), mongodb or postgresql; where it is: Mongo:ConnectionString
                                or Postgres:ConnectionString, by the environment or the file of --config, since it holds a password
          --data DIR            where the records of one machine, keys and users rest (default: data)
          --bind ADDRESS        IP address for the API to listen on, localhost, or * for all (default: 127.0.0.1)
          --rest-port PORT      REST, sign-in, metrics, probes (default: 10001)
          --grpc-port PORT      gRPC (default: 10002)
          --address ADDRESS     IP address at which the others reach this silo (default: 127.0.0.1)
          --silo-port PORT      between silos (default: 11111; with sqlite there is none)
          --client-port PORT    for the gateways (default: 30000)
          --probe-port PORT     probes and metrics of a silo (default: 10003)
          --certificate FILE    PEM certificate with its chain: both ports of the API speak TLS
          --key FILE            PEM private key of the certificate
          --insecure            other machines may reach this process in plain text: something in front of it speaks TLS
          --start-anew          begin with an empty store although there are keys of an earlier one
          --config FILE         JSON file with further settings
          --Section:Key VALUE   any setting of docs/operations/configuration.md
          --help                this text

        Every setting can also be given by the environment, such as PXBACKUP_Gateway__RestPort=10001.
        """;

    /// <summary>What this process is to be; null when nothing said so.</summary>
    public Role? Role { get; init; }

    /// <summary>The usage was asked for.</summary>
    public bool Help { get; init; }

    /// <summary>Settings given; they win over all others.</summary>
    public IReadOnlyDictionary<string, string?> Values { get; init; } = new Dictionary<string, string?>();

    /// <summary>Why it cannot be followed; null when it can.</summary>
    public string? Fault { get; init; }

    /// <summary>Reads <c>--name value</c>, <c>--name=value</c> and the flags.</summary>
    public static CommandLine Parse(IReadOnlyList<string> arguments)
    {
        var values = new Dictionary<string, string?>(StringComparer.OrdinalIgnoreCase);
        var (role, help) = ((Role?)null, false);
        for (var i = 0; i < arguments.Count; i++)
        {
            var equals = arguments[i].IndexOf('=', StringComparison.Ordinal);
            var name = equals < 0 ? arguments[i] : arguments[i][..equals];
            if (RoleOf(arguments[i]) is { } asked)
            {
                if (role is { } other && other != asked)
                    return new() { Fault = "--all-in-one, --silo and --gateway exclude each other: one process is one of them" };
                role = asked;
            }
            else if (arguments[i] is "--help" or "-h")
                help = true;
            else if (arguments[i] == "--start-anew")
                values["Secrets:StartAnew"] = "true";
            else if (arguments[i] == "--insecure")
                values["Gateway:Insecure"] = values["Transport:Insecure"] = "true";
            else if (SettingOf(name) is not { } setting)
                return new() { Fault = $"unknown option '{name}'; --help lists them" };
            else if (equals >= 0)
                values[setting] = arguments[i][(equals + 1)..];
            else if (++i < arguments.Count)
                values[setting] = arguments[i];
            else
                return new() { Fault = $"option '{name}' needs a value" };
        }
        return new() { Role = role, Help = help, Values = values };
    }

    private static Role? RoleOf(string argument) => argument switch
    {
        "--all-in-one" => PxBackup.Silo.Role.AllInOne,
        "--silo" => PxBackup.Silo.Role.Silo,
        "--gateway" => PxBackup.Silo.Role.Gateway,
        _ => null,
    };

    // A setting is known by the colon between its section and its key.
    private static string? SettingOf(string name) =>
        Settings.TryGetValue(name, out var setting) ? setting
        : name.StartsWith("--", StringComparison.Ordinal) && name.IndexOf(':', StringComparison.Ordinal) > 2 ? name[2..]
        : null;
}
