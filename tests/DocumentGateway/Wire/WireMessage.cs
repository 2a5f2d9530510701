using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace PxBackup.DocumentGateway.Wire;

/// <summary>A message of the client: its command and what the header says about the reply.</summary>
/// <param name="RequestId">What the reply refers to.</param>
/// <param name="Command">The command.</param>
/// <param name="Legacy">It came as OP_QUERY and is answered with OP_REPLY.</param>
/// <param name="Silent">The client wants no reply (unacknowledged write).</param>
internal sealed record WireMessage(int RequestId, Command Command, bool Legacy, bool Silent)
{
    /// <summary>The longest message, in bytes: what a MongoDB says in its greeting (maxMessageSizeBytes).</summary>
    public const int Longest = 48_000_000;

    private const int Header = 16;
    private const int OpReply = 1;
    private const int OpQuery = 2004;
    private const int OpMsg = 2013;
    private const int ChecksumPresent = 1;
    private const int MoreToCome = 2;

    /// <summary>Optional bits may be set by newer clients; one of these that is not known changes the meaning.</summary>
    private const int RequiredBits = 0xFFFF & ~(ChecksumPresent | MoreToCome);

    /// <summary>The next message; nothing when the client has gone.</summary>
    /// <exception cref="WireException">The bytes are no message that this server understands.</exception>
    public static async Task<WireMessage?> ReadAsync(Stream stream, CancellationToken cancellationToken)
    {
        var header = new byte[Header];
        var read = await stream.ReadAtLeastAsync(header, Header, throwOnEndOfStream: false, cancellationToken);
        if (read < Header) return read == 0 ? null : throw new WireException("A message is cut off.");
        var length = BinaryPrimitives.ReadInt32LittleEndian(header);
        if (length is < Header + 5 or > Longest) throw new WireException($"A message claims {length} bytes.");
        var message = new byte[length];
        header.CopyTo(message, 0);
        await stream.ReadExactlyAsync(message.AsMemory(Header), cancellationToken);
        return Parse(message);
    }

    /// <summary>The reply to this message, from a BSON document.</summary>
    public byte[] Reply(byte[] document, int id)
    {
        var before = Header + (Legacy ? 20 : 5);
        var reply = new byte[before + document.Length];
        BinaryPrimitives.WriteInt32LittleEndian(reply, reply.Length);
        BinaryPrimitives.WriteInt32LittleEndian(reply.AsSpan(4), id);
        BinaryPrimitives.WriteInt32LittleEndian(reply.AsSpan(8), RequestId);
        BinaryPrimitives.WriteInt32LittleEndian(reply.AsSpan(12), Legacy ? OpReply : OpMsg);
        if (Legacy)
        {
            BinaryPrimitives.WriteInt32LittleEndian(reply.AsSpan(16), 8); // AwaitCapable, as every server says
            BinaryPrimitives.WriteInt32LittleEndian(reply.AsSpan(32), 1); // one document
        }
        document.CopyTo(reply, before);
        return reply;
    }

    private static WireMessage Parse(byte[] message)
    {
        var id = BinaryPrimitives.ReadInt32LittleEndian(message.AsSpan(4));
        var code = BinaryPrimitives.ReadInt32LittleEndian(message.AsSpan(12));
        return code switch
        {
            OpMsg => ParseMessage(id, message),
            OpQuery => ParseQuery(id, message),
            _ => throw new WireException($"Operation {code} is not understood."),
        };
    }

    private static WireMessage ParseMessage(int id, byte[] message)
    {
        var flags = BinaryPrimitives.ReadInt32LittleEndian(message.AsSpan(Header));
        if ((flags & RequiredBits) != 0) throw new WireException($"The flags {flags:x} of a message are not understood.");
        var rest = message.AsMemory(Header + 4);
        if ((flags & ChecksumPresent) != 0)
        {
            if (rest.Length < 4 || BinaryPrimitives.ReadUInt32LittleEndian(rest.Span[^4..]) != Checksum(message.AsSpan(..^4))) throw new WireException("The checksum of a message is wrong.");
            rest = rest[..^4];
        }
        ReadOnlyMemory<byte>? body = null;
        var sequences = new Dictionary<string, ReadOnlyMemory<byte>>();
        while (rest.Length > 0)
        {
            var kind = rest.Span[0];
            rest = rest[1..];
            var length = kind switch
            {
                0 when body is null => RawBson.LengthOf(rest.Span),
                1 when rest.Length >= 4 => BinaryPrimitives.ReadInt32LittleEndian(rest.Span),
                _ => throw new WireException($"A section of kind {kind} is not understood here."),
            };
            if (length < 5 || length > rest.Length) throw new WireException("A section is cut off.");
            if (kind == 0) body = rest[..length];
            else AddSequence(rest[4..length]);
            rest = rest[length..];
        }
        var command = Command.Parse(body ?? throw new WireException("A message has no body."), sequences);
        return new(id, command, false, (flags & MoreToCome) != 0);

        void AddSequence(ReadOnlyMemory<byte> section)
        {
            var end = section.Span.IndexOf((byte)0);
            if (end < 0 || !sequences.TryAdd(Encoding.UTF8.GetString(section.Span[..end]), section[(end + 1)..])) throw new WireException("A section has no name of its own.");
            for (var documents = section.Span[(end + 1)..]; documents.Length > 0;) documents = documents[RawBson.LengthOf(documents)..];
        }
    }

    private static WireMessage ParseQuery(int id, byte[] message)
    {
        // flags, "database.$cmd", how many to skip and to return, the command
        var name = message.AsSpan(Header + 4);
        var end = name.IndexOf((byte)0);
        const string Suffix = ".$cmd";
        var text = end < 0 ? "" : Encoding.UTF8.GetString(name[..end]);
        var document = Header + 4 + end + 1 + 8;
        if (!text.EndsWith(Suffix, StringComparison.Ordinal) || document >= message.Length) throw new WireException("A query that is no command is not understood.");
        return new(id, Command.ParseLegacy(message.AsMemory(document), text[..^Suffix.Length]), true, false);
    }

    /// <summary>CRC-32C, as the protocol wants it.</summary>
    private static uint Checksum(ReadOnlySpan<byte> bytes)
    {
        var sum = uint.MaxValue;
        foreach (var one in bytes) sum = BitOperations.Crc32C(sum, one);
        return ~sum;
    }
}
