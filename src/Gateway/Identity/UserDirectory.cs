using System.Text.Json;
using System.Text.Json.Serialization;

namespace PxBackup.Gateway.Identity;

/// <summary>Users, groups and roles in memory, one file behind them. A change is seen when the file has it.</summary>
internal sealed class UserDirectory
{
    public const string FileName = "users.json";

    private readonly string path;
    private readonly Lock writing = new();
    private volatile DirectoryState state;
    private long version;

    private UserDirectory(string path, DirectoryState state)
    {
        this.path = path;
        this.state = state;
    }

    public DirectoryState State => state;

    /// <summary>Changes with every change.</summary>
    public long Version => Interlocked.Read(ref version);

    /// <returns>Null if there is no file yet.</returns>
    /// <exception cref="IdentityStartException">The file is unreadable or contradicts itself.</exception>
    public static UserDirectory? Load(string folder)
    {
        var path = Path.Combine(folder, FileName);
        if (PrivateFile.Read(path) is not { } content)
            return null;
        DirectoryState? state;
        try
        {
            state = JsonSerializer.Deserialize(content, DirectoryJson.Default.DirectoryState);
        }
        catch (JsonException wrong)
        {
            throw Wrong(path, wrong.Message, wrong);
        }
        var fault = state is null ? "it is empty" : state.Fault();
        return fault is null ? new(path, state!) : throw Wrong(path, fault, null);
    }

    public static UserDirectory Make(string folder, DirectoryState first)
    {
        var made = new UserDirectory(Path.Combine(folder, FileName), first);
        made.Write(first);
        return made;
    }

    /// <summary>Applies a change to the newest state; the file is durable when this returns.</summary>
    /// <param name="change">A function of the state; what it throws goes to the caller and nothing is changed.</param>
    public void Change(Func<DirectoryState, DirectoryState> change)
    {
        lock (writing)
        {
            var next = change(state);
            if (ReferenceEquals(next, state))
                return;
            Write(next);
            state = next;
            Interlocked.Increment(ref version);
        }
    }

    private void Write(DirectoryState next) =>
        PrivateFile.Replace(path, JsonSerializer.SerializeToUtf8Bytes(next, DirectoryJson.Default.DirectoryState));

    private static IdentityStartException Wrong(string path, string what, Exception? cause) =>
        new($"'{path}' is damaged ({what}): restore it from a copy, or move it away to begin with a new first administrator", cause);
}

[JsonSourceGenerationOptions(
    WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, AllowDuplicateProperties = false,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow, RespectNullableAnnotations = true)]
[JsonSerializable(typeof(DirectoryState))]
internal sealed partial class DirectoryJson : JsonSerializerContext;
