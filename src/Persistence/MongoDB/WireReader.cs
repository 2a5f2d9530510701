using System.Buffers.Binary;
using Google.Protobuf;

namespace PxBackup.Persistence.MongoDB;

/// <summary>Protobuf's wire format, value by value. Bounds are checked; the bytes come from Google.Protobuf or were checked by it.</summary>
internal ref struct WireReader(ReadOnlySpan<byte> bytes)
{
    private readonly ReadOnlySpan<byte> all = bytes;

    /// <summary>Where the next value begins.</summary>
    public int Position { get; private set; }

    /// <summary>Whether all was read.</summary>
    public readonly bool IsAtEnd => Position == all.Length;

    /// <summary>The bytes from <paramref name="start"/> to here.</summary>
    public readonly ReadOnlySpan<byte> Since(int start) => all[start..Position];

    public (int Field, WireFormat.WireType Type) ReadTag()
    {
        var tag = (uint)ReadVarint();
        return (WireFormat.GetTagFieldNumber(tag), WireFormat.GetTagWireType(tag));
    }

    public ulong ReadVarint()
    {
        ulong value = 0;
        for (var shift = 0; shift < 64; shift += 7)
        {
            if (Position >= all.Length)
                throw Truncated();
            var b = all[Position++];
            value |= (ulong)(b & 0x7F) << shift;
            if (b < 0x80)
                return value;
        }

        throw Truncated();
    }

    public uint ReadFixed32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(4));

    public ulong ReadFixed64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(8));

    public ReadOnlySpan<byte> ReadBytes()
    {
        var length = ReadVarint();
        return length <= int.MaxValue ? Take((int)length) : throw Truncated();
    }

    /// <summary>Leaves out the value of a tag; groups with all that is in them.</summary>
    public void Skip(int field, WireFormat.WireType type)
    {
        switch (type)
        {
            case WireFormat.WireType.Varint:
                ReadVarint();
                break;
            case WireFormat.WireType.Fixed32:
                Take(4);
                break;
            case WireFormat.WireType.Fixed64:
                Take(8);
                break;
            case WireFormat.WireType.LengthDelimited:
                ReadBytes();
                break;
            case WireFormat.WireType.StartGroup:
                for (var inner = ReadTag(); inner != (field, WireFormat.WireType.EndGroup); inner = ReadTag())
                    Skip(inner.Field, inner.Type);
                break;
            default:
                throw Truncated();
        }
    }

    private ReadOnlySpan<byte> Take(int length)
    {
        if (length > all.Length - Position)
            throw Truncated();
        var taken = all.Slice(Position, length);
        Position += length;
        return taken;
    }

    private static FormatException Truncated() => new("the message's bytes are cut or malformed");
}
