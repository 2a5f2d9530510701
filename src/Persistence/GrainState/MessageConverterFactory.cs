using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization;
using Google.Protobuf;

namespace PxBackup.Persistence.GrainState;

/// <summary>API messages as protobuf's own JSON, with the field names of the proto files.</summary>
internal sealed class MessageConverterFactory : JsonConverterFactory
{
    /// <inheritdoc />
    public override bool CanConvert(Type typeToConvert) =>
        typeof(IMessage).IsAssignableFrom(typeToConvert) && !typeToConvert.IsAbstract && typeToConvert.GetConstructor(Type.EmptyTypes) is not null;

    /// <inheritdoc />
    public override JsonConverter CreateConverter(Type typeToConvert, JsonSerializerOptions options) =>
        (JsonConverter)typeof(MessageConverterFactory).GetMethod(nameof(Converter), BindingFlags.NonPublic | BindingFlags.Static)!
            .MakeGenericMethod(typeToConvert).Invoke(null, null)!;

    private static MessageConverter<T> Converter<T>()
        where T : IMessage, new() => new();

    private sealed class MessageConverter<T> : JsonConverter<T>
        where T : IMessage, new()
    {
        private static readonly JsonFormatter Formatter = new(JsonFormatter.Settings.Default.WithPreserveProtoFieldNames(true));
        private static readonly JsonParser Parser = new(JsonParser.Settings.Default.WithIgnoreUnknownFields(true));

        public override T Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            using var json = JsonDocument.ParseValue(ref reader);
            try
            {
                return (T)Parser.Parse(json.RootElement.GetRawText(), new T().Descriptor);
            }
            catch (Exception failure) when (failure is InvalidProtocolBufferException or InvalidJsonException)
            {
                throw new JsonException($"not a {typeof(T).Name}: {failure.Message}", failure);
            }
        }

        public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options) =>
            writer.WriteRawValue(Formatter.Format(value));
    }
}
