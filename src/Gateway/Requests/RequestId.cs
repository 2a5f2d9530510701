using System.Security.Cryptography;
using System.Text;
using Grpc.Core;
using PxBackup.Grains.Interfaces;

namespace PxBackup.Gateway.Requests;

/// <summary>
/// The idempotency key of a call: metadata <c>x-request-id</c>, by REST the header of that name. A create repeated with the same key
/// means the same object: its uid follows from the key, so any gateway and any silo finds what an earlier attempt has made, as long as
/// the object exists. The same key with other contents is refused by the object's own grain.
/// </summary>
internal static class RequestId
{
    /// <summary>Metadata key and HTTP header.</summary>
    public const string Header = "x-request-id";

    // A UUID has 36 characters; proxies that chain ids stay below.
    private const int Longest = 128;

    /// <summary>The call's key; null without one.</summary>
    /// <exception cref="DomainException"><see cref="ErrorReason.InvalidField"/></exception>
    public static string? Of(ServerCallContext context)
    {
        // REST brings the header as it is, or as Grpc-Metadata-X-Request-Id, which only the metadata shows.
        var key = context.GetHttpContext().Request.Headers[Header].ToString() is { Length: > 0 } header ? header : context.RequestHeaders.GetValue(Header);
        if (string.IsNullOrEmpty(key))
            return null;
        return key.Length <= Longest && key.All(c => c is > ' ' and <= '~')
            ? key
            : throw DomainException.InvalidField(Header, $"must be 1 to {Longest} printable ASCII characters without spaces");
    }

    /// <summary>The uid that stands for the key: one user's keys never meet another's, nor one kind's another's.</summary>
    public static string UidFor(ObjectKind kind, string orgId, string userId, string requestId)
    {
        // The parts' lengths stand before them, so that no two lists of parts read alike.
        var text = string.Concat(((string[])["px-request-id", kind.Slug(), orgId, userId, requestId]).Select(part => $"{part.Length}:{part}"));
        var bytes = SHA256.HashData(Encoding.UTF8.GetBytes(text)).AsSpan(0, 16);
        bytes[6] = (byte)((bytes[6] & 0x0f) | 0x80); // RFC 9562, version 8: made by a rule of the application's own
        bytes[8] = (byte)((bytes[8] & 0x3f) | 0x80);
        return new Guid(bytes, bigEndian: true).ToString();
    }
}
