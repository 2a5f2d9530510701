using System.Net;

namespace PxBackup.Gateway.Identity;

/// <summary>How a sign-in ended. Only <see cref="Granted"/> carries a user.</summary>
internal abstract record SignInOutcome
{
    public sealed record Granted(User User) : SignInOutcome;

    public sealed record WrongCredentials : SignInOutcome;

    public sealed record Disabled : SignInOutcome;

    /// <summary>Too many wrong passwords, or too many sign-ins at once.</summary>
    public sealed record Wait(TimeSpan For) : SignInOutcome;
}

/// <summary>Checks a name and a password in the same time whether the name exists or not.</summary>
internal sealed class PasswordSignIn(EmbeddedIdentity identity, SignInThrottle throttle, HashQueue queue)
{
    private const int LongestPassword = 1024;

    private static readonly TimeSpan WhenCrowded = TimeSpan.FromSeconds(1);

    public async Task<SignInOutcome> SignInAsync(string username, string password, IPAddress? address, CancellationToken cancellationToken)
    {
        var name = username.Trim().ToLowerInvariant();
        if (name.Length is 0 or > 255 || password.Length is 0 or > LongestPassword)
            return new SignInOutcome.WrongCredentials();
        var source = SignInSource.NetworkOf(address);
        var user = identity.Users.State.UserByName(name);
        var isKnown = user is not null && identity.KnownSources.IsKnown(user.Id, source);
        if (throttle.TryBegin(name, source, isKnown) is { } wait)
            return new SignInOutcome.Wait(wait);
        using var turn = await queue.EnterAsync(source, SignInSource.NeighbourhoodOf(address), isKnown, cancellationToken).ConfigureAwait(false);
        if (turn is not null)
            return Check(name, password, source, isKnown);
        throttle.NotTried(name, source, isKnown);
        return new SignInOutcome.Wait(WhenCrowded);
    }

    private SignInOutcome Check(string name, string password, string source, bool isKnown)
    {
        var user = identity.Users.State.UserByName(name);
        var hash = user is { Password.Length: > 0 } ? user.Password : PasswordHash.Decoy;
        if (!PasswordHash.Fits(password, hash) || user is null)
            return new SignInOutcome.WrongCredentials();
        throttle.Succeeded(name, source, isKnown);
        if (!user.Enabled)
            return new SignInOutcome.Disabled();
        identity.KnownSources.Note(user.Id, source);
        return new SignInOutcome.Granted(user);
    }
}
