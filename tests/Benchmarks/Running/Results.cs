using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace PxBackup.Benchmarks.Running;

/// <summary>What a run found: a Markdown table for people and one JSON line in <c>artifacts/bench</c> for comparing runs.</summary>
internal sealed class Results(string bench, params string[] columns)
{
    private readonly JsonArray _rows = [];
    private readonly List<string[]> _lines = [];
    private readonly string _loadAtStart = LoadAverage();
    private readonly DateTimeOffset _start = DateTimeOffset.UtcNow;

    /// <summary>Adds a row; numbers are kept whole in the JSON.</summary>
    public void Row(params object[] cells)
    {
        var row = new JsonObject();
        for (var i = 0; i < columns.Length; i++)
            row[columns[i]] = cells[i] is Samples samples ? samples.ToJson() : JsonSerializer.SerializeToNode(cells[i]);
        _rows.Add(row);
        _lines.Add([.. cells.Select(Text)]);
    }

    /// <summary>Prints the table and appends the line.</summary>
    public void Print(params string[] notes)
    {
        Console.WriteLine($"| {string.Join(" | ", columns)} |\n|{string.Concat(columns.Select(_ => "---|"))}");
        foreach (var line in _lines)
            Console.WriteLine($"| {string.Join(" | ", line)} |");
        Console.WriteLine();
        foreach (var note in notes)
            Console.WriteLine($"- {note}");
        var machine = $"{Environment.ProcessorCount} processors, {RuntimeInformation.ProcessArchitecture}, {RuntimeInformation.FrameworkDescription}";
        var commit = Repository.Commit();
        Console.WriteLine($"- {_start:yyyy-MM-dd HH:mm} UTC, commit {commit}, {machine}; load average {_loadAtStart} at the start, {LoadAverage()} at the end\n");
        var folder = Directory.CreateDirectory(Path.Combine(Repository.Root, "artifacts", "bench")).FullName;
        var run = new JsonObject
        {
            ["bench"] = bench, ["at"] = _start.ToString("O"), ["commit"] = commit, ["machine"] = machine, ["loadAtStart"] = _loadAtStart, ["loadAtEnd"] = LoadAverage(),
            ["rows"] = _rows, ["notes"] = JsonSerializer.SerializeToNode(notes),
        };
        File.AppendAllText(Path.Combine(folder, $"{bench}.jsonl"), run.ToJsonString() + "\n");
    }

    /// <summary>1, 5 and 15 minutes: how many others wanted the processors too.</summary>
    private static string LoadAverage() => File.Exists("/proc/loadavg") ? string.Join(' ', File.ReadAllText("/proc/loadavg").Split(' ').Take(3)) : "unknown";

    private static string Text(object cell) => cell switch
    {
        double number => Number(number),
        Samples { Count: > 1 } samples => $"{Number(samples.Median)} ({Number(samples.Min)}–{Number(samples.Max)})",
        Samples samples => Number(samples.Median),
        IFormattable number => number.ToString(number is int or long ? "n0" : null, CultureInfo.InvariantCulture),
        _ => cell.ToString() ?? "",
    };

    private static string Number(double number) => number.ToString(Math.Abs(number) >= 100 ? "n0" : Math.Abs(number) >= 10 ? "f1" : "f2", CultureInfo.InvariantCulture);
}

/// <summary>The same thing measured several times.</summary>
internal sealed record Samples(IReadOnlyList<double> Values)
{
    public int Count => Values.Count;

    public double Median => Values.Order().ElementAt(Values.Count / 2);

    public double Min => Values.Min();

    public double Max => Values.Max();

    public static Samples Of<T>(IEnumerable<T> runs, Func<T, double> value) => new([.. runs.Select(value)]);

    public JsonNode ToJson() => new JsonArray([.. Values.Select(value => (JsonNode)value)]);
}
