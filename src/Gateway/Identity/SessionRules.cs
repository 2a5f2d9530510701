using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;

namespace PxBackup.Gateway.Identity;

/// <summary>What one sign-in began: the tokens that follow from each other. Its id is the claim <c>sid</c>.</summary>
internal sealed record Session
{
    public required string User { get; init; }

    /// <summary>How often it was refreshed; the refresh token with this number is the only one that counts.</summary>
    public long Turn { get; init; }

    public DateTimeOffset RefreshUntil { get; init; }

    /// <summary>When its longest access token expires.</summary>
    public DateTimeOffset AccessUntil { get; init; }

    /// <summary>Signed out, or a refresh token came twice: none of its tokens counts.</summary>
    public bool Ended { get; init; }
}

/// <summary>Everything in <c>sessions.json</c> at one moment.</summary>
internal sealed record SessionsState
{
    public const int CurrentFormat = 1;

    public required int Format { get; init; }

    /// <summary>Random, made with the file: without the file no token of its time counts, whatever it says.</summary>
    public required string Era { get; init; }

    public required DateTimeOffset Since { get; init; }

    /// <summary>By user id: how often all of the user's tokens were ended. Absent: never.</summary>
    public ImmutableDictionary<string, long> Epochs { get; init; } = ImmutableDictionary<string, long>.Empty;

    public ImmutableDictionary<string, Session> Sessions { get; init; } = ImmutableDictionary<string, Session>.Empty;

    /// <summary>In every token; changes with the user's password and whenever all of the user's tokens end.</summary>
    public string MarkOf(User user) => Convert.ToHexStringLower(
        SHA256.HashData(Encoding.UTF8.GetBytes($"{Era}|{user.Id}|{user.Password}|{Epochs.GetValueOrDefault(user.Id)}")).AsSpan(0, 9));

    public bool IsEnded(string session) => Sessions.TryGetValue(session, out var found) && found.Ended;
}

/// <summary>What became of a refresh token.</summary>
internal enum RefreshOutcome
{
    /// <summary>It was the newest one.</summary>
    Turned,

    /// <summary>Its session is over or not known (any more).</summary>
    Unknown,

    /// <summary>It was used before: one of the two who have it has stolen it, so the session has ended for both.</summary>
    Reused,
}

/// <summary>Begin, refresh and end of sessions, and their bounds.</summary>
internal static class SessionRules
{
    /// <summary>Sessions of one user that can be refreshed; of more the oldest lose their refresh token, not their access token.</summary>
    public const int MaxLiveOfUser = 100;

    /// <summary>Ended sessions of one user that are remembered until their access tokens expire; with one more all of the user's tokens end.</summary>
    public const int MaxEndedOfUser = 1000;

    /// <summary>Sessions in all, some 150 B each in the file.</summary>
    public const int MaxSessions = 20_000;

    public static SessionsState Begin(SessionsState state, string id, Session session, DateTimeOffset now)
    {
        var sessions = Current(state.Sessions, now);
        sessions = WithoutOldest(sessions, live => live.User == session.User, MaxLiveOfUser - 1);
        sessions = sessions.Count < MaxSessions ? sessions : WithoutOldest(sessions, static _ => true, MaxSessions - 1 - sessions.Count(one => one.Value.Ended));
        return state with { Sessions = sessions.SetItem(id, session) };
    }

    public static (SessionsState State, RefreshOutcome Outcome) Refresh(
        SessionsState state, string id, string user, long turn, DateTimeOffset refreshUntil, DateTimeOffset accessUntil, DateTimeOffset now)
    {
        if (!state.Sessions.TryGetValue(id, out var session) || session.Ended || session.User != user || session.RefreshUntil <= now)
            return (state, RefreshOutcome.Unknown);
        return session.Turn != turn
            ? (End(state, id, user, session.AccessUntil, now), RefreshOutcome.Reused)
            : (state with
            {
                Sessions = Current(state.Sessions, now).SetItem(
                    id, session with { Turn = turn + 1, RefreshUntil = refreshUntil, AccessUntil = Later(session.AccessUntil, accessUntil) }),
            }, RefreshOutcome.Turned);
    }

    /// <summary>None of the session's tokens counts any more.</summary>
    public static SessionsState End(SessionsState state, string id, string user, DateTimeOffset accessUntil, DateTimeOffset now)
    {
        var sessions = Current(state.Sessions, now);
        var session = sessions.GetValueOrDefault(id) ?? new Session { User = user };
        if (session.Ended || session.User != user)
            return state;
        if (sessions.Count(one => one.Value.Ended && one.Value.User == user) >= MaxEndedOfUser || sessions.Count(one => one.Value.Ended) >= MaxSessions / 2)
            return EndAll(state, user);
        return state with { Sessions = sessions.SetItem(id, session with { Ended = true, AccessUntil = Later(session.AccessUntil, accessUntil) }) };
    }

    /// <summary>None of the user's tokens counts any more.</summary>
    public static SessionsState EndAll(SessionsState state, string user) => state with
    {
        Epochs = state.Epochs.SetItem(user, state.Epochs.GetValueOrDefault(user) + 1),
        Sessions = state.Sessions.RemoveRange(state.Sessions.Where(one => one.Value.User == user).Select(one => one.Key)),
    };

    /// <summary>Of users that are no more nothing is kept: their ids never come again.</summary>
    public static SessionsState Only(SessionsState state, IReadOnlySet<string> users) => state with
    {
        Epochs = state.Epochs.RemoveRange(state.Epochs.Keys.Where(user => !users.Contains(user))),
        Sessions = state.Sessions.RemoveRange(state.Sessions.Where(one => !users.Contains(one.Value.User)).Select(one => one.Key)),
    };

    /// <summary>Null, or what contradicts itself (a file edited by hand).</summary>
    public static string? Fault(SessionsState? state) => state switch
    {
        null => "it is empty",
        { Format: not SessionsState.CurrentFormat } => $"format {state.Format} is not {SessionsState.CurrentFormat}, the one this version writes",
        { Era.Length: < 16 } => "its era is missing",
        { Epochs: null } or { Sessions: null } => "epochs or sessions are missing",
        _ when state.Sessions.Values.Any(session => session is null) => "a session is null",
        _ => null,
    };

    private static ImmutableDictionary<string, Session> Current(ImmutableDictionary<string, Session> sessions, DateTimeOffset now) =>
        sessions.RemoveRange(sessions.Where(one => (one.Value.Ended ? one.Value.AccessUntil : one.Value.RefreshUntil) <= now).Select(one => one.Key));

    private static ImmutableDictionary<string, Session> WithoutOldest(ImmutableDictionary<string, Session> sessions, Func<Session, bool> which, int most)
    {
        var live = sessions.Where(one => !one.Value.Ended && which(one.Value)).ToArray();
        return live.Length <= most
            ? sessions : sessions.RemoveRange(live.OrderBy(one => one.Value.RefreshUntil).Take(live.Length - Math.Max(0, most)).Select(one => one.Key));
    }

    private static DateTimeOffset Later(DateTimeOffset one, DateTimeOffset other) => one > other ? one : other;
}
