namespace PxBackup.Gateway.Identity;

/// <summary>The embedded provider cannot start; the message names the file and the cure.</summary>
public sealed class IdentityStartException : Exception
{
    internal IdentityStartException(string message, Exception? cause = null) : base(message, cause)
    {
    }
}
