using Grpc.Core;
using PxBackup.Grains.Interfaces.Access;

namespace PxBackup.Gateway.Access;

/// <summary>Hands the caller from the interceptor that proved it to the service.</summary>
internal static class CallContext
{
    private static readonly object Key = new();

    /// <summary>Who calls.</summary>
    /// <exception cref="InvalidOperationException">Nobody proved the caller: a service asks in a method that is open to everybody.</exception>
    public static Caller Caller(this ServerCallContext context) => context.UserState.TryGetValue(Key, out var caller)
        ? (Caller)caller
        : throw new InvalidOperationException($"{context.Method} was reached without a caller.");

    public static void SetCaller(this ServerCallContext context, Caller caller) => context.UserState[Key] = caller;
}
