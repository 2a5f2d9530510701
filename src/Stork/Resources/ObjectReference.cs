namespace PxBackup.Stork.Resources;

/// <summary>One object of an application: Stork's <c>ObjectInfo</c>.</summary>
public class ObjectReference
{
    /// <summary>Name.</summary>
    public string Name { get; set => field = value ?? ""; } = "";

    /// <summary>Namespace; empty for cluster-scoped kinds.</summary>
    public string Namespace { get; set => field = value ?? ""; } = "";

    /// <summary>API group. The core group is <c>core</c> in backups and empty in restores; both work in includeResources.</summary>
    public string Group { get; set => field = value ?? ""; } = "";

    /// <summary>Version, such as <c>v1</c>.</summary>
    public string Version { get; set => field = value ?? ""; } = "";

    /// <summary>Kind.</summary>
    public string Kind { get; set => field = value ?? ""; } = "";
}

/// <summary>An object and what became of it. In backups the status stays empty.</summary>
public sealed class ResourceOutcome : ObjectReference
{
    /// <summary>One of <see cref="StorkStatus"/>; in restores Successful, Retained or Failed.</summary>
    public string Status { get; set => field = value ?? ""; } = "";

    /// <summary>Stork's text.</summary>
    public string Reason { get; set => field = value ?? ""; } = "";
}
