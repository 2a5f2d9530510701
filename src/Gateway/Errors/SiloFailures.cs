using Orleans.Runtime;
using Orleans.Runtime.Messaging;

namespace PxBackup.Gateway.Errors;

/// <summary>Tells the failures of the way to a grain from those of the grain.</summary>
internal static class SiloFailures
{
    /// <summary>
    /// No silo answered, or the one that worked on the call went away: the call may or may not have been carried out, and the next
    /// attempt may find the grain elsewhere.
    /// </summary>
    public static bool IsTransient(Exception failure) => failure is SiloUnavailableException or OrleansMessageRejectionException
        or GatewayTooBusyException or ConnectionFailedException or ClientNotAvailableException or TimeoutException;
}
