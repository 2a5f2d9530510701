using System.Security.Cryptography;
using System.Text;
using Grpc.Core;
using PxBackup.Grains.Interfaces;

namespace PxBackup.Gateway.Requests;

/// <summary>
/// The idempotency key of a call: metadata <c>idempotency-key</c>, by REST the header of that name. A create repeated with the same key
/// means the same object: its uid follows from the key, so any gateway and any silo finds what an earlier attempt has made, as long as
/// the object exists, and nothing needs to be kept for it. The same key with other contents is refused. <c>x-request-id</c> is none:
/// meshes and proxies set it, and repeat it, without being asked.
/// </summary>
internal static class IdempotencyKey
{
    /// <summary>Metadata key and HTTP header.</summary>
    public const string Header = "idempotency-key";

    // A UUID has 36 characters; longer ones that name a job and its day stay below.
    private const int Longest = 128;

    /// <summary>The call's key; null without one.</summary>
    /// <exception cref="DomainException"><see cref="ErrorReason.InvalidField"/></exception>
    public static string? Of(ServerCallContext context)
    {
        var given = context.RequestHeaders.GetAll(Header).Take(2).ToArray();
        var key = given.Length == 0 ? "" : given[0].Value;
        // Clients and proxies join the lines of one header by commas.
        if (given.Length > 1 || key.Contains(',', StringComparison.Ordinal))
            throw DomainException.InvalidField(Header, "came more than once: give one key, without commas");
        if (key.Length == 0)
            return null;
        return key.Length <= Longest && key.All(c => c is > ' ' and <= '~')
            ? key
            : throw DomainException.InvalidField(Header, $"must be 1 to {Longest} printable ASCII characters without spaces");
    }

    /// <summary>The uid that stands for the key: one user's keys never meet another's, nor one kind's another's.</summary>
    public static string UidFor(ObjectKind kind, string orgId, string userId, string key)
    {
        // The parts' lengths stand before them, so that no two lists of parts read alike. The first one is never changed: repeats meet other releases.
        var text = string.Concat(((string[])["px-request-id", kind.Slug(), orgId, userId, key]).Select(part => $"{part.Length}:{part}"));
        var bytes = SHA256.HashData(Encoding.UTF8.GetBytes(text)).AsSpan(0, 16);
        bytes[6] = (byte)((bytes[6] & 0x0f) | 0x80); // RFC 9562, version 8: made by a rule of the application's own
        bytes[8] = (byte)((bytes[8] & 0x3f) | 0x80);
        return new Guid(bytes, bigEndian: true).ToString();
    }

    /// <summary>A refusal of other contents under the same uid, in the words of who gave a key and knows no uid.</summary>
    public static DomainException Named(DomainException refusal, ServerCallContext context)
    {
        var key = refusal.Reason == ErrorReason.RequestMismatch ? context.RequestHeaders.GetValue(Header) : null;
        return string.IsNullOrEmpty(key) || key.Length > Longest
            ? refusal
            : new(refusal.Reason, $"{Header} [{OutsideText.OneLine(key)}] was used for another request: {refusal.Message}", refusal) { Facts = refusal.Facts.SetItem(Header, OutsideText.OneLine(key)) };
    }
}
