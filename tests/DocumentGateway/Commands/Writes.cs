using MongoDB.Bson;
using MongoDB.Bson.Serialization;
using PxBackup.DocumentGateway.Postgres;
using PxBackup.DocumentGateway.Wire;

namespace PxBackup.DocumentGateway.Commands;

/// <summary>insert, update, delete and findAndModify.</summary>
internal static class Writes
{
    public static Task<byte[]> InsertAsync(CommandContext context) => WriteAsync(context, "insert", "documents");

    public static Task<byte[]> UpdateAsync(CommandContext context) => WriteAsync(context, "update", "updates");

    public static Task<byte[]> DeleteAsync(CommandContext context) => WriteAsync(context, "delete", "deletes");

    public static async Task<byte[]> FindAndModifyAsync(CommandContext context)
    {
        var command = context.Command;
        var row = command.IsRetryable
            ? await OnceAsync(context, "find_and_modify", null)
            : await context.CallAsync("SELECT p_result::bytea, p_success FROM documentdb_api.find_and_modify($1, $2)", command.Database, command.Document);
        return Result(row, command);
    }

    private static async Task<byte[]> WriteAsync(CommandContext context, string function, string statements)
    {
        var command = context.Command;
        var documents = command.Sequence(statements);
        var row = command.IsRetryable
            ? await OnceAsync(context, function, documents)
            : await context.CallAsync($"SELECT p_result::bytea, p_success FROM documentdb_api.{function}($1, $2, $3)", command.Database, command.Document, documents);
        return Result(row, command);
    }

    private static async Task<object?[]> OnceAsync(CommandContext context, string function, ReadOnlyMemory<byte>? documents)
    {
        var command = context.Command;
        await context.Gateway.RetryableWrites.PrepareAsync(context.Gateway.Store, context.Cancelled);
        return await context.CallAsync(RetryableWrites.Once, command.Session, command.TransactionNumber, function, command.Database, command.Document, documents);
    }

    private static byte[] Result(object?[] row, Command command)
    {
        var bytes = (byte[])row[0]!;
        if (row[1] is true) return bytes;
        var reply = BsonSerializer.Deserialize<BsonDocument>(bytes);
        foreach (var error in reply.GetValue("writeErrors", new BsonArray()).AsBsonArray)
            Translate(error.AsBsonDocument, command);
        if (reply.Contains("code")) Translate(reply, command);
        return reply.ToBson();
    }

    private static void Translate(BsonDocument error, Command command)
    {
        var code = ErrorCodes.FromPacked(error["code"].ToInt32());
        error["code"] = code;
        if (code != ErrorCodes.DuplicateKey) return;
        error["errmsg"] = DuplicateKey(error.GetValue("errmsg", "").AsString, command);
    }

    /// <summary>MongoDB's own words for a taken key: clients find the index's name in them. The taken value is not known here.</summary>
    public static string DuplicateKey(string message, Command command)
    {
        var start = message.IndexOf("Index '", StringComparison.Ordinal);
        var end = start < 0 ? -1 : message.IndexOf('\'', start + 7);
        var index = end < 0 ? "unknown" : message[(start + 7)..end];
        return $"E11000 duplicate key error collection: {command.Database}.{command.Collection} index: {index} dup key: {{ }}";
    }
}
