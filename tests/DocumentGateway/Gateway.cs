using MongoDB.Bson;
using MongoDB.Bson.Serialization;
using PxBackup.DocumentGateway.Commands;
using PxBackup.DocumentGateway.Postgres;
using PxBackup.DocumentGateway.Wire;

namespace PxBackup.DocumentGateway;

/// <summary>What all connections share, and how one command is answered.</summary>
internal sealed class Gateway : IAsyncDisposable
{
    private int connections;

    public Gateway(GatewayOptions options, TimeProvider time)
    {
        (Options, Time) = (options, time);
        Store = new(options.Postgres, time);
        Transactions = new(Store, RetryableWrites, time);
        Cursors = new(time);
    }

    public GatewayOptions Options { get; }

    public TimeProvider Time { get; }

    public DocumentStore Store { get; }

    public RetryableWrites RetryableWrites { get; } = new();

    public Cursors Cursors { get; }

    public FailPoints FailPoints { get; } = new();

    public Transactions Transactions { get; }

    /// <summary>What the greeting calls this server: host and port.</summary>
    public string Address { get; set; } = "";

    public int Connections => Volatile.Read(ref connections);

    public ValueTask DisposeAsync() => Store.DisposeAsync();

    public void Count(int difference) => Interlocked.Add(ref connections, difference);

    /// <summary>Answers one command; refusals are answers too.</summary>
    /// <exception cref="ServerGoneException">The connection has to be closed without an answer.</exception>
    public async Task<byte[]> AnswerAsync(Command command, Authentication authentication, CancellationToken cancellationToken)
    {
        try
        {
            if (Options.Delay > TimeSpan.Zero) await Task.Delay(Options.Delay, Time, cancellationToken);
            var point = FailPoints.Meet(command);
            if (point is { Block: var block } && block > TimeSpan.Zero) await Task.Delay(block, Time, cancellationToken);
            if (point is { CloseConnection: true }) throw new ServerGoneException("a fail point says so");
            if (point is { Error: { } error }) throw error;
            var reply = await DoAsync(command, authentication, cancellationToken);
            if (point is { CloseAfter: true }) throw new ServerGoneException("a fail point says so");
            return point is { WriteConcernError: { } concern } ? With(reply, concern) : reply;
        }
        catch (ServerGoneException)
        {
            await AbortTransactionOfAsync(command);
            throw;
        }
        catch (CommandException refused)
        {
            await AbortTransactionOfAsync(command);
            var answer = refused.Reply();
            if (refused.Code == ErrorCodes.DuplicateKey && !refused.Message.StartsWith("E11000", StringComparison.Ordinal)) answer["errmsg"] = Writes.DuplicateKey(refused.Message, command);
            return answer.ToBson();
        }
    }

    /// <summary>A command that fails ends its transaction; an interrupted commit has ended it already.</summary>
    private Task AbortTransactionOfAsync(Command command) =>
        command is { InTransaction: true, Session: { } session } ? Transactions.AbortAsync(session) : Task.CompletedTask;

    private async Task<byte[]> DoAsync(Command command, Authentication authentication, CancellationToken cancellationToken)
    {
        var entry = CommandTable.Find(command.Name);
        if (!entry.Open && !authentication.Allowed) throw new CommandException(ErrorCodes.Unauthorized, $"Command {command.Name} requires authentication");
        if (Options.ReadOnly && entry.Writes)
            throw new CommandException(ErrorCodes.NotWritablePrimary, "not primary", command.IsRetryable ? [CommandException.Retryable] : []);
        if (Options.ReadOnly && entry.Reads && !command.SecondaryAllowed) throw new CommandException(ErrorCodes.NotPrimaryNoSecondaryOk, "not primary and secondaryOk=false");
        if (command.Database.Length == 0) throw new CommandException(40571, "OP_MSG requests require a $db argument");
        var transaction = entry.Ends ? null : await Transactions.ConnectionOfAsync(command, cancellationToken);
        return await entry.AnswerAsync(new(command, this, authentication, cancellationToken) { Transaction = transaction });
    }

    private static byte[] With(byte[] reply, BsonDocument concern)
    {
        var document = BsonSerializer.Deserialize<BsonDocument>(reply);
        document["writeConcernError"] = concern;
        return document.ToBson();
    }
}
