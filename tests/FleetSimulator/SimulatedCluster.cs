using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using PxBackup.FleetSimulator.Faults;
using PxBackup.FleetSimulator.Kubernetes;
using PxBackup.FleetSimulator.Stork;

namespace PxBackup.FleetSimulator;

/// <summary>One application cluster: an API server at an address of its own, its objects, and Stork working on them.</summary>
public sealed class SimulatedCluster
{
    private readonly Func<int> _port;

    internal SimulatedCluster(string name, IPAddress address, Func<int> port, FleetOptions options)
    {
        Name = name;
        Address = address;
        _port = port;
        KubernetesVersion = options.KubernetesVersion;
        Token = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"token of {name} with seed {options.Seed}")))[..40];
        Certificates = new ClusterCertificates(name, address);
        Log = new ClusterLog();
        Faults = new ClusterFaults();
        Store = new ClusterStore(options.Clock, Log, type => ClusterSeeds.Of(type, name, options));
        Objects = new ClusterObjects(Store);
        Stork = new SimulatedStork(Store, Faults, options);
    }

    /// <summary>Such as <c>cluster-1</c>.</summary>
    public string Name { get; }

    /// <summary>Loopback address that only this cluster's API server answers at.</summary>
    public IPAddress Address { get; }

    /// <summary>Address of the API server.</summary>
    public Uri Server => new($"https://{Address}:{_port()}");

    /// <summary>The bearer token that the API server accepts. Made up, valid nowhere else.</summary>
    public string Token { get; private set; }

    /// <summary>Who the token belongs to, in Kubernetes' words.</summary>
    public string User => "system:serviceaccount:kube-system:px-backup";

    /// <summary>What goes wrong with this cluster.</summary>
    public ClusterFaults Faults { get; }

    /// <summary>Every write to this cluster.</summary>
    public ClusterLog Log { get; }

    /// <summary>What its clients have asked for, in the words of RBAC.</summary>
    public UsedRights UsedRights { get; } = new();

    /// <summary>Stork on this cluster.</summary>
    public SimulatedStork Stork { get; }

    /// <summary>The cluster's objects, past its API server: what a person with kubectl sees and does.</summary>
    public ClusterObjects Objects { get; }

    /// <summary>Kubeconfig (YAML) with the token.</summary>
    public string Kubeconfig => KubeconfigText.WithToken(Name, Server, Certificates.AuthorityPem, Token);

    internal string KubernetesVersion { get; }

    internal ClusterCertificates Certificates { get; }

    internal ClusterStore Store { get; }

    /// <summary>Kubeconfig (YAML) with a client certificate of the cluster's authority.</summary>
    public string ClientCertificateKubeconfig(string user = "px-backup-admin")
    {
        var (certificate, key) = Certificates.IssueClient(user, "system:masters");
        return KubeconfigText.WithCertificate(Name, Server, Certificates.AuthorityPem, certificate, key);
    }

    /// <summary>A new token: requests with the old one get 401.</summary>
    public string RotateToken() => Token = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(20));

    /// <summary>A new server certificate for new connections; with <paramref name="authorityToo"/> clients that trust the old authority fail.</summary>
    public void RotateCertificates(bool authorityToo = false) => Certificates.Rotate(authorityToo);

    /// <summary>etcd is compacted: watches and continue tokens from before get 410.</summary>
    public void Compact() => Store.Compact();

    /// <summary>A picture of all objects, for <see cref="RestoreEtcd"/>.</summary>
    public JsonObject TakeEtcdSnapshot() => Store.Snapshot();

    /// <summary>Puts back a picture: objects and resource versions go back in time, as when etcd is restored. Connections are cut.</summary>
    public void RestoreEtcd(JsonObject snapshot)
    {
        Store.Restore(snapshot);
        Faults.CutConnections();
        Stork.Restart();
    }

    internal void Resume(string token, byte[] authority, byte[] authorityKey)
    {
        Token = token;
        Certificates.Import(authority, authorityKey);
    }
}
