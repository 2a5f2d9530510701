namespace PxBackup.FleetSimulator.Stork;

/// <summary>
/// The NFS servers that the clusters of a fleet mount: their files by <c>server/export/path</c>. A backup's are at
/// <c>location.nfsConfig.serverAddr/location.nfsConfig.subPath/location.path/NAMESPACE/NAME/UID/FILE</c>.
/// </summary>
public sealed class NfsServers
{
    /// <summary>The longest name of a file or folder that file systems take, in characters.</summary>
    private const int LongestName = 255;

    private readonly Dictionary<string, byte[]> _memory = new(StringComparer.Ordinal);
    private readonly Lock _gate = new();
    private readonly string? _folder;

    /// <summary>Servers whose files are in memory, or below a folder when one is given.</summary>
    /// <param name="folder">Made when it is not there.</param>
    public NfsServers(string? folder = null) => _folder = folder is null ? null : Directory.CreateDirectory(folder).FullName;

    /// <summary>Every file, as <c>server/export/path</c>, in ordinal order.</summary>
    public IReadOnlyList<string> Paths
    {
        get
        {
            lock (_gate)
            {
                var paths = _folder is null ? _memory.Keys : Directory.EnumerateFiles(_folder, "*", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(_folder, f).Replace('\\', '/'));
                return [.. paths.Order(StringComparer.Ordinal)];
            }
        }
    }

    /// <summary>What a file holds, or null when there is none.</summary>
    /// <exception cref="ArgumentException">The path leaves its server.</exception>
    public byte[]? Content(string path)
    {
        path = Clean(path);
        lock (_gate)
        {
            if (_folder is null) return _memory.GetValueOrDefault(path);
            return File.Exists(OnDisk(path)) ? File.ReadAllBytes(OnDisk(path)) : null;
        }
    }

    /// <summary>Writes a file, as somebody else who mounts the export could.</summary>
    /// <exception cref="ArgumentException">The path leaves its server.</exception>
    /// <exception cref="IOException">The folder cannot be written.</exception>
    public void Write(string path, byte[] content)
    {
        path = Clean(path);
        lock (_gate)
        {
            if (_folder is null)
            {
                _memory[path] = content;
                return;
            }

            Directory.CreateDirectory(Path.GetDirectoryName(OnDisk(path))!);
            File.WriteAllBytes(OnDisk(path), content);
        }
    }

    /// <summary>Removes a file; false when there was none. Stork never does.</summary>
    /// <exception cref="ArgumentException">The path leaves its server.</exception>
    public bool Remove(string path)
    {
        path = Clean(path);
        lock (_gate)
        {
            if (_folder is null) return _memory.Remove(path);
            if (!File.Exists(OnDisk(path))) return false;
            File.Delete(OnDisk(path));
            return true;
        }
    }

    private static string Clean(string path)
    {
        var steps = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        if (steps.Length < 2 || Array.Exists(steps, s => s is "." or ".." || s.Length > LongestName || s.AsSpan().IndexOfAny('\0', '\\') >= 0))
            throw new ArgumentException($"'{path}' is no file of an NFS server: it must be server/path without '.', '..', backslashes and names over {LongestName} characters.", nameof(path));
        return string.Join('/', steps);
    }

    private string OnDisk(string path) => Path.Combine(_folder!, path);
}
