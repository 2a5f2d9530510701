using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace PxBackup.Gateway.Access;

/// <summary>
/// The one authorization header of a request, whichever way in: by REST it may also come as <c>Grpc-Metadata-Authorization</c>. Of two,
/// a proxy may have checked one and we the other, so more than one is refused everywhere, in one text, even when they are alike.
/// </summary>
internal static class AuthorizationHeader
{
    private const string AsMetadata = "Grpc-Metadata-Authorization";

    /// <summary>The header's text; null without one.</summary>
    /// <exception cref="TokenException">There are several.</exception>
    public static string? Of(HttpRequest request)
    {
        var plain = request.Headers.Authorization;
        if (!request.Headers.TryGetValue(AsMetadata, out var more) || more.Count == 0)
            return plain.Count > 1 ? throw TokenException.Doubled() : Checked(plain);
        return plain.Count + more.Count > 1 ? throw TokenException.Doubled() : Checked(more);
    }

    // Proxies join lines by commas; no JWT has one.
    private static string? Checked(StringValues lines)
    {
        var line = lines.Count == 0 ? null : lines[0];
        return line is not null && line.Contains(',', StringComparison.Ordinal) ? throw TokenException.Doubled() : line;
    }
}
