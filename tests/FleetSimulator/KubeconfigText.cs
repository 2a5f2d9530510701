using System.Text;

namespace PxBackup.FleetSimulator;

/// <summary>Writes kubeconfigs.</summary>
internal static class KubeconfigText
{
    public static string WithToken(string name, Uri server, string authority, string token) => Write(name, server, authority, $"    token: {token}\n");

    public static string WithCertificate(string name, Uri server, string authority, string certificate, string key) =>
        Write(name, server, authority, $"    client-certificate-data: {Base64(certificate)}\n    client-key-data: {Base64(key)}\n");

    private static string Write(string name, Uri server, string authority, string user) => $"""
        apiVersion: v1
        kind: Config
        clusters:
        - name: {name}
          cluster:
            server: {server.AbsoluteUri.TrimEnd('/')}
            certificate-authority-data: {Base64(authority)}
        users:
        - name: px-backup
          user:
        {user}contexts:
        - name: {name}
          context:
            cluster: {name}
            user: px-backup
        current-context: {name}

        """;

    private static string Base64(string pem) => Convert.ToBase64String(Encoding.ASCII.GetBytes(pem));
}
