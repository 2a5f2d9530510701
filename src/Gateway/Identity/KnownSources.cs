using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.Logging;

namespace PxBackup.Gateway.Identity;

/// <summary>
/// From where each user has signed in before. Those sources have a share of their own in everything that strangers can use up, so no stranger
/// can keep a user out. Kept in a file; one that is lost or damaged costs that share until the next sign-in, nothing else.
/// </summary>
internal sealed partial class KnownSources
{
    public const string FileName = "known-sources.json";

    /// <summary>Of one user; the longest unused goes first.</summary>
    public const int MaxOfUser = 16;

    private static readonly TimeSpan Forgotten = TimeSpan.FromDays(90);

    // A source in daily use is written once a day.
    private static readonly TimeSpan Refreshed = TimeSpan.FromDays(1);

    private readonly string path;
    private readonly TimeProvider time;
    private readonly ILogger logger;
    private readonly Lock writing = new();
    private volatile ImmutableDictionary<string, ImmutableDictionary<string, DateTimeOffset>> users;

    public KnownSources(string folder, IReadOnlySet<string> existing, TimeProvider time, ILogger logger)
    {
        path = Path.Combine(folder, FileName);
        this.time = time;
        this.logger = logger;
        var read = Read();
        users = read.RemoveRange(read.Keys.Where(user => !existing.Contains(user)));
    }

    public bool IsKnown(string user, string source) =>
        users.TryGetValue(user, out var sources) && sources.TryGetValue(source, out var seen) && time.GetUtcNow() - seen < Forgotten;

    /// <summary>The user has signed in from there.</summary>
    public void Note(string user, string source)
    {
        var now = time.GetUtcNow();
        lock (writing)
        {
            var sources = users.GetValueOrDefault(user, ImmutableDictionary<string, DateTimeOffset>.Empty);
            if (sources.TryGetValue(source, out var seen) && now - seen < Refreshed)
                return;
            sources = sources.SetItem(source, now);
            if (sources.Count > MaxOfUser)
                sources = sources.Remove(sources.MinBy(one => one.Value).Key);
            users = users.SetItem(user, sources);
            try
            {
                PrivateFile.Replace(path, JsonSerializer.SerializeToUtf8Bytes(users, SourcesJson.Default.ImmutableDictionaryStringImmutableDictionaryStringDateTimeOffset));
            }
            catch (Exception wrong) when (wrong is IOException or UnauthorizedAccessException)
            {
                LogNotKept(logger, FileName, wrong.Message);
            }
        }
    }

    private ImmutableDictionary<string, ImmutableDictionary<string, DateTimeOffset>> Read()
    {
        try
        {
            if (PrivateFile.Read(path) is { } content
                && JsonSerializer.Deserialize(content, SourcesJson.Default.ImmutableDictionaryStringImmutableDictionaryStringDateTimeOffset) is { } read)
                return read.RemoveRange(read.Where(one => one.Value is null).Select(one => one.Key));
        }
        catch (JsonException wrong)
        {
            LogDamaged(logger, FileName, wrong.Message);
        }
        return ImmutableDictionary<string, ImmutableDictionary<string, DateTimeOffset>>.Empty;
    }

    [LoggerMessage(LogLevel.Warning, "{File} is damaged ({Cause}) and begun anew: until they have signed in again, users have no known addresses")]
    private static partial void LogDamaged(ILogger logger, string file, string cause);

    [LoggerMessage(LogLevel.Warning, "{File} cannot be written ({Cause}): addresses from which users sign in now are not known after a restart")]
    private static partial void LogNotKept(ILogger logger, string file, string cause);
}

[JsonSourceGenerationOptions]
[JsonSerializable(typeof(ImmutableDictionary<string, ImmutableDictionary<string, DateTimeOffset>>))]
internal sealed partial class SourcesJson : JsonSerializerContext;
