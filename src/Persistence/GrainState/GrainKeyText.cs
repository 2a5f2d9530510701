using Orleans.Runtime;
using PxBackup.Grains.Records;

namespace PxBackup.Persistence.GrainState;

/// <summary>Grain ids as the text <c>type/key</c> that people read, and that leads back to the same grain.</summary>
internal static class GrainKeyText
{
    /// <summary>The id as text.</summary>
    /// <exception cref="RecordStoreException">The text would name another grain, as for a key that is not UTF-8 or a type with a '/'.</exception>
    public static string Of(GrainId grain)
    {
        var text = grain.ToString();
        return GrainId.TryParse(text, out var same) && same == grain
            ? text
            : throw new RecordStoreException($"grain '{text}' cannot be stored: its type contains '/' or its key is not text; give it a string, integer or GUID key");
    }
}
