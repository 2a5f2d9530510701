using System.Text.Json.Serialization;

namespace PxBackup.FleetSimulator.ObjectStore;

/// <summary>A bucket: its settings, and its objects in the order that S3 lists them.</summary>
internal sealed class SimulatedBucket
{
    private readonly SortedSet<string> keys = new(KeyOrder.Instance);
    private readonly Dictionary<string, List<StoredVersion>> versions = new(StringComparer.Ordinal);

    public required string Name { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>Enabled, Suspended, or null for never.</summary>
    public string? Versioning { get; set; }

    public bool ObjectLock { get; set; }

    /// <summary>GOVERNANCE or COMPLIANCE; null for no default retention.</summary>
    public string? DefaultMode { get; set; }

    public int? DefaultDays { get; set; }

    public int? DefaultYears { get; set; }

    [JsonIgnore]
    public Dictionary<string, MultipartUpload> Uploads { get; } = [];

    [JsonIgnore]
    public bool IsEmpty => keys.Count == 0;

    /// <summary>Versions of a key, oldest first; empty when there is none.</summary>
    public IReadOnlyList<StoredVersion> Versions(string key) => versions.TryGetValue(key, out var found) ? found : [];

    public StoredVersion? Current(string key) => Versions(key) is { Count: > 0 } found ? found[^1] : null;

    public void Add(StoredVersion version)
    {
        if (!versions.TryGetValue(version.Key, out var list))
        {
            versions[version.Key] = list = [];
            keys.Add(version.Key);
        }
        list.Add(version);
    }

    public void Remove(StoredVersion version)
    {
        var list = versions[version.Key];
        list.Remove(version);
        if (list.Count > 0)
            return;
        versions.Remove(version.Key);
        keys.Remove(version.Key);
    }

    /// <summary>Keys from <paramref name="start"/> on that begin with the prefix, in order.</summary>
    public IEnumerable<string> KeysFrom(string start, string prefix)
    {
        var from = KeyOrder.Instance.Compare(start, prefix) > 0 ? start : prefix;
        return keys.Count == 0 || KeyOrder.Instance.Compare(from, keys.Max) > 0
            ? []
            : keys.GetViewBetween(from, keys.Max!).TakeWhile(key => key.StartsWith(prefix, StringComparison.Ordinal));
    }
}

/// <summary>An upload in parts that is not complete.</summary>
internal sealed record MultipartUpload(string Id, string Key, DateTimeOffset At, Dictionary<string, string> Headers)
{
    public SortedDictionary<int, byte[]> Parts { get; } = [];
}

/// <summary>The order of UTF-8 bytes, which is that of code points; .NET's ordinal order differs where surrogates come in.</summary>
internal sealed class KeyOrder : IComparer<string>
{
    public static KeyOrder Instance { get; } = new();

    public int Compare(string? x, string? y)
    {
        var (left, right) = (x ?? "", y ?? "");
        for (var i = 0; i < Math.Min(left.Length, right.Length); i++)
        {
            var (a, b) = (left[i], right[i]);
            if (a == b)
                continue;
            return char.IsSurrogate(a) == char.IsSurrogate(b) ? a - b : char.IsSurrogate(a) ? 1 : -1;
        }
        return left.Length - right.Length;
    }
}
