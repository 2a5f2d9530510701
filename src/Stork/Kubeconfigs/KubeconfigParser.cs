namespace PxBackup.Stork;

/// <summary>Reads a kubeconfig as data (DESIGN D11): nothing is run, no file is opened, no address is contacted.</summary>
public static class KubeconfigParser
{
    private const int MaxTokenLength = 16 * 1024;
    private const int MaxServerLength = 2048;
    private const int MaxHostLength = 253;

    /// <summary>Reads the current context of a kubeconfig (YAML or JSON, at most 1 MiB). Other contexts are only checked for form.</summary>
    /// <exception cref="KubeconfigException">It is refused.</exception>
    public static ClusterEndpoint Parse(ReadOnlySpan<byte> kubeconfig)
    {
        var root = new Field("", YamlTree.Read(kubeconfig));
        Expect(root["apiVersion"], "v1");
        Expect(root["kind"], "Config");
        var contextName = root["current-context"].Name()
            ?? throw root["current-context"].Refused(KubeconfigError.Context, "is missing; set it with kubectl config use-context");
        var context = root["contexts"].Named(contextName, "context");
        if (!context.IsPresent)
            throw root["current-context"].Refused(KubeconfigError.Context, "names a context that is not in the file; set it with kubectl config use-context");
        var cluster = Referenced(root["clusters"], context["cluster"], "cluster", KubeconfigError.Cluster);
        var user = Referenced(root["users"], context["user"], "user", KubeconfigError.User);
        return Endpoint(contextName, cluster, user);
    }

    /// <summary>Reads a kubeconfig that came in base64, as the API carries it.</summary>
    /// <exception cref="KubeconfigException">It is refused.</exception>
    public static ClusterEndpoint ParseBase64(string kubeconfig)
    {
        ArgumentNullException.ThrowIfNull(kubeconfig);
        // Four characters carry three bytes; line breaks come on top.
        if (kubeconfig.Length > YamlTree.MaxBytes * 3 / 2)
            throw new KubeconfigException(KubeconfigError.TooLarge, "", "The kubeconfig is larger than 1 MiB. Send only the cluster's context.");
        byte[] bytes;
        try
        {
            bytes = Convert.FromBase64String(kubeconfig);
        }
        catch (FormatException)
        {
            throw new KubeconfigException(KubeconfigError.Encoding, "", "The kubeconfig is not base64. Encode the file's bytes.");
        }

        return Parse(bytes);
    }

    private static ClusterEndpoint Endpoint(string contextName, Field cluster, Field user)
    {
        cluster["proxy-url"].MustBeAbsent(KubeconfigError.Proxy, "is not accepted; clusters are connected to directly");
        cluster["certificate-authority"].MustBeAbsent(KubeconfigError.FileReference, "names a file; embed it as certificate-authority-data (kubectl config view --flatten --raw)");
        var server = Server(cluster["server"]);
        var authority = cluster["certificate-authority-data"].Base64(KubeconfigError.Certificate) ?? [];
        var skip = cluster["insecure-skip-tls-verify"].Flag();
        if (skip && authority.Length > 0)
            throw cluster["insecure-skip-tls-verify"].Refused(KubeconfigError.Structure, "contradicts certificate-authority-data; keep one of them");
        if (authority.Length > 0)
            Certificates.CheckAuthority(cluster["certificate-authority-data"], authority);
        return new ClusterEndpoint
        {
            Server = server,
            CertificateAuthority = authority,
            TlsServerName = TlsServerName(cluster["tls-server-name"]),
            SkipTlsVerify = skip,
            Context = contextName,
            User = User(user, server),
        };
    }

    private static ClusterUser User(Field user, Uri server)
    {
        user["tokenFile"].MustBeAbsent(KubeconfigError.FileReference, "names a file; put the token itself in token");
        user["client-certificate"].MustBeAbsent(KubeconfigError.FileReference, "names a file; embed it as client-certificate-data");
        user["client-key"].MustBeAbsent(KubeconfigError.FileReference, "names a file; embed it as client-key-data");
        user["auth-provider"].MustBeAbsent(KubeconfigError.AuthProvider, "is not accepted; use a service account's token or a client certificate");
        foreach (var name in (ReadOnlySpan<string>)["as", "as-uid", "as-groups", "as-user-extra"])
            user[name].MustBeAbsent(KubeconfigError.Impersonation, "is not accepted; use the credentials of the account itself");
        user["username"].MustBeAbsent(KubeconfigError.BasicAuth, "is not accepted; Kubernetes has dropped passwords, use a token");
        user["password"].MustBeAbsent(KubeconfigError.BasicAuth, "is not accepted; Kubernetes has dropped passwords, use a token");

        var aws = AwsExec.Recognize(user["exec"], server);
        var token = Token(user["token"]);
        var certificate = user["client-certificate-data"].Base64(KubeconfigError.Certificate);
        var key = user["client-key-data"].Base64(KubeconfigError.Key);
        if (aws is not null)
        {
            return token is null && certificate is null && key is null ? ClusterUser.FromAwsIam(aws)
                : throw user["exec"].Refused(KubeconfigError.NoCredentials, "stands beside another way to sign in; keep one");
        }

        if (certificate is null && key is null)
        {
            return token is null
                ? throw user.Refused(KubeconfigError.NoCredentials, "has no token and no client-certificate-data; add one of them")
                : ClusterUser.FromToken(token);
        }

        if (certificate is null)
            throw user["client-certificate-data"].Refused(KubeconfigError.Certificate, "is missing though there is a client-key-data; add it");
        if (key is null)
            throw user["client-key-data"].Refused(KubeconfigError.Key, "is missing though there is a client-certificate-data; add it");
        Certificates.CheckClient(user, certificate, key);
        return ClusterUser.FromCertificate(certificate, key, token);
    }

    private static Uri Server(Field field)
    {
        var text = field.Text() ?? throw field.Refused(KubeconfigError.Server, "is missing; give the API server's https address");
        if (text.Length > MaxServerLength || !text.All(c => c is > ' ' and < (char)0x7F and not ('\\' or '%')))
            throw field.Refused(KubeconfigError.Server, "is not a plain URL; give the API server's https address");
        if (!Uri.TryCreate(text, UriKind.Absolute, out var uri) || uri.Scheme != Uri.UriSchemeHttps)
            throw field.Refused(KubeconfigError.Server, "is not an https URL; give the API server's https address");
        if (uri.UserInfo.Length > 0 || text.Contains('@') || uri.Query.Length > 0 || uri.Fragment.Length > 0 || text.Contains('?') || text.Contains('#'))
            throw field.Refused(KubeconfigError.Server, "has a user, query or fragment; give host, port and path only");
        if (uri.Host.Length is 0 or > MaxHostLength || uri.HostNameType is not (UriHostNameType.Dns or UriHostNameType.IPv4 or UriHostNameType.IPv6) || uri.Port == 0)
            throw field.Refused(KubeconfigError.Server, "has no host that can be used; give a DNS name or an address");
        return uri;
    }

    private static string? TlsServerName(Field field)
    {
        var name = field.Text();
        return name is null || (name.Length <= MaxHostLength && Uri.CheckHostName(name) is not (UriHostNameType.Unknown or UriHostNameType.Basic) && name.All(char.IsAscii))
            ? name
            : throw field.Refused(KubeconfigError.Server, "is not a host name; give the name in the server's certificate");
    }

    private static string? Token(Field field)
    {
        var token = field.Text();
        if (token is not null)
            field.RefusePlaceholder(token);
        return token is null || (token.Length <= MaxTokenLength && token.All(c => c is > ' ' and < (char)0x7F))
            ? token
            : throw field.Refused(KubeconfigError.Token, "is too long or has spaces, line breaks or other characters that no token has; copy it again");
    }

    private static Field Referenced(Field list, Field reference, string content, KubeconfigError error)
    {
        var name = reference.Name() ?? throw reference.Refused(error, $"is missing; name one of {list.Path}");
        var found = list.Named(name, content);
        return found.IsPresent ? found : throw reference.Refused(error, $"names nothing in {list.Path}; add the entry");
    }

    private static void Expect(Field field, string value)
    {
        if (field.Text() is { } text && text != value)
            throw field.Refused(KubeconfigError.Structure, $"must be {value}");
    }
}
