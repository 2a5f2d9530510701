using System.Collections.Concurrent;
using System.Linq.Expressions;
using System.Text.Json;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;

namespace PxBackup.Gateway.Rest;

/// <summary>How a message type is written and read as JSON; worked out once per type.</summary>
internal sealed class MessageShape
{
    private static readonly ConcurrentDictionary<MessageDescriptor, MessageShape> Shapes = new();

    private readonly Dictionary<string, FieldShape> _byName = new(StringComparer.Ordinal);
    private readonly Dictionary<string, FieldShape>.AlternateLookup<ReadOnlySpan<char>> _bySpan;
    private readonly Func<IMessage> _create;

    private MessageShape(MessageDescriptor descriptor)
    {
        Descriptor = descriptor;
        Fields = [.. descriptor.Fields.InDeclarationOrder().Select(field => new FieldShape(field))];
        foreach (var field in Fields)
        {
            _byName[field.Descriptor.JsonName] = field;
            _byName[field.Descriptor.Name] = field;
        }
        _bySpan = _byName.GetAlternateLookup<ReadOnlySpan<char>>();
        _create = Expression.Lambda<Func<IMessage>>(Expression.New(descriptor.ClrType)).Compile();
        // Duration and Timestamp are JSON values of their own kind, not objects.
        IsValue = descriptor.File.Package == "google.protobuf" && descriptor.Name != "Empty";
    }

    public MessageDescriptor Descriptor { get; }

    public FieldShape[] Fields { get; }

    /// <summary>A well-known type with a JSON form of its own.</summary>
    public bool IsValue { get; }

    public static MessageShape Of(MessageDescriptor descriptor) => Shapes.GetOrAdd(descriptor, static type => new MessageShape(type));

    public IMessage Create() => _create();

    /// <summary>The field by its proto name or its lowerCamel name; null when the type has none.</summary>
    public FieldShape? Find(ReadOnlySpan<char> name) => _bySpan.TryGetValue(name, out var field) ? field : null;
}

/// <summary>One field as JSON.</summary>
internal sealed class FieldShape
{
    private MessageShape? _message;

    public FieldShape(FieldDescriptor field)
    {
        Descriptor = field;
        Name = JsonEncodedText.Encode(field.Name, JsonText.WriterOptions.Encoder);
        Value = Unwrapped(field.IsMap ? field.MessageType.FindFieldByNumber(2) : field);
        Key = field.IsMap ? field.MessageType.FindFieldByNumber(1) : null;
        if (Value.FieldType == FieldType.Enum)
            EnumNames = Value.EnumType.Values.GroupBy(value => value.Number)
                .ToDictionary(group => group.Key, group => JsonEncodedText.Encode(group.First().Name));
    }

    public FieldDescriptor Descriptor { get; }

    public JsonEncodedText Name { get; }

    /// <summary>The field whose type the value has: the field itself, a map's value, or what a wrapper wraps.</summary>
    public FieldDescriptor Value { get; }

    /// <summary>A map's key.</summary>
    public FieldDescriptor? Key { get; }

    /// <summary>Names by number, when the value is an enum.</summary>
    public IReadOnlyDictionary<int, JsonEncodedText>? EnumNames { get; }

    /// <summary>The shape of the value, when it is a message. Looked up late: types may contain themselves.</summary>
    public MessageShape Message => _message ??= MessageShape.Of(Value.MessageType);

    // A BoolValue is a bare true or false in JSON and a bool? in C#: like a bool with presence.
    private static FieldDescriptor Unwrapped(FieldDescriptor field) =>
        field.FieldType == FieldType.Message && field.MessageType.File == WrappersReflection.Descriptor ? field.MessageType.FindFieldByNumber(1) : field;
}
