using System.Collections.Frozen;
using Grpc.Core;
using PxBackup.Grains.Interfaces;

namespace PxBackup.Gateway.Errors;

/// <summary>
/// The one table from a refusal's reason to the gRPC code that a client sees. Where the published product answers with an
/// unexpected code that clients match, its code stands here and the row says so.
/// </summary>
internal static class ErrorCodes
{
    private static readonly FrozenDictionary<ErrorReason, StatusCode> Codes = new Dictionary<ErrorReason, StatusCode>
    {
        [ErrorReason.Unspecified] = StatusCode.Internal,
        [ErrorReason.InvalidField] = StatusCode.InvalidArgument,
        [ErrorReason.NotFound] = StatusCode.NotFound,
        [ErrorReason.AlreadyExists] = StatusCode.AlreadyExists,
        [ErrorReason.PermissionDenied] = StatusCode.PermissionDenied,
        [ErrorReason.AmbiguousName] = StatusCode.Internal,              // as the published product answers
        [ErrorReason.InUse] = StatusCode.Unknown,                       // as the published product answers
        [ErrorReason.WrongState] = StatusCode.FailedPrecondition,
        [ErrorReason.BackupNotRestorable] = StatusCode.InvalidArgument, // as the published product answers
        [ErrorReason.Unreachable] = StatusCode.Unavailable,
        [ErrorReason.Rejected] = StatusCode.InvalidArgument,
        [ErrorReason.Conflict] = StatusCode.Aborted,
        [ErrorReason.StoreUnavailable] = StatusCode.Unavailable,
        [ErrorReason.LimitReached] = StatusCode.ResourceExhausted,
        [ErrorReason.Unimplemented] = StatusCode.Unimplemented,
        [ErrorReason.Unauthenticated] = StatusCode.Unauthenticated,
        [ErrorReason.RequestMismatch] = StatusCode.AlreadyExists,
    }.ToFrozenDictionary();

    private static readonly FrozenDictionary<ErrorReason, string> Names =
        Enum.GetValues<ErrorReason>().ToFrozenDictionary(reason => reason, reason => UpperSnake(reason.ToString()));

    /// <summary>The code; Internal for a reason of a newer version that this gateway does not know.</summary>
    public static StatusCode Of(ErrorReason reason) => Codes.GetValueOrDefault(reason, StatusCode.Internal);

    /// <summary>The reason as <c>google.rpc.ErrorInfo</c> spells it, such as <c>ALREADY_EXISTS</c>.</summary>
    public static string NameOf(ErrorReason reason) => Names.GetValueOrDefault(reason, "UNSPECIFIED");

    private static string UpperSnake(string name) =>
        string.Concat(name.Select((c, index) => index > 0 && char.IsUpper(c) ? $"_{c}" : char.ToUpperInvariant(c).ToString()));
}
