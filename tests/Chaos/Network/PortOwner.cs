namespace PxBackup.Chaos.Network;

/// <summary>Which process is behind a loopback connection: asked from the kernel, since Orleans' connections look alike from outside.</summary>
internal static class PortOwner
{
    /// <summary>The one of the processes that has a socket bound to this local port; null when none has.</summary>
    public static int? Of(int port, IEnumerable<int> pids)
    {
        var inodes = InodesOf(port);
        if (inodes.Count == 0)
            return null;
        foreach (var pid in pids)
        {
            if (LinksOf(pid).Any(link => inodes.Any(inode => link.EndsWith($"socket:[{inode}]", StringComparison.Ordinal))))
                return pid;
        }

        return null;
    }

    private static List<string> InodesOf(int port)
    {
        var suffix = $":{port:X4}";
        return
        [
            .. ((string[])["/proc/net/tcp", "/proc/net/tcp6"]).Where(File.Exists).SelectMany(File.ReadLines)
                .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
                .Where(fields => fields.Length > 9 && fields[1].EndsWith(suffix, StringComparison.Ordinal) && fields[9] != "0")
                .Select(fields => fields[9]),
        ];
    }

    private static IEnumerable<string> LinksOf(int pid)
    {
        string[] files;
        try
        {
            files = Directory.GetFiles($"/proc/{pid}/fd");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            yield break; // It ended.
        }

        foreach (var file in files)
        {
            string? link = null;
            try
            {
                link = new FileInfo(file).LinkTarget;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Closed meanwhile.
            }

            if (link is not null)
                yield return link;
        }
    }
}
