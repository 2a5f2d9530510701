using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;

namespace PxBackup.Tests.Adapters.ObjectStores;

/// <summary>One signed request over a plain socket, so that the path goes out exactly as given.</summary>
internal static class RawS3Request
{
    /// <returns>The status line of the answer.</returns>
    public static async Task<string> PutAsync(Uri endpoint, string accessKey, string secretKey, string bucket, string key, byte[] body, CancellationToken cancellationToken)
    {
        var stamp = DateTime.UtcNow.ToString("yyyyMMdd'T'HHmmss'Z'");
        var (path, hash, scope) = ($"/{bucket}/{Encode(key)}", Convert.ToHexStringLower(SHA256.HashData(body)), $"{stamp[..8]}/us-east-1/s3/aws4_request");
        var canonical = $"PUT\n{path}\n\nhost:{endpoint.Authority}\nx-amz-content-sha256:{hash}\nx-amz-date:{stamp}\n\nhost;x-amz-content-sha256;x-amz-date\n{hash}";
        var signing = scope.Split('/').Aggregate(Encoding.UTF8.GetBytes("AWS4" + secretKey), (signer, part) => HMACSHA256.HashData(signer, Encoding.UTF8.GetBytes(part)));
        var toSign = $"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(canonical)))}";
        var signature = Convert.ToHexStringLower(HMACSHA256.HashData(signing, Encoding.UTF8.GetBytes(toSign)));
        var head = $"PUT {path} HTTP/1.1\r\nHost: {endpoint.Authority}\r\nx-amz-content-sha256: {hash}\r\nx-amz-date: {stamp}\r\nContent-Length: {body.Length}\r\nConnection: close\r\n" +
            $"Authorization: AWS4-HMAC-SHA256 Credential={accessKey}/{scope}, SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature={signature}\r\n\r\n";
        using var client = new TcpClient();
        await client.ConnectAsync(endpoint.Host, endpoint.Port, cancellationToken);
        var stream = client.GetStream();
        await stream.WriteAsync((byte[])[.. Encoding.ASCII.GetBytes(head), .. body], cancellationToken);
        using var reader = new StreamReader(stream);
        return await reader.ReadLineAsync(cancellationToken) ?? "the connection was closed";
    }

    private static string Encode(string key) => string.Concat(Encoding.UTF8.GetBytes(key).Select(b =>
        char.IsAsciiLetterOrDigit((char)b) || b is (byte)'-' or (byte)'.' or (byte)'_' or (byte)'~' or (byte)'/' ? ((char)b).ToString() : $"%{b:X2}"));
}
