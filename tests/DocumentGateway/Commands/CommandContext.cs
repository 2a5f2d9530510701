using Npgsql;
using PxBackup.DocumentGateway.Postgres;
using PxBackup.DocumentGateway.Wire;

namespace PxBackup.DocumentGateway.Commands;

/// <summary>One command being answered: what it asks for, whose it is, and what may be used to answer it.</summary>
internal sealed record CommandContext(Command Command, Gateway Gateway, Authentication Authentication, CancellationToken Cancelled)
{
    /// <summary>Where the command belongs when it is one of a transaction.</summary>
    public NpgsqlConnection? Transaction { get; init; }

    public Task<object?[]> CallAsync(string sql, params object?[] arguments) =>
        Gateway.Store.CallAsync(Transaction, Command.MaxTime, sql, Cancelled, arguments);

    /// <summary>For functions with one document as result.</summary>
    public async Task<byte[]> DocumentAsync(string sql, params object?[] arguments) =>
        (byte[]?)(await CallAsync(sql, arguments))[0] ?? throw new CommandException(ErrorCodes.InternalError, "DocumentDB gave no answer");
}
