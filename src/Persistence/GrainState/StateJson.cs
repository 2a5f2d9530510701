using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace PxBackup.Persistence.GrainState;

/// <summary>
/// Grain states as JSON. The type is always the one that the grain declares, never one that the stored text names; API
/// messages inside are written as protobuf's JSON.
/// </summary>
internal static class StateJson
{
    private static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.General)
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        // Two values for one member: which of them was meant cannot be known.
        AllowDuplicateProperties = false,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        // Readable in a shell; the text never goes into a web page.
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new JsonStringEnumConverter(), new MessageConverterFactory() },
    };

    /// <summary>Writes a state as UTF-8.</summary>
    public static byte[] Write<T>(T? state) => JsonSerializer.SerializeToUtf8Bytes(state, Options);

    /// <summary>Reads a state. Members that this version does not know are passed over, as a newer silo may have written them.</summary>
    /// <exception cref="JsonException">It is not JSON of this type.</exception>
    public static T? Read<T>(ReadOnlySpan<byte> json) => JsonSerializer.Deserialize<T>(json, Options);
}
