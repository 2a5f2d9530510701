namespace PxBackup.Persistence;

/// <summary>
/// Files and directories that only this user may open. On Windows, which has no modes, the rights of the parent
/// directory hold; the product is run on Linux.
/// </summary>
internal static class PrivateFiles
{
    private const UnixFileMode DirectoryMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const UnixFileMode OwnerMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode OthersMode =
        UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

    /// <summary>Makes the directory, or closes one that is there to others.</summary>
    public static void MakeDirectory(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(path);
            return;
        }

        Directory.CreateDirectory(path, DirectoryMode);
        if ((File.GetUnixFileMode(path) & OthersMode) != 0)
            File.SetUnixFileMode(path, DirectoryMode);
    }

    /// <summary>Opens a file; a new one has mode 0600 from its first moment.</summary>
    public static FileStream Open(string path, FileMode mode, FileShare share)
    {
        var options = new FileStreamOptions { Mode = mode, Access = FileAccess.ReadWrite, Share = share };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = OwnerMode;
        return new FileStream(path, options);
    }

    /// <summary>Closes a file that is there to others.</summary>
    public static void Restrict(string path)
    {
        if (!OperatingSystem.IsWindows() && IsOpenToOthers(path))
            File.SetUnixFileMode(path, OwnerMode);
    }

    /// <summary>Whether the group or others may read, write or run it.</summary>
    public static bool IsOpenToOthers(string path) =>
        !OperatingSystem.IsWindows() && (File.GetUnixFileMode(path) & OthersMode) != 0;
}
