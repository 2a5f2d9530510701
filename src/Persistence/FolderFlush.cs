using System.Runtime.InteropServices;
using System.Text;

namespace PxBackup.Persistence;

/// <summary>Makes a new name in a folder durable. .NET opens no folders; without this a rename may be lost with the power.</summary>
internal static partial class FolderFlush
{
    /// <exception cref="IOException">The system refused.</exception>
    public static void Run(string folder)
    {
        if (OperatingSystem.IsWindows())
            return;
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
