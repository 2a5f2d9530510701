namespace PxBackup.DocumentGateway.Commands;

/// <summary>Every command that is understood, and what may be said about it before it is done.</summary>
internal static class CommandTable
{
    private static readonly Dictionary<string, Entry> Entries = new(StringComparer.Ordinal)
    {
        ["hello"] = new(Hello.AnswerAsync) { Open = true },
        ["isMaster"] = new(Hello.AnswerAsync) { Open = true },
        ["ismaster"] = new(Hello.AnswerAsync) { Open = true },
        ["ping"] = new(Answers.PingAsync) { Open = true },
        ["buildInfo"] = new(Answers.BuildInfoAsync) { Open = true },
        ["buildinfo"] = new(Answers.BuildInfoAsync) { Open = true },
        ["saslStart"] = new(context => context.Authentication.StartAsync(context)) { Open = true },
        ["saslContinue"] = new(context => context.Authentication.ContinueAsync(context)) { Open = true },
        ["connectionStatus"] = new(Answers.ConnectionStatusAsync) { Open = true },
        ["serverStatus"] = new(Answers.ServerStatusAsync),
        ["getParameter"] = new(Answers.ParameterAsync),
        ["replSetGetStatus"] = new(Answers.ReplicaSetStatusAsync),
        ["configureFailPoint"] = new(Answers.FailPointAsync),
        ["startSession"] = new(Answers.NothingAsync),
        ["refreshSessions"] = new(Answers.NothingAsync),
        ["endSessions"] = new(Answers.EndSessionsAsync) { Open = true },
        ["killSessions"] = new(Answers.EndSessionsAsync),
        ["commitTransaction"] = new(Answers.CommitAsync) { Ends = true },
        ["abortTransaction"] = new(Answers.AbortAsync) { Ends = true },
        ["insert"] = new(Writes.InsertAsync) { Writes = true },
        ["update"] = new(Writes.UpdateAsync) { Writes = true },
        ["delete"] = new(Writes.DeleteAsync) { Writes = true },
        ["findAndModify"] = new(Writes.FindAndModifyAsync) { Writes = true },
        ["findandmodify"] = new(Writes.FindAndModifyAsync) { Writes = true },
        ["find"] = new(Reads.FindAsync) { Reads = true },
        ["aggregate"] = new(Reads.AggregateAsync) { Reads = true },
        ["count"] = new(Reads.CountAsync) { Reads = true },
        ["distinct"] = new(Reads.DistinctAsync) { Reads = true },
        ["getMore"] = new(Reads.GetMoreAsync),
        ["killCursors"] = new(Reads.KillCursorsAsync),
        ["explain"] = new(Reads.ExplainAsync) { Reads = true },
        ["listCollections"] = new(Reads.ListCollectionsAsync) { Reads = true },
        ["listIndexes"] = new(Reads.ListIndexesAsync) { Reads = true },
        ["listDatabases"] = new(Administration.ListDatabasesAsync) { Reads = true },
        ["createIndexes"] = new(Administration.CreateIndexesAsync) { Writes = true },
        ["dropIndexes"] = new(Administration.DropIndexesAsync) { Writes = true },
        ["deleteIndexes"] = new(Administration.DropIndexesAsync) { Writes = true },
        ["create"] = new(Administration.CreateAsync) { Writes = true },
        ["drop"] = new(Administration.DropAsync) { Writes = true },
        ["dropDatabase"] = new(Administration.DropDatabaseAsync) { Writes = true },
        ["renameCollection"] = new(Administration.RenameAsync) { Writes = true },
        ["collMod"] = new(Administration.CollModAsync) { Writes = true },
        ["collStats"] = new(Administration.CollStatsAsync) { Reads = true },
        ["dbStats"] = new(Administration.DbStatsAsync) { Reads = true },
        ["dbstats"] = new(Administration.DbStatsAsync) { Reads = true },
        ["validate"] = new(Administration.ValidateAsync) { Reads = true },
    };

    /// <exception cref="CommandException">There is no such command.</exception>
    public static Entry Find(string name) => Entries.GetValueOrDefault(name) ?? throw new CommandException(ErrorCodes.CommandNotFound, $"no such command: '{name}'");

    /// <summary>One command.</summary>
    internal sealed record Entry(Func<CommandContext, Task<byte[]>> AnswerAsync)
    {
        /// <summary>Answered before a login.</summary>
        public bool Open { get; init; }

        /// <summary>Only a primary does it.</summary>
        public bool Writes { get; init; }

        /// <summary>A secondary does it where the client allows that.</summary>
        public bool Reads { get; init; }

        /// <summary>Ends a transaction, and therefore does not run inside of it.</summary>
        public bool Ends { get; init; }
    }
}
