using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;
using PxBackup.Gateway.Errors;
using PxBackup.Gateway.Requests;
using PxBackup.Grains.Interfaces;

namespace PxBackup.Gateway.Rest;

/// <summary>Carries headers between HTTP and gRPC metadata by grpc-gateway's names.</summary>
internal static class RestMetadata
{
    public const string TimeoutHeader = "Grpc-Timeout";
    private const string MetadataPrefix = "Grpc-Metadata-";
    private const string PermanentPrefix = "grpcgateway-";
    private const string DetailsTrailer = "grpc-status-details-bin";

    // The permanent message header registry, as far as requests use it: these go on under a prefix, other headers stay here.
    private static readonly HashSet<string> Permanent = new(StringComparer.OrdinalIgnoreCase)
    {
        "Accept", "Accept-Charset", "Accept-Language", "Accept-Ranges", "Authorization", "Cache-Control", "Content-Type", "Cookie", "Date",
        "Expect", "From", "Host", "If-Match", "If-Modified-Since", "If-None-Match", "If-Schedule-Tag-Match", "If-Unmodified-Since",
        "Max-Forwards", "Origin", "Pragma", "Referer", "User-Agent", "Via", "Warning",
    };

    /// <exception cref="RpcException">InvalidArgument: a header cannot be metadata.</exception>
    public static Metadata Read(HttpRequest request)
    {
        var metadata = new Metadata();
        foreach (var (name, values) in request.Headers)
        {
            if (string.Equals(name, HeaderNames.Authorization, StringComparison.OrdinalIgnoreCase))
                Add(metadata, "authorization", values);
            else if (string.Equals(name, IdempotencyKey.Header, StringComparison.OrdinalIgnoreCase))
                Add(metadata, IdempotencyKey.Header, values);

            if (Permanent.Contains(name))
                Add(metadata, PermanentPrefix + name, values);
            else if (name.StartsWith(MetadataPrefix, StringComparison.OrdinalIgnoreCase) && name.Length > MetadataPrefix.Length)
                Add(metadata, name[MetadataPrefix.Length..], values);
        }

        if (request.Host.HasValue && metadata.Get("x-forwarded-host") is null)
            Add(metadata, "x-forwarded-host", Of(request, "X-Forwarded-Host", request.Host.Value));
        if (request.HttpContext.Connection.RemoteIpAddress is { } address)
            Add(metadata, "x-forwarded-for", request.Headers["X-Forwarded-For"] is { Count: > 0 } before ? $"{before}, {address}" : address.ToString());
        return metadata;
    }

    public static string Peer(ConnectionInfo connection) => connection.RemoteIpAddress switch
    {
        { AddressFamily: AddressFamily.InterNetwork } v4 => $"ipv4:{v4}:{connection.RemotePort}",
        { AddressFamily: AddressFamily.InterNetworkV6 } v6 => $"ipv6:[{v6}]:{connection.RemotePort}",
        _ => "unknown",
    };

    /// <summary>Answers <c>Grpc-Timeout</c>: up to eight digits and one of H M S m u n. Null without the header.</summary>
    /// <exception cref="RpcException">InvalidArgument: not a timeout.</exception>
    public static TimeSpan? Timeout(HttpRequest request)
    {
        var text = request.Headers[TimeoutHeader].ToString();
        if (text.Length == 0)
            return null;

        if (text.Length is < 2 or > 9 || !long.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var amount))
            throw BadTimeout(text);
        return text[^1] switch
        {
            'H' => TimeSpan.FromHours(amount),
            'M' => TimeSpan.FromMinutes(amount),
            'S' => TimeSpan.FromSeconds(amount),
            'm' => TimeSpan.FromMilliseconds(amount),
            'u' => TimeSpan.FromMicroseconds(amount),
            // A tick is 100 ns; less than one is still a timeout, zero is none.
            'n' => TimeSpan.FromTicks((amount + 99) / 100),
            _ => throw BadTimeout(text),
        };
    }

    /// <summary>Writes reply metadata as <c>Grpc-Metadata-*</c> headers. The status details are part of the body instead.</summary>
    public static void Write(HttpResponse response, Metadata metadata)
    {
        foreach (var entry in metadata)
            if (entry.Key != DetailsTrailer)
                response.Headers.Append(MetadataPrefix + entry.Key, entry.IsBinary ? Convert.ToBase64String(entry.ValueBytes) : PercentText.Header(entry.Value));
    }

    private static string Of(HttpRequest request, string header, string otherwise) =>
        request.Headers[header] is { Count: > 0 } value ? value.ToString() : otherwise;

    private static void Add(Metadata metadata, string name, StringValues values)
    {
        var key = name.ToLowerInvariant();
        foreach (var value in values)
        {
            try
            {
                if (key.EndsWith(Metadata.BinaryHeaderSuffix, StringComparison.Ordinal))
                    metadata.Add(key, Convert.FromBase64String(Padded(value ?? "")));
                else
                    metadata.Add(key, value ?? "");
            }
            catch (Exception e) when (e is FormatException or ArgumentException)
            {
                throw ErrorDetails.Invalid($"header {MetadataPrefix}{OutsideText.OneLine(name, 128)} cannot be gRPC metadata: names take letters, digits and _ - . and a name that ends in -bin takes base64", MetadataPrefix + OutsideText.OneLine(name, 128));
            }
        }
    }

    private static string Padded(string base64) => base64.PadRight((base64.Length + 3) / 4 * 4, '=');

    private static RpcException BadTimeout(string text) =>
        ErrorDetails.Invalid($"invalid grpc-timeout: {OutsideText.OneLine(text, 64)}; give up to eight digits and one of H, M, S, m, u, n", TimeoutHeader);
}
