using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;

namespace PxBackup.Chaos.Programs;

/// <summary>Where things are in the checkout, and free ports.</summary>
internal static partial class Places
{
    /// <summary>The checkout.</summary>
    public static string Root { get; } = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "../../../../.."));

    /// <summary>The product's program, of the configuration that this one was built in.</summary>
    public static string Product => Built("src/Silo", "PxBackup.Silo");

    /// <summary>The server that speaks MongoDB's protocol.</summary>
    public static string DocumentGateway => Built("tests/DocumentGateway", "PxBackup.DocumentGateway");

    /// <summary>Failpoints that no story comes to: none removes a cluster yet. <c>Clusters_that_go</c> in tests/EndToEnd kills at them.</summary>
    private static readonly string[] NotOfStories =
        ["backup.after-resource-removal", "cluster.after-left-overs", "cluster.before-clearing", "cluster.before-left-overs-forgotten", "cluster.before-record-delete", "restore.after-stop"];

    /// <summary>Names of the failpoints that the product's source has: what is added there is hit here without further ado.</summary>
    public static IReadOnlyList<string> FailPoints() =>
    [
        .. Directory.EnumerateFiles(Path.Combine(Root, "src"), "*.cs", SearchOption.AllDirectories)
            .SelectMany(file => FailPoint().Matches(File.ReadAllText(file)).Select(match => match.Groups[1].Value))
            .Distinct().Except(NotOfStories).Order(StringComparer.Ordinal),
    ];

    private static readonly HashSet<int> Given = [];

    /// <summary>A port that is free now and was given to nobody else here. Below the range that the kernel hands to clients, so that it stays free while its program is down.</summary>
    public static int FreePort()
    {
        while (true)
        {
            var port = Random.Shared.Next(12_000, 20_000);
            lock (Given)
            {
                if (!Given.Add(port))
                    continue;
            }

            try
            {
                using var listener = new TcpListener(IPAddress.Loopback, port);
                listener.Start();
                return port;
            }
            catch (SocketException)
            {
                // Taken: another one.
            }
        }
    }

    private static string Built(string folder, string name) =>
        Path.Combine(Root, folder, "bin", new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name, "net10.0", $"{name}.dll");

    [GeneratedRegex("""FailPoint\.HitAsync\(\s*"([^"]+)""")]
    private static partial Regex FailPoint();
}
