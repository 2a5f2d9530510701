namespace PxBackup.Stork;

/// <summary>Texts from a cluster are kept within bounds.</summary>
internal static class StorkText
{
    /// <summary>Longest message of an API error or Event that is kept, UTF-16 units (Kubernetes itself cuts Event messages there).</summary>
    public const int MaxMessage = 1024;

    /// <summary>Cuts without leaving half a character.</summary>
    public static string Bounded(string text, int maxLength) => text.Length <= maxLength ? text : text[..CutAt(text, maxLength)];

    /// <summary>Where to cut <paramref name="text"/>, which is longer than <paramref name="maxLength"/>.</summary>
    public static int CutAt(ReadOnlySpan<char> text, int maxLength) => char.IsHighSurrogate(text[maxLength - 1]) ? maxLength - 1 : maxLength;
}
