using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace PxBackup.FleetSimulator.Kubernetes;

/// <summary>Who calls (bearer token or client certificate) and whether they may.</summary>
internal static class Authentication
{
    /// <exception cref="KubernetesStatusException">401.</exception>
    public static string UserOf(HttpContext http, SimulatedCluster cluster)
    {
        var header = http.Request.Headers.Authorization.ToString();
        if (header.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase))
            return Same(header[7..].Trim(), cluster.Token) ? cluster.User : throw Refusals.Unauthorized();
        if (header.Length == 0 && http.Connection.ClientCertificate is { } certificate && cluster.Certificates.IsOurs(certificate))
            return certificate.GetNameInfo(System.Security.Cryptography.X509Certificates.X509NameType.SimpleName, false);
        throw Refusals.Unauthorized();
    }

    /// <exception cref="KubernetesStatusException">403.</exception>
    public static void Authorize(SimulatedCluster cluster, string user, string verb, RequestTarget target)
    {
        if (cluster.Faults.Denies(verb, target.Type.Group, target.Type.Plural, target.Namespace)) throw Refusals.Forbidden(target.Type, target.Name, verb, target.Namespace, user);
    }

    private static bool Same(string given, string wanted) => CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(given), Encoding.UTF8.GetBytes(wanted));
}
