using MongoDB.Bson;
using PxBackup.DocumentGateway.Wire;

namespace PxBackup.DocumentGateway.Commands;

/// <summary>
/// MongoDB's fail point <c>failCommand</c>, set with <c>configureFailPoint</c> as there (a mongod needs enableTestCommands), and one
/// of our own, <c>closeAfter</c>: the command is done, its reply is lost.
/// </summary>
internal sealed class FailPoints
{
    private readonly Lock gate = new();
    private Point? point;

    /// <exception cref="CommandException">It is no fail point that is known here.</exception>
    public void Configure(BsonDocument command)
    {
        if (command[0] != "failCommand") throw new CommandException(ErrorCodes.BadValue, $"the fail point {command[0]} is not known here");
        var mode = command["mode"];
        var data = command.GetValue("data", new BsonDocument()).AsBsonDocument;
        lock (gate)
            point = mode == "off" ? null : new Point(data)
            {
                Times = mode.IsBsonDocument && mode.AsBsonDocument.TryGetValue("times", out var times) ? times.ToInt32() : int.MaxValue,
                Skips = mode.IsBsonDocument && mode.AsBsonDocument.TryGetValue("skip", out var skip) ? skip.ToInt32() : 0,
            };
    }

    /// <summary>What shall happen to this command, and counts it; nothing for almost all.</summary>
    public Point? Meet(Command command)
    {
        if (point is null) return null;
        lock (gate)
        {
            if (point is not { Times: > 0 } active || !active.Names.Contains(command.Name)) return null;
            if (active.Skips > 0)
            {
                active.Skips--;
                return null;
            }
            if (active.Times != int.MaxValue) active.Times--;
            return active;
        }
    }

    /// <summary>One fail point as it was set.</summary>
    internal sealed class Point(BsonDocument data)
    {
        public int Times { get; set; }

        public int Skips { get; set; }

        public HashSet<string> Names { get; } = [.. data.GetValue("failCommands", new BsonArray()).AsBsonArray.Select(name => name.AsString)];

        public bool CloseConnection { get; } = data.GetValue("closeConnection", false).ToBoolean();

        public bool CloseAfter { get; } = data.GetValue("closeAfter", false).ToBoolean();

        public TimeSpan Block { get; } = data.GetValue("blockConnection", false).ToBoolean() ? TimeSpan.FromMilliseconds(data.GetValue("blockTimeMS", 0).ToDouble()) : TimeSpan.Zero;

        public BsonDocument? WriteConcernError { get; } = data.GetValue("writeConcernError", BsonNull.Value) as BsonDocument;

        public CommandException? Error { get; } = data.TryGetValue("errorCode", out var code)
            ? new(code.ToInt32(), "Failing command via 'failCommand' failpoint", [.. data.GetValue("errorLabels", new BsonArray()).AsBsonArray.Select(label => label.AsString)])
            : null;
    }
}
