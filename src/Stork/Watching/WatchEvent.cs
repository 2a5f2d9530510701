using System.Buffers;
using System.Text.Json;

namespace PxBackup.Stork;

internal enum WatchEventType
{
    Unknown,
    Added,
    Modified,
    Deleted,
    Bookmark,
    Error,
}

/// <summary>One line of a watch, decoded in one pass.</summary>
internal readonly record struct WatchEvent(WatchEventType Type, ProjectionParts Object)
{
    // Stork's resources nest about ten deep; managedFields repeat that.
    private static readonly JsonReaderOptions Options = new() { MaxDepth = 128 };

    /// <exception cref="JsonException">The line is no JSON object.</exception>
    public static WatchEvent Decode(in ReadOnlySequence<byte> line, StorkKind kind, string? uidLabel)
    {
        var reader = new Utf8JsonReader(line, Options);
        var type = WatchEventType.Unknown;
        var parts = ProjectionParts.Empty(kind);
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            throw new JsonException("A line of the watch is not an object.");
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isType = reader.ValueTextEquals("type"u8);
            var isObject = !isType && reader.ValueTextEquals("object"u8);
            reader.Read();
            if (isType)
                type = TypeOf(ref reader);
            else if (isObject)
                parts = ProjectionReader.Read(ref reader, kind, uidLabel);
            else
                _ = reader.TrySkip();
        }

        _ = reader.Read();   // Anything but white space after the object is an error.
        return new WatchEvent(type, parts);
    }

    private static WatchEventType TypeOf(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.String)
        {
            _ = reader.TrySkip();
            return WatchEventType.Unknown;
        }

        return reader.ValueTextEquals("MODIFIED"u8) ? WatchEventType.Modified
            : reader.ValueTextEquals("ADDED"u8) ? WatchEventType.Added
            : reader.ValueTextEquals("BOOKMARK"u8) ? WatchEventType.Bookmark
            : reader.ValueTextEquals("DELETED"u8) ? WatchEventType.Deleted
            : reader.ValueTextEquals("ERROR"u8) ? WatchEventType.Error
            : WatchEventType.Unknown;
    }
}
