using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;

namespace PxBackup.FleetSimulator.ObjectStore;

/// <summary>The content of a request: out of its aws-chunked wrapping, and checked against every hash that came along.</summary>
internal static class S3Body
{
    private static readonly string EmptyHash = SignatureV4.Hex(SHA256.HashData([]));

    /// <exception cref="S3Fault">A hash, a length or a chunk's signature is wrong.</exception>
    public static byte[] Open(byte[] raw, S3Request request, SignatureV4.Seal seal)
    {
        var content = seal.PayloadHash.StartsWith("STREAMING-", StringComparison.Ordinal) ? Unchunk(raw, request, seal) : raw;
        if (seal.PayloadHash.Length == 64 && SignatureV4.Hex(SHA256.HashData(content)) != seal.PayloadHash)
            throw new S3Fault(HttpStatusCode.BadRequest, "XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed.");
        if (request.Header("Content-MD5") is { } md5 && md5 != Md5(content))
            throw BadDigest("Content-MD5");
        CheckSum(request.Header("x-amz-checksum-sha256"), "x-amz-checksum-sha256", content);
        return content;
    }

    private static byte[] Unchunk(byte[] raw, S3Request request, SignatureV4.Seal seal)
    {
        var signed = seal.PayloadHash.StartsWith("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", StringComparison.Ordinal);
        var content = new MemoryStream();
        var (at, previous) = (0, seal.Signature);
        while (true)
        {
            var head = Line(raw, ref at).Split(";chunk-signature=");
            if (!int.TryParse(head[0], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var size) || size < 0 || size > raw.Length - at)
                throw Incomplete();
            var chunk = raw.AsSpan(at, size);
            at += size;
            if (signed)
            {
                var expected = SignatureV4.Sign(seal.SigningKey, $"AWS4-HMAC-SHA256-PAYLOAD\n{seal.Stamp}\n{seal.Scope}\n{previous}\n{EmptyHash}\n{SignatureV4.Hex(SHA256.HashData(chunk))}");
                if (head.Length != 2 || head[1] != expected)
                    throw SignatureV4.Mismatch();
                previous = expected;
            }
            if (size == 0)
                break;
            content.Write(chunk);
            if (Line(raw, ref at).Length != 0)
                throw Incomplete();
        }
        var bytes = content.ToArray();
        CheckTrailer(raw, at, bytes, seal, signed ? previous : null);
        if (request.Header("x-amz-decoded-content-length") is { } length && length != bytes.Length.ToString())
            throw Incomplete();
        return bytes;
    }

    private static void CheckTrailer(byte[] raw, int at, byte[] content, SignatureV4.Seal seal, string? previous)
    {
        var lines = new StringBuilder();
        while (at < raw.Length && Line(raw, ref at) is { Length: > 0 } line)
        {
            var pair = line.Split(':', 2);
            if (pair[0] == "x-amz-trailer-signature")
            {
                var expected = previous is null ? null : SignatureV4.Sign(seal.SigningKey,
                    $"AWS4-HMAC-SHA256-TRAILER\n{seal.Stamp}\n{seal.Scope}\n{previous}\n{SignatureV4.Hex(SHA256.HashData(Encoding.UTF8.GetBytes(lines.ToString())))}");
                if (pair[^1] != expected)
                    throw SignatureV4.Mismatch();
                continue;
            }
            lines.Append(line).Append('\n');
            if (pair.Length == 2)
                CheckSum(pair[0] == "x-amz-checksum-sha256" ? pair[1] : null, pair[0], content);
        }
    }

    private static void CheckSum(string? claimed, string name, byte[] content)
    {
        if (claimed is not null && claimed != Convert.ToBase64String(SHA256.HashData(content)))
            throw BadDigest(name);
    }

    private static string Line(byte[] raw, ref int at)
    {
        var end = raw.AsSpan(at).IndexOf("\r\n"u8);
        if (end < 0)
            throw Incomplete();
        var line = Encoding.UTF8.GetString(raw, at, end);
        at += end + 2;
        return line;
    }

#pragma warning disable CA5351 // S3's ETag and Content-MD5 are MD5 by definition.
    public static string Md5(byte[] content) => Convert.ToBase64String(MD5.HashData(content));

    public static byte[] Md5Bytes(ReadOnlySpan<byte> content) => MD5.HashData(content);
#pragma warning restore CA5351

    private static S3Fault BadDigest(string name) => new(HttpStatusCode.BadRequest, "BadDigest", $"The {name} you specified did not match what we received.");

    private static S3Fault Incomplete() =>
        new(HttpStatusCode.BadRequest, "IncompleteBody", "You did not provide the number of bytes specified by the Content-Length HTTP header");
}
