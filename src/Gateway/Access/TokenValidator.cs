using System.Collections.Concurrent;
using Microsoft.Extensions.Options;

namespace PxBackup.Gateway.Access;

/// <summary>
/// The front: one hash and one look-up for a token seen before, one check shared by all who bring the same new token. Tokens
/// that were refused are remembered shortly, so that a client in a retry loop costs no signature check each time.
/// </summary>
internal sealed class TokenValidator(IIssuer issuer, IOptions<IdentityOptions> options, TimeProvider time) : ITokenValidator
{
    private const int RefusedTokens = 1024;

    // Shorter than any interval in which the answer could become another (clock skew, key refresh).
    internal static readonly TimeSpan RefusalMemory = TimeSpan.FromSeconds(5);

    private readonly GenerationCache<Accepted> accepted = new(options.Value.CachedTokens);
    private readonly GenerationCache<Refused> refused = new(RefusedTokens);
    private readonly ConcurrentDictionary<TokenHash, Lazy<Task<CallerIdentity>>> flights = new();
    private readonly TokenVerification verification = new(issuer, options.Value, time);
    private long verifications;

    /// <summary>Tokens checked in full so far; for tests and metrics.</summary>
    internal long Verifications => Interlocked.Read(ref verifications);

    /// <summary>Accepted tokens in memory.</summary>
    internal int Cached => accepted.Count;

    public ValueTask<CallerIdentity> ValidateAsync(string? authorizationHeader, CancellationToken cancellationToken = default)
    {
        if (BearerToken.Read(authorizationHeader, out var token) is { } fault)
            return ValueTask.FromException<CallerIdentity>(fault);
        var hash = TokenHash.Compute(token);
        var now = time.GetUtcNow();
        var version = issuer.VersionAt(now);
        if (accepted.TryGet(hash, out var known) && known.Version == version && now < known.UsableUntil)
            return new(known.Caller);
        if (refused.TryGet(hash, out var no) && no.Version == version && now < no.Until)
            return ValueTask.FromException<CallerIdentity>(new TokenException(no.Fault, no.Message));
        return new(VerifyOnceAsync(hash, token.ToString(), cancellationToken));
    }

    private Task<CallerIdentity> VerifyOnceAsync(TokenHash hash, string token, CancellationToken cancellationToken)
    {
        var flight = flights.GetOrAdd(hash, static (key, arg) => new(() => arg.self.VerifyAsync(key, arg.token)), (self: this, token));
        return flight.Value.WaitAsync(cancellationToken);
    }

    private async Task<CallerIdentity> VerifyAsync(TokenHash hash, string token)
    {
        // Read before the check: if keys change meanwhile, the result counts as old and is checked again.
        var version = issuer.VersionAt(time.GetUtcNow());
        Interlocked.Increment(ref verifications);
        try
        {
            var caller = await verification.VerifyAsync(token).ConfigureAwait(false);
            if (version >= 0)
                accepted.Set(hash, new(caller, verification.UsableUntil(caller), version));
            return caller;
        }
        catch (TokenException no) when (!no.IsUnavailable && no.Fault != TokenFault.UnknownKey)
        {
            refused.Set(hash, new(no.Fault, no.Message, time.GetUtcNow() + RefusalMemory, version));
            throw;
        }
        finally
        {
            flights.TryRemove(hash, out _);
        }
    }

    private sealed record Accepted(CallerIdentity Caller, DateTimeOffset UsableUntil, long Version);

    private sealed record Refused(TokenFault Fault, string Message, DateTimeOffset Until, long Version);
}
