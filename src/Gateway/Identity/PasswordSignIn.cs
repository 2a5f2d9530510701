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
internal sealed class PasswordSignIn(EmbeddedIdentity identity, SignInThrottle throttle) : IDisposable
{
    // Each check is 0.1 s of a core: half of the cores may be busy with it, and 32 calls may wait.
    private const int MostWaiting = 32;
    private const int LongestPassword = 1024;

    private readonly SemaphoreSlim cores = new(Math.Max(1, Environment.ProcessorCount / 2));
    private int waiting;

    public async Task<SignInOutcome> SignInAsync(string username, string password, IPAddress? address, CancellationToken cancellationToken)
    {
        var name = username.Trim().ToLowerInvariant();
        if (name.Length is 0 or > 255 || password.Length is 0 or > LongestPassword)
            return new SignInOutcome.WrongCredentials();
        if (throttle.TryBegin(name, address) is { } wait)
            return new SignInOutcome.Wait(wait);
        if (Interlocked.Increment(ref waiting) > MostWaiting)
        {
            Interlocked.Decrement(ref waiting);
            return new SignInOutcome.Wait(TimeSpan.FromSeconds(1));
        }
        try
        {
            await cores.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            Interlocked.Decrement(ref waiting);
        }
        try
        {
            return Check(name, password, address);
        }
        finally
        {
            cores.Release();
        }
    }

    public void Dispose() => cores.Dispose();

    private SignInOutcome Check(string name, string password, IPAddress? address)
    {
        var user = identity.Users.State.UserByName(name);
        var hash = user is { Password.Length: > 0 } ? user.Password : PasswordHash.Decoy;
        if (!PasswordHash.Fits(password, hash) || user is null)
            return new SignInOutcome.WrongCredentials();
        throttle.Succeeded(name, address);
        return user.Enabled ? new SignInOutcome.Granted(user) : new SignInOutcome.Disabled();
    }
}
