using System.Collections.Immutable;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using PxBackup.Grains.Interfaces;
using Status = Grpc.Core.Status;

namespace PxBackup.Gateway.Errors;

/// <summary>Puts a refusal on the wire: code, message and a <c>google.rpc.Status</c> with one <c>ErrorInfo</c>.</summary>
internal static class ErrorDetails
{
    /// <summary>The trailer that carries <c>google.rpc.Status</c>.</summary>
    public const string Trailer = "grpc-status-details-bin";

    /// <summary>Who gives the reasons: <c>ErrorInfo.domain</c>.</summary>
    public const string Domain = "pxbackup";

    // Headers share one budget of 8 KiB at many clients and proxies: a message of thousands of names must not make the answer unreadable.
    private const int LongestMessage = 4096;

    /// <summary>A request that cannot be read as what it should be, refused before any service sees it.</summary>
    /// <param name="message">The whole text.</param>
    /// <param name="field">Where it stands: a field's path, a parameter, a header; empty for the whole.</param>
    public static RpcException Invalid(string message, string field) =>
        ToRpc(new DomainException(ErrorReason.InvalidField, message) { Facts = field.Length == 0 ? ImmutableDictionary<string, string>.Empty : ImmutableDictionary<string, string>.Empty.Add("field", field) });

    public static RpcException ToRpc(DomainException refusal)
    {
        var code = ErrorCodes.Of(refusal.Reason);
        var message = refusal.Message.Length <= LongestMessage ? refusal.Message : refusal.Message[..LongestMessage] + "…";
        var error = new ErrorInfo { Reason = ErrorCodes.NameOf(refusal.Reason), Domain = Domain };
        foreach (var (key, value) in refusal.Facts)
            error.Metadata[key] = value;
        var details = new Google.Rpc.Status { Code = (int)code, Message = message, Details = { Any.Pack(error) } };
        return new RpcException(new Status(code, message), new Metadata { { Trailer, details.ToByteArray() } });
    }
}
