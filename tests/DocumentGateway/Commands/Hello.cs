using MongoDB.Bson;
using PxBackup.DocumentGateway.Wire;

namespace PxBackup.DocumentGateway.Commands;

/// <summary>The greeting: what the server is, and what it can do.</summary>
internal static class Hello
{
    /// <summary>In bytes: MongoDB's limit of one document.</summary>
    public const int LongestDocument = 16 * 1024 * 1024;

    public static async Task<byte[]> AnswerAsync(CommandContext context)
    {
        // A server that has no database is none: the connection is closed, as if nobody were there.
        await context.Gateway.Store.CheckAsync(context.Cancelled);
        var options = context.Gateway.Options;
        var reply = new BsonDocument();
        if (options.Set is { } set)
        {
            reply["hosts"] = new BsonArray { context.Gateway.Address };
            reply["setName"] = set;
            reply["setVersion"] = 1;
            reply["me"] = context.Gateway.Address;
            reply["secondary"] = options.ReadOnly;
            if (!options.ReadOnly)
            {
                reply["primary"] = context.Gateway.Address;
                reply["electionId"] = new ObjectId("7fffffff0000000000000001");
            }
        }
        reply[context.Command.Name == "hello" ? "isWritablePrimary" : "ismaster"] = !options.ReadOnly;
        if (context.Command.Name != "hello") reply["helloOk"] = true;
        reply["maxBsonObjectSize"] = LongestDocument;
        reply["maxMessageSizeBytes"] = WireMessage.Longest;
        reply["maxWriteBatchSize"] = 100_000;
        reply["localTime"] = context.Gateway.Time.GetUtcNow().UtcDateTime;
        reply["logicalSessionTimeoutMinutes"] = 30;
        reply["connectionId"] = context.Authentication.Connection;
        reply["minWireVersion"] = 0;
        reply["maxWireVersion"] = options.WireVersion;
        reply["readOnly"] = false;
        Authenticate(context, reply);
        reply["ok"] = 1.0;
        return reply.ToBson();
    }

    private static void Authenticate(CommandContext context, BsonDocument reply)
    {
        if (context.Gateway.Options.User is null) return;
        var command = context.Command.Read();
        // The same for names that nobody has: they fail later, as a wrong password does.
        if (command.Contains("saslSupportedMechs")) reply["saslSupportedMechs"] = new BsonArray { Authentication.Mechanism };
        if (!command.TryGetValue("speculativeAuthenticate", out var first)) return;
        try
        {
            reply["speculativeAuthenticate"] = context.Authentication.Start(first.AsBsonDocument);
        }
        catch (CommandException)
        {
            // The first step of a login may be left out of the reply: the client then logs in the long way, and is told there.
        }
    }
}
