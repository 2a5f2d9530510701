using System.Security.Cryptography;
using System.Text;
using MongoDB.Bson;

namespace PxBackup.DocumentGateway.Commands;

/// <summary>The login of one connection: SCRAM-SHA-256 (RFC 7677) for the one user of the gateway.</summary>
internal sealed class Authentication(string? user, string? password, int connection)
{
    public const string Mechanism = "SCRAM-SHA-256";

    /// <summary>MongoDB's own count of rounds for this mechanism.</summary>
    private const int Rounds = 15_000;

    private Step? pending;

    public int Connection { get; } = connection;

    /// <summary>Who has logged in on this connection.</summary>
    public string? User { get; private set; }

    /// <summary>True when nobody has to log in, or somebody has.</summary>
    public bool Allowed => user is null || User is not null;

    public Task<byte[]> StartAsync(CommandContext context) => Task.FromResult(Start(context.Command.Read()).ToBson());

    public Task<byte[]> ContinueAsync(CommandContext context) => Task.FromResult(Continue(context.Command.Read()).ToBson());

    /// <exception cref="CommandException">The client knows no such mechanism, or the message is none of SCRAM.</exception>
    public BsonDocument Start(BsonDocument command)
    {
        pending = null;
        if (user is null || command.GetValue("mechanism", "").AsString != Mechanism) throw new CommandException(334, $"the mechanism is not enabled here; {Mechanism} is, where the gateway has a user");
        // n,,n=NAME,r=NONCE
        var text = Encoding.UTF8.GetString(command["payload"].AsByteArray);
        var bare = text.StartsWith("n,,", StringComparison.Ordinal) ? text[3..] : throw Failed();
        var fields = Fields(bare);
        if (!fields.TryGetValue('n', out var name) || !fields.TryGetValue('r', out var nonce)) throw Failed();
        var both = nonce + Convert.ToBase64String(RandomNumberGenerator.GetBytes(24));
        var salt = RandomNumberGenerator.GetBytes(28);
        var answer = $"r={both},s={Convert.ToBase64String(salt)},i={Rounds}";
        pending = new(name.Replace("=2C", ",").Replace("=3D", "="), both, salt, $"{bare},{answer}", command.GetValue("options", new BsonDocument()).AsBsonDocument.GetValue("skipEmptyExchange", false).ToBoolean());
        return Answer(answer, false);
    }

    /// <exception cref="CommandException">The password or the name is wrong.</exception>
    private BsonDocument Continue(BsonDocument command)
    {
        var step = pending ?? throw Failed();
        var text = Encoding.UTF8.GetString(command["payload"].AsByteArray);
        if (step.Proven)
        {
            (User, pending) = (step.Name, null);
            return Answer("", true);
        }
        pending = null;
        var fields = Fields(text);
        var proofStart = text.LastIndexOf(",p=", StringComparison.Ordinal);
        if (proofStart < 0 || !fields.TryGetValue('r', out var nonce) || nonce != step.Nonce || !fields.TryGetValue('p', out var proofText)) throw Failed();
        var signed = Encoding.UTF8.GetBytes($"{step.Exchanged},{text[..proofStart]}");
        var salted = Rfc2898DeriveBytes.Pbkdf2(password ?? "", step.Salt, Rounds, HashAlgorithmName.SHA256, SHA256.HashSizeInBytes);
        var clientKey = HMACSHA256.HashData(salted, "Client Key"u8);
        var signature = HMACSHA256.HashData(SHA256.HashData(clientKey), signed);
        var expected = clientKey.Zip(signature, (one, other) => (byte)(one ^ other)).ToArray();
        var proof = new byte[expected.Length];
        if (!Convert.TryFromBase64String(proofText, proof, out var length) || length != expected.Length || !CryptographicOperations.FixedTimeEquals(proof, expected) || step.Name != user) throw Failed();
        var answer = "v=" + Convert.ToBase64String(HMACSHA256.HashData(HMACSHA256.HashData(salted, "Server Key"u8), signed));
        if (step.SkipEmpty) User = step.Name;
        else pending = step with { Proven = true };
        return Answer(answer, step.SkipEmpty);
    }

    private static Dictionary<char, string> Fields(string text) =>
        text.Split(',').Where(field => field.Length > 1 && field[1] == '=').DistinctBy(field => field[0]).ToDictionary(field => field[0], field => field[2..]);

    private static CommandException Failed() => new(ErrorCodes.AuthenticationFailed, "Authentication failed.");

    private static BsonDocument Answer(string payload, bool done) =>
        new() { { "conversationId", 1 }, { "done", done }, { "payload", new BsonBinaryData(Encoding.UTF8.GetBytes(payload)) }, { "ok", 1.0 } };

    private sealed record Step(string Name, string Nonce, byte[] Salt, string Exchanged, bool SkipEmpty)
    {
        public bool Proven { get; init; }
    }
}
