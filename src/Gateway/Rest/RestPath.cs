using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace PxBackup.Gateway.Rest;

/// <summary>Cuts a request's path as grpc-gateway 1.16 does.</summary>
internal static class RestPath
{
    /// <summary>
    /// The decoded segments, or null for a path that no pattern can match. The path is decoded before it is cut, so that <c>%2F</c>
    /// separates like <c>/</c>; a <c>:</c> in the last segment starts a custom verb, which no route of the contract has.
    /// </summary>
    public static string[]? Segments(HttpContext context)
    {
        var segments = Decoded(context)[1..].Split('/');
        return segments[^1].Contains(':', StringComparison.Ordinal) ? null : segments;
    }

    // The server decodes all but %2F in Path, so that there "%252F" and "%2F" look alike: the target as it was sent is read instead.
    private static string Decoded(HttpContext context)
    {
        var target = context.Features.Get<IHttpRequestFeature>()?.RawTarget ?? "";
        if (!target.StartsWith('/'))
            return context.Request.Path.Value!.Replace("%2F", "/", StringComparison.OrdinalIgnoreCase);

        var query = target.IndexOf('?', StringComparison.Ordinal);
        return Uri.UnescapeDataString(query < 0 ? target : target[..query]);
    }
}
