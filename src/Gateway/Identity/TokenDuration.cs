using System.Globalization;

namespace PxBackup.Gateway.Identity;

/// <summary>The form field <c>token-duration</c>: a whole number and one of d, h, m, s.</summary>
internal static class TokenDuration
{
    public const string Field = "token-duration";

    // Seven digits of days are 27,000 years: enough, and no overflow.
    private const int MostDigits = 7;

    /// <summary>False for anything but a positive duration.</summary>
    public static bool TryParse(string text, out TimeSpan duration)
    {
        duration = default;
        if (text.Length is < 2 or > MostDigits + 1
            || !int.TryParse(text.AsSpan(..^1), NumberStyles.None, CultureInfo.InvariantCulture, out var count) || count == 0)
            return false;
        duration = text[^1] switch
        {
            'd' => TimeSpan.FromDays(count),
            'h' => TimeSpan.FromHours(count),
            'm' => TimeSpan.FromMinutes(count),
            's' => TimeSpan.FromSeconds(count),
            _ => default,
        };
        return duration > TimeSpan.Zero;
    }
}
