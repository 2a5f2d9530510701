using MongoDB.Bson;

namespace PxBackup.DocumentGateway.Commands;

/// <summary>A command is refused; the client gets this error and keeps its connection.</summary>
internal sealed class CommandException(int code, string message, params string[] labels) : Exception(message)
{
    public const string Transient = "TransientTransactionError";
    public const string Retryable = "RetryableWriteError";

    public int Code { get; } = code;

    public IReadOnlyList<string> Labels { get; } = labels;

    public BsonDocument Reply()
    {
        var reply = new BsonDocument { { "ok", 0.0 }, { "errmsg", Message }, { "code", Code }, { "codeName", ErrorCodes.NameOf(Code) } };
        if (Labels.Count > 0) reply["errorLabels"] = new BsonArray(Labels);
        return reply;
    }
}

/// <summary>The server behaves as one that dies: the connection is closed without a reply.</summary>
internal sealed class ServerGoneException(string message, Exception? inner = null) : Exception(message, inner);
