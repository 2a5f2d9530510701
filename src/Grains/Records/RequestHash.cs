using System.Security.Cryptography;
using Google.Protobuf;
using PxBackup.Api;

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
}
