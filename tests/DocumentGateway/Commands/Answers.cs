using MongoDB.Bson;

namespace PxBackup.DocumentGateway.Commands;

/// <summary>Replies that need no database.</summary>
internal static class Answers
{
    public static byte[] Done(params (string Name, BsonValue Value)[] fields)
    {
        var reply = new BsonDocument();
        foreach (var (name, value) in fields) reply[name] = value;
        reply["ok"] = 1.0;
        return reply.ToBson();
    }

    public static Task<byte[]> NothingAsync(CommandContext context) => Task.FromResult(Done());

    public static async Task<byte[]> PingAsync(CommandContext context)
    {
        await context.Gateway.Store.CheckAsync(context.Cancelled);
        return Done();
    }

    public static Task<byte[]> BuildInfoAsync(CommandContext context)
    {
        var version = VersionOf(context.Gateway.Options.WireVersion);
        return Task.FromResult(Done(
            ("version", version), ("gitVersion", "documentdb"), ("modules", new BsonArray()), ("sysInfo", "deprecated"),
            ("versionArray", new BsonArray(version.Split('.').Select(int.Parse).Append(0))), ("bits", 64), ("debug", false), ("maxBsonObjectSize", Hello.LongestDocument)));
    }

    public static Task<byte[]> ServerStatusAsync(CommandContext context) => Task.FromResult(Done(
        ("host", context.Gateway.Address), ("version", VersionOf(context.Gateway.Options.WireVersion)), ("process", "mongod"), ("pid", (long)Environment.ProcessId),
        ("connections", new BsonDocument { { "current", context.Gateway.Connections }, { "available", 10_000 } })));

    public static Task<byte[]> ParameterAsync(CommandContext context) =>
        throw new CommandException(72, "no option found to get");

    public static Task<byte[]> ConnectionStatusAsync(CommandContext context) => Task.FromResult(Done(
        ("authInfo", new BsonDocument
        {
            { "authenticatedUsers", context.Authentication.User is { } user ? new BsonArray { new BsonDocument { { "user", user }, { "db", "admin" } } } : [] },
            { "authenticatedUserRoles", new BsonArray() },
        })));

    public static Task<byte[]> ReplicaSetStatusAsync(CommandContext context)
    {
        var set = context.Gateway.Options.Set ?? throw new CommandException(76, "not running with --replSet");
        var state = context.Gateway.Options.ReadOnly ? 2 : 1;
        return Task.FromResult(Done(
            ("set", set), ("myState", state),
            ("members", new BsonArray { new BsonDocument { { "_id", 0 }, { "name", context.Gateway.Address }, { "health", 1.0 }, { "state", state }, { "stateStr", state == 1 ? "PRIMARY" : "SECONDARY" }, { "self", true } } })));
    }

    public static async Task<byte[]> EndSessionsAsync(CommandContext context)
    {
        foreach (var session in context.Command.Read()[0].AsBsonArray)
            await context.Gateway.Transactions.ForgetAsync(Convert.ToHexStringLower(session["id"].AsBsonBinaryData.Bytes));
        return Done();
    }

    public static async Task<byte[]> CommitAsync(CommandContext context)
    {
        await context.Gateway.Transactions.CommitAsync(context.Command, context.Cancelled);
        return Done();
    }

    public static async Task<byte[]> AbortAsync(CommandContext context)
    {
        if (context.Command.Session is { } session) await context.Gateway.Transactions.AbortAsync(session);
        return Done();
    }

    public static Task<byte[]> FailPointAsync(CommandContext context)
    {
        context.Gateway.FailPoints.Configure(context.Command.Read());
        return NothingAsync(context);
    }

    /// <summary>The release that first spoke a wire version.</summary>
    private static string VersionOf(int wire) => wire switch
    {
        >= 25 => "8.0.0", >= 21 => "7.0.0", >= 17 => "6.0.0", >= 13 => "5.0.0", >= 9 => "4.4.0", 8 => "4.2.0", 7 => "4.0.0", 6 => "3.6.0", _ => "3.4.0",
    };
}
