using Orleans.Runtime;
using Orleans.Runtime.Messaging;
using Orleans.Serialization;

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

    /// <summary>
    /// A silo could not read the call, or we its answer: it runs another release, as while the silos are upgraded one after the
    /// other. Grains of ours never throw these: they are Orleans' names for a method, a type or a field that one side does not have.
    /// </summary>
    public static bool IsAnotherRelease(Exception failure) => failure is TypeLoadException or MissingMethodException or SerializerException;
}
