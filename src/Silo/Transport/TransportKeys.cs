using System.Security.Cryptography;
using PxBackup.Persistence;

namespace PxBackup.Silo.Transport;

/// <summary>The installation's transport keys: this process shows the first and takes all of them, so that a key can be exchanged process by process.</summary>
internal sealed class TransportKeys(IReadOnlyList<TransportKey> keys) : IDisposable
{
    private const string FileName = "transport-key";

    /// <summary>The key that this process shows.</summary>
    public TransportKey Current => keys[0];

    /// <summary>Whether a key of the installation made a certificate.</summary>
    public bool Know(System.Security.Cryptography.X509Certificates.X509Certificate2? certificate) =>
        certificate is not null && keys.Any(key => key.IsOf(certificate));

    /// <summary>Reads the keys; a silo makes the first one where there is none, a gateway has to be given it.</summary>
    /// <exception cref="StartException">Missing, damaged, or the file is open to others; the text names the cure.</exception>
    public static TransportKeys Open(TransportOptions options, bool mayMake)
    {
        if (!string.IsNullOrWhiteSpace(options.Keys))
            return Parse(options.Keys.Split(','), TransportOptions.Variable);
        var file = Path.Combine(Path.GetFullPath(options.Directory), FileName);
        if (!File.Exists(file))
        {
            if (!mayMake)
                throw new StartException(
                    $"there is no transport key, by which silos and gateways know each other: copy '{FileName}' from the secrets folder of a silo to '{file}' (mode 0600), or set {TransportOptions.Variable} for all of them");
            Make(file);
        }

        try
        {
            PrivateFiles.RefuseOpenDirectory(Path.GetDirectoryName(file)!);
            PrivateFiles.RefuseOpenFile(file);
            return Parse(File.ReadAllLines(file).Where(line => line.Length > 0 && line[0] != '#'), $"the file '{file}'");
        }
        catch (Exception wrong) when (wrong is IOException or UnauthorizedAccessException)
        {
            throw new StartException($"the transport key '{file}' cannot be read ({wrong.Message}): give this product's user access to it", wrong);
        }
    }

    public void Dispose()
    {
        foreach (var key in keys)
            key.Dispose();
    }

    private static TransportKeys Parse(IEnumerable<string> texts, string source)
    {
        var keys = new List<TransportKey>();
        Span<byte> bytes = stackalloc byte[TransportKey.Length + 3];
        foreach (var text in texts.Select(text => text.Trim()).Where(text => text.Length > 0))
        {
            if (!Convert.TryFromBase64String(text, bytes, out var length) || length != TransportKey.Length)
                throw new StartException($"{source} does not hold {TransportKey.Length} random bytes as base64 for each transport key: copy it from a silo, or set it anew for all processes (openssl rand -base64 {TransportKey.Length})");
            keys.Add(new TransportKey(bytes[..length]));
        }

        CryptographicOperations.ZeroMemory(bytes);
        return keys.Count > 0 ? new(keys) : throw new StartException($"{source} holds no transport key: copy it from a silo, or remove it where no other process runs, and a silo makes a new one");
    }

    private static void Make(string file)
    {
        try
        {
            PrivateFiles.MakeDirectory(Path.GetDirectoryName(file)!);
            PrivateFiles.Make(file,
                $"# Transport key of this installation: whoever holds it can join as a silo or gateway.{Environment.NewLine}{Convert.ToBase64String(RandomNumberGenerator.GetBytes(TransportKey.Length))}{Environment.NewLine}");
        }
        catch (Exception wrong) when (wrong is IOException or UnauthorizedAccessException)
        {
            throw new StartException($"the transport key '{file}' cannot be written ({wrong.Message}): check owner and mode of the folder, and the disk", wrong);
        }
    }
}
