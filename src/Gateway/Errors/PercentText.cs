using System.Globalization;
using System.Text;

namespace PxBackup.Gateway.Errors;

/// <summary>Any text as a header's value: what is not printable ASCII becomes the <c>%XX</c> of its UTF-8 bytes, as gRPC writes <c>grpc-message</c>.</summary>
internal static class PercentText
{
    /// <summary>A <c>grpc-message</c>: <c>%</c> is encoded, too, so that clients read the very text.</summary>
    public static string Message(string text) => Encode(text, encodesPercent: true);

    /// <summary>Another header's value: one that is a header's value already stays as it is.</summary>
    public static string Header(string text) => text.AsSpan().ContainsAnyExceptInRange(' ', '~') ? Encode(text, encodesPercent: false) : text;

    private static string Encode(string text, bool encodesPercent)
    {
        var encoded = new StringBuilder(text.Length + 16);
        foreach (var part in Encoding.UTF8.GetBytes(text))
        {
            if (part is >= (byte)' ' and <= (byte)'~' && !(encodesPercent && part == (byte)'%'))
                encoded.Append((char)part);
            else
                encoded.Append(CultureInfo.InvariantCulture, $"%{part:X2}");
        }
        return encoded.ToString();
    }
}
