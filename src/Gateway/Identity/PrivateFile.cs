using System.Runtime.InteropServices;
using System.Text;

namespace PxBackup.Gateway.Identity;

/// <summary>A file that only its owner may read and that is either old or new after a crash, never half.</summary>
internal static class PrivateFile
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode OwnerOnlyFolder = OwnerOnly | UnixFileMode.UserExecute;
    private const UnixFileMode Others =
        UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute
        | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

    /// <summary>Makes the folder with mode 0700 if it is missing; one that is open to others is refused.</summary>
    /// <exception cref="IdentityStartException">Others may look into it or put files there.</exception>
    public static void MakeFolder(string folder)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(folder);
            return;
        }

        if (!Directory.Exists(folder))
            Directory.CreateDirectory(folder, OwnerOnlyFolder);
        if ((File.GetUnixFileMode(folder) & Others) != 0)
            throw new IdentityStartException($"the directory '{folder}' is open to other users of this machine: check who did what there, then run chmod 700 '{folder}'");
    }

    /// <summary>The content, or null if there is no such file.</summary>
    /// <exception cref="IdentityStartException">There is one, but it cannot be read or others can.</exception>
    public static byte[]? Read(string path)
    {
        try
        {
            if (!OperatingSystem.IsWindows() && File.Exists(path) && (File.GetUnixFileMode(path) & Others) != 0)
                throw new IdentityStartException($"'{path}' may be read or written by others than its owner: check who did, then run chmod 600 '{path}'");
            return File.ReadAllBytes(path);
        }
        catch (Exception missing) when (missing is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (Exception wrong) when (wrong is IOException or UnauthorizedAccessException)
        {
            throw new IdentityStartException($"'{path}' cannot be read ({wrong.Message}): give this product's user access to it", wrong);
        }
    }

    /// <summary>Replaces the content: new file, fsync, rename, fsync of the folder.</summary>
    public static void Replace(string path, ReadOnlySpan<byte> content)
    {
        var draft = path + ".new";
        try
        {
            Write(path, draft, content);
        }
        catch
        {
            // A full disk: the old file stays, and no half of a new one.
            File.Delete(draft);
            throw;
        }
    }

    private static void Write(string path, string draft, ReadOnlySpan<byte> content)
    {
        File.Delete(draft);
        var how = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, BufferSize = 0 };
        if (!OperatingSystem.IsWindows())
            how.UnixCreateMode = OwnerOnly;
        using (var file = new FileStream(draft, how))
        {
            file.Write(content);
            file.Flush(flushToDisk: true);
        }
        File.Move(draft, path, overwrite: true);
        if (!OperatingSystem.IsWindows())
            FlushFolder(Path.GetDirectoryName(Path.GetFullPath(path))!);
    }

    // .NET opens no folders; without this the rename may be lost with the power.
    private static void FlushFolder(string folder)
    {
        var handle = Open(Encoding.UTF8.GetBytes(folder + '\0'), 0);
        if (handle < 0)
            throw new IOException($"'{folder}' cannot be opened to flush it (errno {Marshal.GetLastPInvokeError()})");
        try
        {
            if (Flush(handle) != 0)
                throw new IOException($"'{folder}' cannot be flushed (errno {Marshal.GetLastPInvokeError()})");
        }
        finally
        {
            _ = Close(handle);
        }
    }

    [DllImport("libc", EntryPoint = "open", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Open(byte[] path, int flags);

    [DllImport("libc", EntryPoint = "fsync", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Flush(int handle);

    [DllImport("libc", EntryPoint = "close", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Close(int handle);
}
