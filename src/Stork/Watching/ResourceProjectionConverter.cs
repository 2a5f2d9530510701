using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using PxBackup.Stork.Resources;

namespace PxBackup.Stork;

/// <summary>Lets the list's deserialiser hand over one buffered item at a time to the skimmer that reads watch lines too, so that a page
/// never exists as a whole.</summary>
internal sealed class ResourceProjectionConverter(StorkKind kind, string? uidLabel) : JsonConverter<ResourceProjection>
{
    // One entry per kind and label name; a product uses one label.
    private static readonly ConcurrentDictionary<(StorkKind, string?), JsonTypeInfo<ResourcePage<ResourceProjection>>> Pages = new();

    public static JsonTypeInfo<ResourcePage<ResourceProjection>> PageOf(StorkKind kind, string? uidLabel) =>
        Pages.GetOrAdd((kind, uidLabel), static key =>
        {
            var options = new JsonSerializerOptions(StorkJson.Options) { Converters = { new ResourceProjectionConverter(key.Item1, key.Item2) } };
            return (JsonTypeInfo<ResourcePage<ResourceProjection>>)options.GetTypeInfo(typeof(ResourcePage<ResourceProjection>));
        });

    public override ResourceProjection Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        ProjectionReader.Read(ref reader, kind, uidLabel).ToProjection();

    public override void Write(Utf8JsonWriter writer, ResourceProjection value, JsonSerializerOptions options) =>
        throw new NotSupportedException("A projection is only read.");
}
