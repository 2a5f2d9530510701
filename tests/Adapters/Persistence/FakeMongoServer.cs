using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using MongoDB.Bson;
using MongoDB.Bson.Serialization;

namespace PxBackup.Tests.Adapters.Persistence;

/// <summary>Says of itself what a test wants, and <c>ok</c> to everything else: for start errors that no server here can show.</summary>
internal sealed class FakeMongoServer : IDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource stop = new();
    private readonly BsonDocument hello;

    public FakeMongoServer(BsonDocument hello)
    {
        this.hello = new BsonDocument
        {
            { "maxBsonObjectSize", 16777216 }, { "maxMessageSizeBytes", 48000000 }, { "maxWriteBatchSize", 100000 }, { "logicalSessionTimeoutMinutes", 30 },
            { "minWireVersion", 0 }, { "maxWireVersion", 21 }, { "isWritablePrimary", true }, { "ismaster", true }, { "ok", 1.0 },
        }.Merge(hello, overwriteExistingElements: true);
        listener.Start();
        _ = AcceptAsync();
    }

    public int Port => ((IPEndPoint)listener.LocalEndpoint).Port;

    public void Dispose()
    {
        stop.Cancel();
        listener.Dispose();
        stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
                _ = ServeAsync(await listener.AcceptTcpClientAsync(stop.Token));
        }
        catch (Exception failure) when (failure is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        try
        {
            using (client)
            {
                var stream = client.GetStream();
                var header = new byte[16];
                while (await stream.ReadAtLeastAsync(header, 16, throwOnEndOfStream: false, stop.Token) == 16)
                {
                    var body = new byte[BinaryPrimitives.ReadInt32LittleEndian(header) - 16];
                    await stream.ReadExactlyAsync(body, stop.Token);
                    var isQuery = BinaryPrimitives.ReadInt32LittleEndian(header.AsSpan(12)) == 2004;
                    await stream.WriteAsync(Answer(BinaryPrimitives.ReadInt32LittleEndian(header.AsSpan(4)), isQuery, AnswerTo(body, isQuery)), stop.Token);
                }
            }
        }
        catch (Exception failure) when (failure is IOException or SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // The driver has gone.
        }
    }

    private BsonDocument AnswerTo(byte[] body, bool isQuery)
    {
        // OP_QUERY: flags 4, collection as text, skip 4, limit 4; OP_MSG: flags 4, section kind 1.
        var start = isQuery ? Array.IndexOf(body, (byte)0, 4) + 9 : 5;
        var length = BinaryPrimitives.ReadInt32LittleEndian(body.AsSpan(start));
        var command = BsonSerializer.Deserialize<BsonDocument>(body.AsSpan(start, length).ToArray());
        return command.GetElement(0).Name.ToUpperInvariant() is "HELLO" or "ISMASTER" ? hello : new BsonDocument("ok", 1.0);
    }

    private static byte[] Answer(int to, bool isReply, BsonDocument document)
    {
        var bson = document.ToBson();
        var prefix = isReply ? 20 : 5;
        var message = new byte[16 + prefix + bson.Length];
        BinaryPrimitives.WriteInt32LittleEndian(message, message.Length);
        BinaryPrimitives.WriteInt32LittleEndian(message.AsSpan(8), to);
        BinaryPrimitives.WriteInt32LittleEndian(message.AsSpan(12), isReply ? 1 : 2013);
        if (isReply)
            message[16 + 16] = 1; // One document.
        bson.CopyTo(message, 16 + prefix);
        return message;
    }
}
