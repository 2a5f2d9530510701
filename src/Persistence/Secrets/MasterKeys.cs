using System.Globalization;
using PxBackup.Grains.Records;

namespace PxBackup.Persistence.Secrets;

/// <summary>
/// Master keys from the environment and from the file <c>master-key</c>: one line for each, <c>px1 &lt;id&gt; &lt;base64&gt;</c>, the
/// sealing one first. The file is made at the first start only; later a missing key is an error.
/// </summary>
public sealed class MasterKeys : IMasterKeys
{
    private const string MarkRecord = "mark";
    private const string MarkPath = "master-key";
    private const string MarkText = "The secrets in this store can be opened.";

    /// <summary>Stands in the file from the moment that the key is made until the store bears its mark: a start that is cut off in between is no lost store.</summary>
    private const string UnusedLine = "# unused: no store bears the mark of these keys yet";

    private readonly IKeyMark mark;
    private readonly string? file;
    private readonly string environment;
    private IReadOnlyList<MasterKey> keys;

    private MasterKeys(IReadOnlyList<MasterKey> keys, IKeyMark mark, string? file, string environment)
    {
        this.keys = keys;
        this.mark = mark;
        this.file = file;
        this.environment = environment;
    }

    /// <inheritdoc />
    public MasterKey Current => keys[0];

    /// <inheritdoc />
    public string Source => file is null ? $"the environment variable {SecretsOptions.Variable}" : $"the file '{file}' or the environment variable {SecretsOptions.Variable}";

    /// <summary>Reads the keys, makes the first one for a store that never held a secret, and checks them against the store.</summary>
    /// <exception cref="SecretUnreadableException">The store's key is missing or damaged, or the file is open to others; the text names the cure.</exception>
    public static MasterKeys Open(SecretsOptions options, IKeyMark mark)
    {
        var file = options.Directory.Length == 0 ? null : Path.Combine(Path.GetFullPath(options.Directory), "master-key");
        var environment = string.IsNullOrWhiteSpace(options.Keys) ? "" : options.Keys;
        var known = mark.Read();
        var keys = ReadAll(file, environment);
        if (keys.Count == 0)
        {
            if (known is not null)
                throw new SecretUnreadableException($"the master key {SealedText.KeyIdOf(known)} is missing: the store holds secrets that were sealed under it; put back {Place(file)} from your backup. No new key is made, it could not open them");
            if (file is null)
                throw new SecretUnreadableException($"there is no master key: set {SecretsOptions.Variable} (32 random bytes as base64), or name a directory for the key file");
            keys = [MasterKey.Create()];
            // Silos of one machine share the file and may start together: whose key is there first is everybody's.
            if (!Save(file, keys, overwrite: false, isUnused: true))
                keys = ReadAll(file, environment);
        }

        var opened = new MasterKeys(keys, mark, file, environment);
        // Of several silos that start together one may have marked the store and freed the file while this one read.
        if (known is null && environment.Length == 0 && !options.StartAnew && !IsUnused(file) && (known = mark.Read()) is null)
            throw new SecretUnreadableException($"there are master keys in '{file}', but the store bears no mark of them: it is missing or empty, or this is another one. Put the store back from your backup (or correct where it is), or say --start-anew (Secrets:StartAnew=true) to begin with an empty one under these keys");
        if (known is null)
        {
            opened.MarkStore();
            // Another process may have begun at the same moment with a key of its own: then its mark is there.
            known = mark.Read() ?? throw new SecretUnreadableException("the store has lost the master key's mark that was just written");
        }

        SealedText.Open(opened, MarkRecord, MarkPath, owner: "", known);
        if (IsUnused(file))
            Save(file!, ReadAll(file, ""), overwrite: true);
        return opened;
    }

    /// <inheritdoc />
    public MasterKey? Find(string id) => keys.FirstOrDefault(key => key.Id == id);

    /// <summary>
    /// Makes a new key in the file and seals with it from now on; the older keys still open. Only for keys from a file:
    /// with keys from the environment, start with the new key before the old one.
    /// </summary>
    public MasterKey AddKey()
    {
        if (file is null || environment.Length > 0)
            throw new InvalidOperationException($"the keys come from {SecretsOptions.Variable}: put the new key first in it and start again");
        var next = MasterKey.Create();
        MasterKey[] all = [next, .. keys];
        Save(file, all, overwrite: true);
        keys = all;
        return next;
    }

    /// <summary>Seals the store's mark under the current key; after that the start no longer asks for an older one.</summary>
    internal void MarkStore() => mark.Write(SealedText.Seal(Current, MarkRecord, MarkPath, owner: "", MarkText));

    private static string Place(string? file) => file is null ? SecretsOptions.Variable : $"'{file}' (or set {SecretsOptions.Variable})";

    private static List<MasterKey> ReadAll(string? file, string environment)
    {
        var keys = new List<MasterKey>();
        foreach (var text in environment.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
            keys.Add(Parse(text) ?? throw new SecretUnreadableException($"{SecretsOptions.Variable} is not {MasterKey.Length} bytes as base64 (several separated by commas)"));
        if (file is null || !File.Exists(file))
            return keys;

        PrivateFiles.RefuseOpenDirectory(Path.GetDirectoryName(file)!);
        PrivateFiles.RefuseOpenFile(file);
        string[] lines;
        try
        {
            lines = File.ReadAllLines(file);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new SecretUnreadableException($"the key file '{file}' cannot be read: {failure.Message}", failure);
        }

        for (var number = 1; number <= lines.Length; number++)
        {
            var parts = lines[number - 1].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (parts.Length == 0 || parts[0].StartsWith('#'))
                continue;
            var key = parts is ["px1", _, _] ? Parse(parts[2]) : null;
            // The id is a keyed hash of the key: a line that was cut or changed does not fit its own id.
            if (key is null || key.Id != parts[1])
                throw new SecretUnreadableException(string.Create(CultureInfo.InvariantCulture, $"line {number} of the key file '{file}' is damaged; put the file back from your backup"));
            keys.Add(key);
        }

        if (keys.Count == 0)
            throw new SecretUnreadableException($"the key file '{file}' holds no key; put it back from your backup, or remove it if the store is new");
        return keys;
    }

    private static MasterKey? Parse(string base64)
    {
        Span<byte> bytes = stackalloc byte[MasterKey.Length + 3];
        return Convert.TryFromBase64String(base64, bytes, out var length) && length == MasterKey.Length ? new MasterKey(bytes[..length]) : null;
    }

    /// <summary>Makes or replaces the file in one step: a crash or a full disk leaves the old one or the new one. False: it is there and was to be made.</summary>
    private static bool Save(string file, IReadOnlyList<MasterKey> keys, bool overwrite, bool isUnused = false)
    {
        var text = new System.Text.StringBuilder("# Master keys of this installation, the sealing one first. Keep a copy elsewhere: without them no secret can be opened.").AppendLine();
        if (isUnused)
            text.AppendLine(UnusedLine);
        foreach (var key in keys)
            text.AppendLine(CultureInfo.InvariantCulture, $"px1 {key.Id} {key.Export()}");
        try
        {
            PrivateFiles.MakeDirectory(Path.GetDirectoryName(file)!);
            return PrivateFiles.Make(file, text.ToString(), overwrite);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new SecretUnreadableException($"the key file '{file}' cannot be written: {failure.Message}; check the disk, and owner and mode of the directory", failure);
        }
    }

    private static bool IsUnused(string? file) => file is not null && File.Exists(file) && File.ReadLines(file).Contains(UnusedLine);
}
