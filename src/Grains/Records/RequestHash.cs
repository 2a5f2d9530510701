using System.Security.Cryptography;
using Google.Protobuf;
using PxBackup.Api;
using PxBackup.Grains.Interfaces;

namespace PxBackup.Grains.Records;

/// <summary>Tells a repeated create request from another one under the same uid.</summary>
internal static class RequestHash
{
    /// <summary>
    /// SHA-256 over the request's bytes in protobuf's deterministic form (map entries sorted by key), without its secrets: a
    /// hash that rests unsealed must not help to guess a pass phrase. Who creates objects with secrets compares those itself.
    /// </summary>
    public static ByteString Of<T>(T request)
        where T : IMessage<T>
    {
        if (SecretFields.HasAny(request.Descriptor))
        {
            request = request.Clone();
            SecretFields.Blank(request);
        }

        var buffer = new MemoryStream();
        using (var output = new CodedOutputStream(buffer, leaveOpen: true) { Deterministic = true })
            request.WriteTo(output);
        return ByteString.CopyFrom(SHA256.HashData(buffer.ToArray()));
    }

    /// <summary>The refusal of a create whose uid is taken by an object that another request has made.</summary>
    /// <param name="kind">The object's kind.</param>
    /// <param name="key">Its key.</param>
    /// <param name="isCallers">The object is the caller's own: then it is the request that differs.</param>
    public static DomainException Taken(ObjectKind kind, ObjectKey key, bool isCallers) => isCallers
        ? new(ErrorReason.RequestMismatch, $"{kind.Title()} with uid [{key.Uid}] already exists with other contents; repeat the request as it was, or give a new uid or idempotency-key")
        : new(ErrorReason.AlreadyExists, $"{kind.Title()} with uid [{key.Uid}] already exists");
}
