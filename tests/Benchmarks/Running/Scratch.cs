namespace PxBackup.Benchmarks.Running;

/// <summary>A folder for one run, removed afterwards. On the disk of <c>TMPDIR</c>: set it where the temporary folder is in memory.</summary>
internal sealed class Scratch : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("pxbackup-bench-");

    public string Folder(string name) => Path.Combine(_folder.FullName, name);

    public void Dispose() => _folder.Delete(recursive: true);
}
