using System.Security.Cryptography;
using Google.Protobuf;

namespace PxBackup.Grains.Records;

/// <summary>Tells a repeated create request from another one under the same uid.</summary>
internal static class RequestHash
{
    /// <summary>SHA-256 over the request's bytes in protobuf's deterministic form (map entries sorted by key).</summary>
    public static ByteString Of(IMessage request)
    {
        var buffer = new MemoryStream();
        using (var output = new CodedOutputStream(buffer, leaveOpen: true) { Deterministic = true })
            request.WriteTo(output);
        return ByteString.CopyFrom(SHA256.HashData(buffer.ToArray()));
    }
}
