using MongoDB.Bson;
using MongoDB.Bson.Serialization;

namespace PxBackup.DocumentGateway.Commands;

/// <summary>Collections, indexes and databases.</summary>
internal static class Administration
{
    public static async Task<byte[]> CreateIndexesAsync(CommandContext context)
    {
        var reply = Flat(await context.DocumentAsync(
            "SELECT documentdb_api_internal.create_indexes_non_concurrently($1, $2, true)::bytea", context.Command.Database, context.Command.Document));
        if (reply.Contains("code")) reply["code"] = ErrorCodes.FromPacked(reply["code"].ToInt32());
        return reply.ToBson();
    }

    public static async Task<byte[]> DropIndexesAsync(CommandContext context) => Flat(await context.DocumentAsync(
        "SELECT documentdb_api_internal.drop_indexes_non_concurrently($1, $2)::bytea", context.Command.Database, context.Command.Document)).ToBson();

    public static Task<byte[]> CreateAsync(CommandContext context) =>
        context.DocumentAsync("SELECT documentdb_api.create_collection_view($1, $2)::bytea", context.Command.Database, context.Command.Document);

    /// <summary>A collection that is not there counts as dropped, as since MongoDB 7.0.</summary>
    public static async Task<byte[]> DropAsync(CommandContext context)
    {
        await context.CallAsync("SELECT documentdb_api.drop_collection($1, $2)", context.Command.Database, context.Command.Collection);
        return Answers.Done(("ns", $"{context.Command.Database}.{context.Command.Collection}"));
    }

    public static async Task<byte[]> DropDatabaseAsync(CommandContext context)
    {
        await context.CallAsync("SELECT documentdb_api.drop_database($1)::text", context.Command.Database);
        return Answers.Done(("dropped", context.Command.Database));
    }

    public static async Task<byte[]> RenameAsync(CommandContext context)
    {
        var command = context.Command.Read();
        var (from, to) = (Split(command["renameCollection"].AsString), Split(command["to"].AsString));
        if (from.Database != to.Database) throw new CommandException(ErrorCodes.CommandNotSupported, "a collection cannot be moved to another database here");
        await context.CallAsync(
            "SELECT documentdb_api.rename_collection($1, $2, $3, $4)::text", from.Database, from.Collection, to.Collection, command.GetValue("dropTarget", false).ToBoolean());
        return Answers.Done();

        static (string Database, string Collection) Split(string name) => name.Split('.', 2) is [var database, var collection]
            ? (database, collection)
            : throw new CommandException(73, $"Invalid namespace specified '{name}'");
    }

    public static async Task<byte[]> CollModAsync(CommandContext context) => Flat(await context.DocumentAsync(
        "SELECT documentdb_api.coll_mod($1, $2, $3)::bytea", context.Command.Database, context.Command.Collection, context.Command.Document)).ToBson();

    public static Task<byte[]> CollStatsAsync(CommandContext context) =>
        context.DocumentAsync("SELECT documentdb_api.coll_stats($1, $2, $3)::bytea", context.Command.Database, context.Command.Collection, Scale(context));

    public static Task<byte[]> DbStatsAsync(CommandContext context) =>
        context.DocumentAsync("SELECT documentdb_api.db_stats($1, $2)::bytea", context.Command.Database, Scale(context));

    public static Task<byte[]> ValidateAsync(CommandContext context) =>
        context.DocumentAsync("SELECT documentdb_api.validate($1, $2)::bytea", context.Command.Database, context.Command.Document);

    public static Task<byte[]> ListDatabasesAsync(CommandContext context) =>
        context.DocumentAsync("SELECT documentdb_api.list_databases($1)::bytea", context.Command.Document);

    private static double Scale(CommandContext context) => context.Command.Read().GetValue("scale", 1).ToDouble();

    /// <summary>DocumentDB answers as a sharded cluster does, with one shard; a replica set answers without that layer.</summary>
    private static BsonDocument Flat(byte[] bytes)
    {
        var reply = BsonSerializer.Deserialize<BsonDocument>(bytes);
        return reply.TryGetValue("raw", out var raw) && raw.AsBsonDocument.TryGetValue("defaultShard", out var shard) ? shard.AsBsonDocument : reply;
    }
}
