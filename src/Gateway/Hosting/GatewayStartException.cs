namespace PxBackup.Gateway.Hosting;

/// <summary>The edge cannot start; the message names the setting or file and the cure, in one line.</summary>
public sealed class GatewayStartException : Exception
{
    internal GatewayStartException(string message, Exception? cause = null) : base(message, cause)
    {
    }
}
