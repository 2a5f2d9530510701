using System.Globalization;
using System.Text.RegularExpressions;

namespace PxBackup.Benchmarks.Running;

/// <summary>What the product's own driver has sent to MongoDB, as <c>/metrics</c> counts it.</summary>
internal static partial class MongoCommands
{
    private static readonly string[] Writing = ["insert", "update", "delete", "findAndModify"];

    /// <summary>Commands since the start of the product.</summary>
    public static async Task<(long Writes, long Others)> OfAsync(Product product)
    {
        using var http = new HttpClient();
        var text = await http.GetStringAsync(new Uri(product.Rest, "/metrics"));
        var counts = Counted().Matches(text).ToLookup(match => Writing.Contains(match.Groups[1].Value), match => (long)double.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture));
        return (counts[true].Sum(), counts[false].Sum());
    }

    [GeneratedRegex("""^px_mongo_command_duration_seconds_count\{.*?command="(\w+)".*?\} ([0-9.eE+]+)""", RegexOptions.Multiline)]
    private static partial Regex Counted();
}
