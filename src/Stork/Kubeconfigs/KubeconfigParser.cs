namespace PxBackup.Stork;

/// <summary>Reads a kubeconfig as data.</summary>
public static partial class KubeconfigParser
{
    /// <summary>Reads the current context of a kubeconfig (YAML or JSON).</summary>
    /// <exception cref="KubeconfigException">It is refused.</exception>
    public static ClusterEndpoint Parse(ReadOnlySpan<byte> kubeconfig) => throw new NotImplementedException();

    /// <summary>Reads a kubeconfig that came in base64, as the API carries it.</summary>
    /// <exception cref="KubeconfigException">It is refused.</exception>
    public static ClusterEndpoint ParseBase64(string kubeconfig) => throw new NotImplementedException();
}
