using MongoDB.Bson;
using MongoDB.Bson.Serialization;

namespace PxBackup.DocumentGateway.Commands;

/// <summary>Queries, and the cursors that they leave open.</summary>
internal static class Reads
{
    public static Task<byte[]> FindAsync(CommandContext context) => FirstPageAsync(context, "find");

    public static Task<byte[]> AggregateAsync(CommandContext context) => FirstPageAsync(context, "aggregate");

    public static Task<byte[]> ListCollectionsAsync(CommandContext context) => FirstPageAsync(context, "list_collections");

    public static Task<byte[]> ListIndexesAsync(CommandContext context) => FirstPageAsync(context, "list_indexes");

    public static Task<byte[]> CountAsync(CommandContext context) =>
        context.DocumentAsync("SELECT documentdb_api.count_query($1, $2)::bytea", context.Command.Database, context.Command.Document);

    public static Task<byte[]> DistinctAsync(CommandContext context) =>
        context.DocumentAsync("SELECT documentdb_api.distinct_query($1, $2)::bytea", context.Command.Database, context.Command.Document);

    public static async Task<byte[]> GetMoreAsync(CommandContext context)
    {
        var command = context.Command;
        var id = command.Read()["getMore"].ToInt64();
        var row = await context.CallAsync(
            "SELECT cursorpage::bytea, continuation::bytea FROM documentdb_api.cursor_get_more($1, $2, $3)",
            command.Database, command.Document, context.Gateway.Cursors.Continuation(id, command.Database));
        if (row[1] is byte[] continuation) context.Gateway.Cursors.Keep(id, command.Database, continuation);
        else context.Gateway.Cursors.Forget(id);
        return (byte[])row[0]!;
    }

    public static async Task<byte[]> KillCursorsAsync(CommandContext context)
    {
        BsonArray killed = [], unknown = [];
        foreach (var id in context.Command.Read()["cursors"].AsBsonArray)
        {
            if (!context.Gateway.Cursors.Forget(id.ToInt64()))
            {
                unknown.Add(id);
                continue;
            }
            await context.CallAsync("SELECT documentdb_api_internal.delete_cursors(ARRAY[$1])::bytea", id.ToInt64());
            killed.Add(id);
        }
        return new BsonDocument { { "cursorsKilled", killed }, { "cursorsNotFound", unknown }, { "cursorsAlive", new BsonArray() }, { "cursorsUnknown", new BsonArray() }, { "ok", 1.0 } }.ToBson();
    }

    /// <summary>What PostgreSQL plans: its own words, and as far as a test may want to know, MongoDB's.</summary>
    public static async Task<byte[]> ExplainAsync(CommandContext context)
    {
        var explained = context.Command.Read()["explain"].AsBsonDocument;
        var name = explained.GetElement(0).Name;
        var function = name switch
        {
            "find" => "bson_aggregation_find",
            "aggregate" => "bson_aggregation_pipeline",
            "count" => "bson_aggregation_count",
            "distinct" => "bson_aggregation_distinct",
            _ => throw new CommandException(ErrorCodes.CommandNotSupported, $"{name} cannot be explained here"),
        };
        // EXPLAIN takes no parameters: the document goes there as hexadecimal digits, and the name quoted.
        var database = context.Command.Database.Replace("'", "''", StringComparison.Ordinal);
        var row = await context.CallAsync(
            $"EXPLAIN (ANALYZE, FORMAT JSON) SELECT document FROM documentdb_api_catalog.{function}('{database}', '\\x{Convert.ToHexString(explained.ToBson())}'::bytea)");
        var plan = BsonSerializer.Deserialize<BsonArray>((string)row[0]!)[0].AsBsonDocument;
        var indexes = Nodes(plan["Plan"].AsBsonDocument).Select(node => node.GetValue("Index Name", BsonNull.Value)).Where(index => index.IsString).ToList();
        var winning = indexes.Count == 0
            ? new BsonDocument("stage", "COLLSCAN")
            : new BsonDocument { { "stage", "FETCH" }, { "inputStage", new BsonDocument { { "stage", "IXSCAN" }, { "indexName", indexes[0] } } } };
        return new BsonDocument
        {
            { "queryPlanner", new BsonDocument { { "namespace", $"{context.Command.Database}.{explained[0]}" }, { "winningPlan", winning } } },
            { "executionStats", new BsonDocument { { "executionSuccess", true }, { "nReturned", plan["Plan"].AsBsonDocument.GetValue("Actual Rows", 0).ToInt64() } } },
            { "postgres", plan },
            { "ok", 1.0 },
        }.ToBson();
    }

    private static IEnumerable<BsonDocument> Nodes(BsonDocument node) =>
        node.GetValue("Plans", new BsonArray()).AsBsonArray.SelectMany(child => Nodes(child.AsBsonDocument)).Prepend(node);

    private static async Task<byte[]> FirstPageAsync(CommandContext context, string function)
    {
        var command = context.Command;
        var row = await context.CallAsync(
            $"SELECT cursorpage::bytea, continuation::bytea, persistconnection, cursorid FROM documentdb_api.{function}_cursor_first_page($1, $2)", command.Database, command.Document);
        if (row[1] is byte[] continuation)
        {
            // With documentdb.useFileBasedPersistedCursors nothing of a cursor rests in a connection.
            if (row[2] is true) throw new CommandException(ErrorCodes.InternalError, "DocumentDB keeps this cursor in a connection: set documentdb.useFileBasedPersistedCursors=on");
            context.Gateway.Cursors.Keep((long)row[3]!, command.Database, continuation);
        }
        return (byte[])row[0]!;
    }
}
