namespace PxBackup.Stork.Resources;

/// <summary>A core <c>v1</c> Secret.</summary>
public sealed class Secret : KubernetesResource
{
    /// <summary>Type; empty reads as Opaque on the server.</summary>
    public string Type { get; set => field = value ?? ""; } = "";

    /// <summary>Values as bytes (base64 on the wire).</summary>
    public Dictionary<string, byte[]> Data { get; set => field = value ?? []; } = [];
}

/// <summary>A core <c>v1</c> ConfigMap.</summary>
public sealed class ConfigMap : KubernetesResource
{
    /// <summary>Text values.</summary>
    public Dictionary<string, string> Data { get; set => field = value ?? []; } = [];
}

/// <summary>A core <c>v1</c> Namespace.</summary>
public sealed class Namespace : KubernetesResource
{
    /// <summary>Its state.</summary>
    public NamespaceStatus Status { get; set => field = value ?? new(); } = new();
}

/// <summary><c>Namespace.status</c>.</summary>
public sealed class NamespaceStatus
{
    /// <summary><c>Active</c> or <c>Terminating</c>.</summary>
    public string Phase { get; set => field = value ?? ""; } = "";
}
