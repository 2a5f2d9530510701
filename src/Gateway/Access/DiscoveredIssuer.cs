using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace PxBackup.Gateway.Access;

/// <summary>
/// An OIDC provider elsewhere. Its keys are fetched when first needed, again in the background when they get old, and at once for a
/// <c>kid</c> that is not known (at most every <see cref="IdentityOptions.UnknownKeyInterval"/>), so that the first token after a
/// rotation passes. While the provider is away the known keys serve on, up to <see cref="IdentityOptions.KeysWithoutIssuer"/>.
/// </summary>
internal sealed partial class DiscoveredIssuer(
    IssuerConnection connection, IOptions<IdentityOptions> options, TimeProvider time, ILogger<DiscoveredIssuer> logger) : IIssuer, IDisposable
{
    // A provider that is down is asked by one call at a time and not more often than this.
    private static readonly TimeSpan PauseAfterFailure = TimeSpan.FromSeconds(2);

    // Stated: what ends a token counts at every gateway within 2 s, one for this and one for the way.
    internal static readonly TimeSpan StandingInterval = TimeSpan.FromSeconds(1);

    private readonly Lock gate = new();
    private volatile Standing? standing;
    private ITimer? watching;
    private int asking;
    private int provisional;
    private long standingAsOf;
    private bool isSilent;
    private volatile KeySet? keys;
    private Task<KeySet>? fetching;
    private DateTimeOffset nextUnknown = DateTimeOffset.MinValue;
    private DateTimeOffset nextAttempt = DateTimeOffset.MinValue;
    private long refreshAtTicks = long.MaxValue;
    private long staleAtTicks = long.MaxValue;
    private long version;

    public string Name => options.Value.Issuer;

    public long VersionAt(DateTimeOffset now)
    {
        if (now.UtcTicks >= Interlocked.Read(ref refreshAtTicks))
            RefreshBehind(now);
        // Keys too old to trust: no cached answer counts either.
        return now.UtcTicks >= Interlocked.Read(ref staleAtTicks) ? -1 : Interlocked.Read(ref version);
    }

    public CallerIdentity? Current(CallerIdentity claimed) => standing is { } now ? Judge(now, claimed) : claimed;

    public void Dispose() => watching?.Dispose();

    public async ValueTask<IReadOnlyList<SigningKey>> FindKeysAsync(string? keyId)
    {
        var known = keys is { } have && time.GetUtcNow().UtcTicks < Interlocked.Read(ref staleAtTicks)
            ? have
            : await FetchAsync().ConfigureAwait(false);
        if (known.Find(keyId) is { Count: > 0 } found)
            return found;
        // Somebody may have fetched newer keys since; else ask, if it was not asked just now.
        if (keys is { } newer && !ReferenceEquals(newer, known) && newer.Find(keyId) is { Count: > 0 } foundNewer)
            return foundNewer;
        // A fetch that others began may have left before the key was published: then one of our own follows.
        for (var own = false; !own;)
        {
            if (AskForUnknown(out own) is not { } asking)
                return (keys ?? known).Find(keyId);
            if ((await asking.ConfigureAwait(false)).Find(keyId) is { Count: > 0 } fetched)
                return fetched;
        }
        return [];
    }

    private Task<KeySet>? AskForUnknown(out bool own)
    {
        lock (gate)
        {
            own = false;
            if (fetching is not null)
                return fetching;
            var now = time.GetUtcNow();
            if (now < nextUnknown)
                return null;
            own = true;
            nextUnknown = now + options.Value.UnknownKeyInterval;
            return fetching = FetchOnceAsync();
        }
    }

    private Task<KeySet> FetchAsync()
    {
        lock (gate)
        {
            if (fetching is not null)
                return fetching;
            if (time.GetUtcNow() < nextAttempt)
                return Task.FromException<KeySet>(Unavailable(null));
            return fetching = FetchOnceAsync();
        }
    }

    private void RefreshBehind(DateTimeOffset now)
    {
        Task<KeySet> refresh;
        lock (gate)
        {
            if (fetching is not null || now.UtcTicks < refreshAtTicks)
                return;
            // Whatever comes of it, the next attempt in the background is one interval away.
            Interlocked.Exchange(ref refreshAtTicks, (now + options.Value.KeyRefreshInterval).UtcTicks);
            refresh = fetching = FetchOnceAsync();
        }
        // The failure is logged where it happens; nobody waits for this one.
        _ = refresh.ContinueWith(static done => done.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
    }

    private async Task<KeySet> FetchOnceAsync()
    {
        await Task.Yield();
        try
        {
            var fetched = await connection.FetchKeysAsync().ConfigureAwait(false);
            // Before the first token is judged; from then on by the clock.
            if (standing is null && connection.StandingAt is not null)
                await FetchStandingAsync().ConfigureAwait(false);
            lock (gate)
                Take(fetched);
            return fetched;
        }
        catch (Exception cause) when (IssuerConnection.IsExpected(cause))
        {
            KeysNotFetched(logger, options.Value.Issuer, cause.Message, cause);
            lock (gate)
                nextAttempt = time.GetUtcNow() + PauseAfterFailure;
            throw Unavailable(cause);
        }
        finally
        {
            lock (gate)
                fetching = null;
        }
    }

    private CallerIdentity? Judge(Standing now, CallerIdentity claimed)
    {
        // A token that is newer than what is known here, of a new user for one, counts as it is until the next answer, a second from now.
        if (claimed.IssuedAt.ToUnixTimeSeconds() < Interlocked.Read(ref standingAsOf))
            return now.Judge(claimed);
        Volatile.Write(ref provisional, 1);
        return claimed;
    }

    private async Task FetchStandingAsync()
    {
        if (connection.StandingAt is not { } address)
            return;
        var judgeAgain = Interlocked.Exchange(ref provisional, 0) == 1;
        var (fetched, asOf) = await connection.FetchStandingAsync(address, standing?.Version).ConfigureAwait(false);
        Interlocked.Exchange(ref standingAsOf, asOf);
        if (judgeAgain)
            Interlocked.Increment(ref version);
        if (fetched is null)
            return;
        lock (gate)
        {
            standing = fetched;
            watching ??= time.CreateTimer(_ => WatchStandingAsync(), null, StandingInterval, StandingInterval);
        }
        Interlocked.Increment(ref version);
    }

    private async void WatchStandingAsync()
    {
        if (Interlocked.Exchange(ref asking, 1) == 1)
            return;
        try
        {
            await FetchStandingAsync().ConfigureAwait(false);
            isSilent = false;
        }
        catch (Exception cause) when (IssuerConnection.IsExpected(cause))
        {
            // As with its keys: what was known last counts on. Told once for each silence.
            if (!isSilent)
                StandingNotFetched(logger, options.Value.Issuer, cause.Message);
            isSilent = true;
        }
        finally
        {
            Interlocked.Exchange(ref asking, 0);
        }
    }

    private void Take(KeySet fetched)
    {
        var changed = keys is not null && keys.Fingerprint != fetched.Fingerprint;
        if (changed)
            KeysChanged(logger, options.Value.Issuer);
        keys = fetched;
        Interlocked.Exchange(ref refreshAtTicks, (fetched.FetchedAt + options.Value.KeyRefreshInterval).UtcTicks);
        Interlocked.Exchange(ref staleAtTicks, (fetched.FetchedAt + options.Value.KeysWithoutIssuer).UtcTicks);
        if (changed)
            Interlocked.Increment(ref version);
    }

    private static TokenException Unavailable(Exception? cause) => new(
        TokenFault.IssuerUnavailable,
        "the identity provider does not answer, so tokens cannot be checked: try again shortly; if it lasts, an administrator should check the setting Identity:Issuer and the server's log",
        cause);

    [LoggerMessage(LogLevel.Warning, "Issuer {Issuer} does not tell which tokens have ended ({Cause}): sign-outs and new passwords there do not count here until it does")]
    private static partial void StandingNotFetched(ILogger logger, string issuer, string cause);

    [LoggerMessage(LogLevel.Warning, "Keys of the identity provider {Issuer} could not be fetched: {Cause}")]
    private static partial void KeysNotFetched(ILogger logger, string issuer, string cause, Exception exception);

    [LoggerMessage(LogLevel.Information, "The identity provider {Issuer} changed its keys; every cached token is checked again")]
    private static partial void KeysChanged(ILogger logger, string issuer);
}
