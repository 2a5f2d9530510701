using System.Collections;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace PxBackup.Stork.Resources;

/// <summary>Whole resources as JSON, status included: for carrying them between processes and for importing finished ones.</summary>
public static class ResourceText
{
    private static readonly JsonSerializerOptions Whole = Build();

    /// <summary>A resource as UTF-8 JSON, without anything that is empty.</summary>
    public static byte[] Write<T>(T resource)
        where T : KubernetesResource => JsonSerializer.SerializeToUtf8Bytes(resource, TypeInfo<T>());

    /// <summary>Reads it back.</summary>
    /// <exception cref="JsonException">It is not JSON of this resource.</exception>
    public static T Read<T>(ReadOnlySpan<byte> json)
        where T : KubernetesResource => JsonSerializer.Deserialize(json, TypeInfo<T>()) ?? throw new JsonException("null is not a resource");

    internal static JsonTypeInfo<T> TypeInfo<T>() => (JsonTypeInfo<T>)Whole.GetTypeInfo(typeof(T));

    private static JsonSerializerOptions Build()
    {
        var options = new JsonSerializerOptions(StorkJsonContext.Default.Options)
        {
            TypeInfoResolver = StorkJsonContext.Default.WithAddedModifier(static type =>
            {
                foreach (var property in type.Properties)
                    property.ShouldSerialize = static (_, value) => value is not (null or "" or false or 0 or 0L or 0UL or ICollection { Count: 0 });
            }),
        };
        options.MakeReadOnly();
        return options;
    }
}
