using PxBackup.Grains.Records;

namespace PxBackup.Persistence;

/// <summary>
/// Files and directories that only this user may open, and files that are whole or not there. On Windows, which has no modes, the
/// rights of the parent directory hold; the product is run on Linux.
/// </summary>
internal static class PrivateFiles
{
    private const UnixFileMode DirectoryMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const UnixFileMode OwnerMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode OthersMode =
        UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

    /// <summary>Makes the directory with mode 0700; one that is there and open to others is refused.</summary>
    /// <exception cref="RecordStoreException">Others may look into it or put files there; the text has the command that closes it.</exception>
    public static void MakeDirectory(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(path);
            return;
        }

        if (!Directory.Exists(path))
            Directory.CreateDirectory(path, DirectoryMode);
        RefuseOpenDirectory(path);
    }

    /// <summary>Refuses a directory that is open to others; one that is missing is fine.</summary>
    /// <exception cref="RecordStoreException">Others may look into it or put files there; the text has the command that closes it.</exception>
    public static void RefuseOpenDirectory(string path)
    {
        if (Directory.Exists(path) && IsOpenToOthers(path))
            throw new RecordStoreException($"the directory '{path}' is open to other users of this machine: check who did what there, then run chmod 700 '{path}', or name a directory inside it, which is then made");
    }

    /// <summary>Opens a file; a new one has mode 0600 from its first moment.</summary>
    public static FileStream Open(string path, FileMode mode, FileShare share)
    {
        var options = new FileStreamOptions { Mode = mode, Access = FileAccess.ReadWrite, Share = share };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = OwnerMode;
        return new FileStream(path, options);
    }

    /// <summary>Refuses a file that others may open; one that is missing is fine.</summary>
    /// <exception cref="RecordStoreException">The text has the command that closes it.</exception>
    public static void RefuseOpenFile(string path)
    {
        if (File.Exists(path) && IsOpenToOthers(path))
            throw new RecordStoreException($"the file '{path}' can be opened by other users of this machine: check who did, then run chmod 600 '{path}'; what they may have read is no secret any more");
    }

    /// <summary>Writes a file with mode 0600 that is there as a whole or not at all, whenever the machine stops or the disk is full.</summary>
    /// <param name="path">Where.</param>
    /// <param name="text">Its content.</param>
    /// <param name="overwrite">Replace one that is there; else it stays.</param>
    /// <returns>False when one is there that was to stay.</returns>
    public static bool Make(string path, string text, bool overwrite = false)
    {
        var draft = $"{path}.{Environment.ProcessId}.new";
        try
        {
            File.Delete(draft);
            using (var stream = Open(draft, FileMode.CreateNew, FileShare.None))
            {
                stream.Write(System.Text.Encoding.UTF8.GetBytes(text));
                stream.Flush(flushToDisk: true);
            }

            File.Move(draft, path, overwrite);
            FolderFlush.Run(Path.GetDirectoryName(Path.GetFullPath(path))!);
            return true;
        }
        catch (IOException) when (!overwrite && File.Exists(path))
        {
            File.Delete(draft);
            return false;
        }
        catch
        {
            File.Delete(draft);
            throw;
        }
    }

    /// <summary>Whether the group or others may read, write or run it.</summary>
    private static bool IsOpenToOthers(string path) =>
        !OperatingSystem.IsWindows() && (File.GetUnixFileMode(path) & OthersMode) != 0;
}
