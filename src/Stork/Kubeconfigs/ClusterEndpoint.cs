namespace PxBackup.Stork;

/// <summary>What a kubeconfig says about one cluster: data, nothing to run and nothing to open.</summary>
public sealed record ClusterEndpoint
{
    /// <summary>The API server; always https. Whether the address may be reached is decided when connecting (<see cref="EndpointPolicy"/>).</summary>
    public required Uri Server { get; init; }

    /// <summary>Certificates (PEM or DER) that the server's must come from; empty for the system's own authorities.</summary>
    public ReadOnlyMemory<byte> CertificateAuthority { get; init; }

    /// <summary>Name that the server's certificate is checked against, when not the server's own.</summary>
    public string? TlsServerName { get; init; }

    /// <summary>The server's certificate is not checked.</summary>
    public bool SkipTlsVerify { get; init; }

    /// <summary>Name of the context that was taken.</summary>
    public string Context { get; init; } = "";

    /// <summary>Who signs in.</summary>
    public required ClusterUser User { get; init; }
}

/// <summary>How to sign in: a <see cref="Token"/>, a <see cref="ClientCertificate"/> (some providers write both, and both are sent), or <see cref="AwsIam"/>.</summary>
public sealed record ClusterUser
{
    private ClusterUser()
    {
    }

    /// <summary>Bearer token.</summary>
    public string? Token { get; private init; }

    /// <summary>Client certificate with its key.</summary>
    public ClientCertificate? ClientCertificate { get; private init; }

    /// <summary>Token of Amazon EKS, made in this process from a cloud credential.</summary>
    public AwsIamUser? AwsIam { get; private init; }

    /// <summary>A user with a token.</summary>
    public static ClusterUser FromToken(string token) => new() { Token = token };

    /// <summary>A user with a certificate and its key, both in PEM, and perhaps a token as well.</summary>
    public static ClusterUser FromCertificate(ReadOnlyMemory<byte> certificate, ReadOnlyMemory<byte> key, string? token = null) =>
        new() { Token = token, ClientCertificate = new ClientCertificate { Certificate = certificate, Key = key } };

    /// <summary>A user of Amazon EKS.</summary>
    public static ClusterUser FromAwsIam(AwsIamUser user) => new() { AwsIam = user };

    /// <summary>Says the kind only: a secret never gets into a text by chance.</summary>
    public override string ToString() =>
        ClientCertificate is not null ? "client certificate" : Token is not null ? "token" : $"{AwsIam}";
}

/// <summary>A client certificate.</summary>
public sealed class ClientCertificate
{
    /// <summary>Certificate and intermediates, PEM.</summary>
    public required ReadOnlyMemory<byte> Certificate { get; init; }

    /// <summary>Private key, PEM, not encrypted.</summary>
    public required ReadOnlyMemory<byte> Key { get; init; }
}

/// <summary>What an <c>aws eks get-token</c> or <c>aws-iam-authenticator token</c> command line asks for.</summary>
public sealed record AwsIamUser
{
    /// <summary>Name of the EKS cluster.</summary>
    public required string ClusterName { get; init; }

    /// <summary>Region; null when the command line does not name one.</summary>
    public string? Region { get; init; }

    /// <summary>Profile of the person who wrote the file: for display only.</summary>
    public string? Profile { get; init; }

    /// <summary>Role to assume, when named.</summary>
    public string? RoleArn { get; init; }
}
