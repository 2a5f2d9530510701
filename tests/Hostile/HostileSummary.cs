using System.Globalization;
using System.Text.Json;

namespace PxBackup.Hostile;

/// <summary>What one attack cost the others.</summary>
internal sealed record AttackResult
{
    public required string Name { get; init; }

    public required string What { get; init; }

    /// <summary>Reads of honest tenants while it lasted.</summary>
    public required int Reads { get; init; }

    public required int Failed { get; init; }

    public required double P50Milliseconds { get; init; }

    public required double P99Milliseconds { get; init; }

    /// <summary>Its p99 over that of the quiet time in the same run.</summary>
    public required double Ratio { get; init; }

    /// <summary>MiB of the server.</summary>
    public required long RssBefore { get; init; }

    public required long RssPeak { get; init; }

    public required long RssAfter { get; init; }

    /// <summary>Until the memory was back.</summary>
    public required double BackAfterSeconds { get; init; }

    public required long LoggedKib { get; init; }

    public required IReadOnlyList<string> Violations { get; init; }
}

/// <summary>A run.</summary>
internal sealed record HostileSummary
{
    private static readonly JsonSerializerOptions Json = new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.CamelCase };

    public required int HeapMib { get; init; }

    public required bool IsShort { get; init; }

    public required double Seconds { get; init; }

    public required IReadOnlyList<AttackResult> Attacks { get; init; }

    public const string Header = "| attack | reads | failed | p50 ms | p99 ms | × quiet | RSS MiB before, peak, after | logged KiB | violations |\n|---|---|---|---|---|---|---|---|---|";

    public static string Row(AttackResult result) => string.Create(CultureInfo.InvariantCulture,
        $"| {result.Name}: {result.What} | {result.Reads} | {result.Failed} | {result.P50Milliseconds} | {result.P99Milliseconds} | {result.Ratio} | {result.RssBefore}, {result.RssPeak}, {result.RssAfter} | {result.LoggedKib} | {(result.Violations.Count == 0 ? "none" : string.Join("; ", result.Violations.Take(5)))} |");

    public void WriteTo(string file) => File.WriteAllText(file, JsonSerializer.Serialize(this, Json));
}
