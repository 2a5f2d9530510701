using System.Buffers;
using System.Collections.Concurrent;
using System.Reflection;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Orleans.Serialization;
using Orleans.Serialization.Buffers;
using Orleans.Serialization.Cloning;
using Orleans.Serialization.Codecs;
using Orleans.Serialization.Serializers;
using Orleans.Serialization.WireProtocol;

namespace PxBackup.Grains.Interfaces.Serialization;

/// <summary>
/// Carries protobuf messages in grain calls (DESIGN D1): the message's own bytes on the wire, <c>Clone()</c> for the
/// copier. The field's header names the message's type; only generated message types of ours are admitted.
/// </summary>
public sealed class MessageCodec : IGeneralizedCodec, IGeneralizedCopier, ITypeFilter
{
    private static readonly ConcurrentDictionary<Type, MessageDescriptor?> Descriptors = new();

    /// <inheritdoc cref="IGeneralizedCodec" />
    public bool IsSupportedType(Type type) => DescriptorOf(type) is not null;

    /// <inheritdoc />
    public bool? IsTypeAllowed(Type type) => IsSupportedType(type) ? true : null;

    /// <inheritdoc />
    public void WriteField<TBufferWriter>(ref Writer<TBufferWriter> writer, uint fieldIdDelta, Type? expectedType, object? value)
        where TBufferWriter : IBufferWriter<byte>
    {
        if (ReferenceCodec.TryWriteReferenceField(ref writer, fieldIdDelta, expectedType!, value))
            return;

        var message = (IMessage)value!;
        var size = message.CalculateSize();
        // The type is written even where it is the expected one: this codec serves all messages, and a reader is not told what
        // was expected.
        writer.WriteFieldHeader(fieldIdDelta, typeof(IMessage), message.GetType(), WireType.LengthPrefixed);
        writer.WriteVarUInt32((uint)size);
        var buffer = ArrayPool<byte>.Shared.Rent(Math.Max(size, 1));
        try
        {
            message.WriteTo(buffer.AsSpan(0, size));
            writer.Write(buffer.AsSpan(0, size));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <inheritdoc />
    public object ReadValue<TInput>(ref Reader<TInput> reader, Field field)
    {
        if (field.IsReference)
            return ReferenceCodec.ReadReference(ref reader, field.FieldType!)!;

        field.EnsureWireType(WireType.LengthPrefixed);
        var place = ReferenceCodec.CreateRecordPlaceholder(reader.Session);
        var size = reader.ReadVarUInt32();
        var descriptor = (field.FieldType is { } type ? DescriptorOf(type) : null)
            ?? throw new IllegalTypeException($"'{field.FieldType}' is not a message of this product");
        var message = descriptor.Parser.ParseFrom(reader.ReadBytes(size));
        ReferenceCodec.RecordObject(reader.Session, message, place);
        return message;
    }

    /// <inheritdoc />
    public object? DeepCopy(object? input, CopyContext context)
    {
        if (input is null)
            return null;
        if (context.TryGetCopy(input, out object? known))
            return known;

        var copy = Cloners.GetOrAdd(input.GetType(), MakeCloner)(input);
        context.RecordCopy(input, copy);
        return copy;
    }

    private static readonly ConcurrentDictionary<Type, Func<object, object>> Cloners = new();

    private static readonly MethodInfo OpenCloner =
        typeof(MessageCodec).GetMethod(nameof(Clone), BindingFlags.NonPublic | BindingFlags.Static)!;

    private static Func<object, object> MakeCloner(Type type) =>
        OpenCloner.MakeGenericMethod(type).CreateDelegate<Func<object, object>>();

    private static object Clone<T>(object message)
        where T : IDeepCloneable<T> => ((T)message).Clone();

    private static MessageDescriptor? DescriptorOf(Type type) => Descriptors.GetOrAdd(type, static candidate =>
        typeof(IMessage).IsAssignableFrom(candidate) && candidate is { IsClass: true, IsAbstract: false }
            ? candidate.GetProperty("Descriptor", BindingFlags.Public | BindingFlags.Static)?.GetValue(null) as MessageDescriptor
            : null);
}
