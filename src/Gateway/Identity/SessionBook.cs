using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.Logging;

namespace PxBackup.Gateway.Identity;

/// <summary>
/// Sessions in memory, one file behind them. The end of a session is seen when the file has it; the begin and the refresh of one are seen
/// even where the file cannot be written: after a restart their refresh token does not count then, which is the safe side.
/// </summary>
internal sealed partial class SessionBook
{
    public const string FileName = "sessions.json";

    private readonly string path;
    private readonly TimeProvider time;
    private readonly ILogger logger;
    private readonly Lock writing = new();
    private volatile SessionsState state;
    private long version;

    private SessionBook(string path, SessionsState state, TimeProvider time, ILogger logger)
    {
        this.path = path;
        this.state = state;
        this.time = time;
        this.logger = logger;
    }

    public SessionsState State => state;

    /// <summary>Changes whenever a token that counted does not any more.</summary>
    public long Version => Interlocked.Read(ref version);

    /// <exception cref="IdentityStartException">The file is unreadable or contradicts itself.</exception>
    public static SessionBook LoadOrMake(string folder, IReadOnlySet<string> users, TimeProvider time, ILogger logger)
    {
        var path = Path.Combine(folder, FileName);
        if (PrivateFile.Read(path) is not { } content)
        {
            var made = new SessionBook(path, new()
            {
                Format = SessionsState.CurrentFormat,
                Era = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)),
                Since = time.GetUtcNow(),
            }, time, logger);
            made.Write(made.state);
            return made;
        }

        SessionsState? state;
        try
        {
            state = JsonSerializer.Deserialize(content, SessionsJson.Default.SessionsState);
        }
        catch (JsonException wrong)
        {
            throw Wrong(path, wrong.Message, wrong);
        }
        return SessionRules.Fault(state) is { } fault ? throw Wrong(path, fault, null) : new(path, SessionRules.Only(state!, users), time, logger);
    }

    /// <summary>A new session; its id.</summary>
    public string Begin(string user, DateTimeOffset refreshUntil, DateTimeOffset accessUntil)
    {
        var id = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
        lock (writing)
        {
            state = SessionRules.Begin(state, id, new() { User = user, RefreshUntil = refreshUntil, AccessUntil = accessUntil }, time.GetUtcNow());
            TryWrite();
        }
        return id;
    }

    public RefreshOutcome Refresh(string id, string user, long turn, DateTimeOffset refreshUntil, DateTimeOffset accessUntil)
    {
        lock (writing)
        {
            var (next, outcome) = SessionRules.Refresh(state, id, user, turn, refreshUntil, accessUntil, time.GetUtcNow());
            if (!ReferenceEquals(next, state))
            {
                state = next;
                TryWrite();
            }
            if (outcome == RefreshOutcome.Reused)
                Interlocked.Increment(ref version);
            return outcome;
        }
    }

    /// <summary>Signs out. Durable when this returns.</summary>
    public void End(string id, string user, DateTimeOffset accessUntil) =>
        Change(now => SessionRules.End(now, id, user, accessUntil, time.GetUtcNow()));

    /// <summary>Ends every token of a user. Durable when this returns.</summary>
    public void EndAll(string user) => Change(now => SessionRules.EndAll(now, user));

    private void Change(Func<SessionsState, SessionsState> change)
    {
        lock (writing)
        {
            var next = change(state);
            if (ReferenceEquals(next, state))
                return;
            // Seen at once, even if it cannot be kept: then the caller learns that, and asks again.
            state = next;
            Interlocked.Increment(ref version);
            Write(next);
        }
    }

    private void TryWrite()
    {
        try
        {
            Write(state);
        }
        catch (Exception wrong) when (wrong is IOException or UnauthorizedAccessException)
        {
            LogNotKept(logger, FileName, wrong.Message);
        }
    }

    private void Write(SessionsState next) =>
        PrivateFile.Replace(path, JsonSerializer.SerializeToUtf8Bytes(next, SessionsJson.Default.SessionsState));

    private static IdentityStartException Wrong(string path, string what, Exception? cause) =>
        new($"'{path}' is damaged ({what}): restore it from a copy, or remove it (every token issued so far is void then)", cause);

    [LoggerMessage(LogLevel.Warning, "{File} cannot be written ({Cause}): refresh tokens given out now will not count after a restart")]
    private static partial void LogNotKept(ILogger logger, string file, string cause);
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, AllowDuplicateProperties = false,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow, RespectNullableAnnotations = true)]
[JsonSerializable(typeof(SessionsState))]
internal sealed partial class SessionsJson : JsonSerializerContext;
