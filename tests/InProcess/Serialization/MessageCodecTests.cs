using System.Collections;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Serialization;
using PxBackup.Api;
using PxBackup.Grains.Interfaces.Serialization;
using Xunit;

namespace PxBackup.Tests.InProcess.Serialization;

public sealed class MessageCodecTests : IDisposable
{
    private readonly ServiceProvider _services = new ServiceCollection().AddSerializer().AddMessageCodec().BuildServiceProvider();

    public static TheoryData<string> MessageNames => [.. Types().Select(type => type.FullName)];

    public void Dispose() => _services.Dispose();

    [Theory]
    [MemberData(nameof(MessageNames))]
    public void Every_message_of_the_contract_survives_the_journey_and_is_copied_deeply(string name)
    {
        var message = Filled(Types().Single(type => type.FullName == name), depth: 3);
        var serializer = _services.GetRequiredService<Serializer>();

        var arrived = serializer.Deserialize<object>(serializer.SerializeToArray<object>(message));
        var copy = _services.GetRequiredService<DeepCopier>().Copy<object>(message);

        Assert.Equal(message, arrived);
        Assert.Equal(message, copy);
        Assert.NotSame(message, copy);
    }

    [Fact]
    public void A_change_of_the_copy_does_not_reach_the_original()
    {
        var original = new BackupObject { Metadata = new() { Name = "a", Labels = { ["k"] = "v" } } };

        var copy = _services.GetRequiredService<DeepCopier>().Copy(original);
        copy.Metadata.Labels["k"] = "changed";

        Assert.Equal("v", original.Metadata.Labels["k"]);
    }

    [Fact]
    public void One_message_met_twice_stays_one_message()
    {
        var message = new Metadata { Name = "a" };
        var serializer = _services.GetRequiredService<Serializer>();

        var arrived = serializer.Deserialize<object[]>(serializer.SerializeToArray<object[]>([message, message]));

        Assert.Same(arrived![0], arrived[1]);
    }

    [Fact]
    public void A_message_type_that_is_not_generated_is_not_carried()
    {
        var codec = _services.GetRequiredService<MessageCodec>();

        Assert.False(codec.IsSupportedType(typeof(IMessage)));
        Assert.False(codec.IsSupportedType(typeof(Stray)));
        Assert.Null(codec.IsTypeAllowed(typeof(Stray)));
        Assert.ThrowsAny<Exception>(() => _services.GetRequiredService<Serializer>().SerializeToArray<object>(new Stray()));
    }

    private static IEnumerable<MessageDescriptor> Types() =>
        Contract.Files.SelectMany(file => file.MessageTypes).SelectMany(WithNested).Where(type => type.ClrType is not null);

    private static IEnumerable<MessageDescriptor> WithNested(MessageDescriptor type) =>
        type.NestedTypes.SelectMany(WithNested).Prepend(type);

    private static IMessage Filled(MessageDescriptor type, int depth)
    {
        var message = (IMessage)Activator.CreateInstance(type.ClrType)!;
        foreach (var field in type.Fields.InDeclarationOrder())
        {
            if (field.FieldType == FieldType.Message && !field.IsMap && depth == 0)
                continue;
            if (field.IsMap)
                FillMap((IDictionary)field.Accessor.GetValue(message), field, depth);
            else if (field.IsRepeated)
                ((IList)field.Accessor.GetValue(message)).Add(Value(field, depth));
            else
                field.Accessor.SetValue(message, Value(field, depth));
        }

        return message;
    }

    private static void FillMap(IDictionary map, FieldDescriptor field, int depth)
    {
        var value = field.MessageType.FindFieldByNumber(2);
        if (value.FieldType != FieldType.Message || depth > 0)
            map[Value(field.MessageType.FindFieldByNumber(1), depth)] = Value(value, depth);
    }

    private static object Value(FieldDescriptor field, int depth) => field.FieldType switch
    {
        // A wrapper such as BoolValue is a plain nullable in C#.
        FieldType.Message when field.MessageType.File.Name == "google/protobuf/wrappers.proto" => Value(field.MessageType.FindFieldByNumber(1), depth),
        FieldType.Message => Filled(field.MessageType, depth - 1),
        FieldType.Enum => Enum.ToObject(field.EnumType.ClrType, field.EnumType.Values[^1].Number),
        FieldType.String => "text-" + field.Name,
        FieldType.Bool => true,
        FieldType.Bytes => ByteString.CopyFromUtf8(field.Name),
        FieldType.Double => 1.5,
        FieldType.Float => 1.5f,
        FieldType.Int64 or FieldType.SInt64 or FieldType.SFixed64 => 7L,
        FieldType.UInt64 or FieldType.Fixed64 => 7UL,
        FieldType.UInt32 or FieldType.Fixed32 => 7U,
        _ => 7,
    };

    private sealed class Stray
    {
        public string Text { get; } = "";
    }
}
