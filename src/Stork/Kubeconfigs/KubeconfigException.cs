namespace PxBackup.Stork;

/// <summary>Why a kubeconfig was refused.</summary>
public enum KubeconfigError
{
    /// <summary>Nothing in it.</summary>
    Empty,

    /// <summary>More than 1 MiB.</summary>
    TooLarge,

    /// <summary>Not plain UTF-8 text: UTF-16, control characters, bad base64.</summary>
    Encoding,

    /// <summary>Not YAML or JSON.</summary>
    Syntax,

    /// <summary>Nested deeper than 32.</summary>
    TooDeep,

    /// <summary>A YAML alias or merge key that stands for nothing.</summary>
    Alias,

    /// <summary>YAML tags and directives are not accepted.</summary>
    Tag,

    /// <summary>A key occurs twice in one mapping, or the name that is used twice in its list.</summary>
    Duplicate,

    /// <summary>More than one YAML document with something in it.</summary>
    SeveralDocuments,

    /// <summary>A field has the wrong shape or is not of <c>v1 Config</c>.</summary>
    Structure,

    /// <summary>current-context is missing or names nothing.</summary>
    Context,

    /// <summary>The context's cluster is missing or names nothing.</summary>
    Cluster,

    /// <summary>The context's user is missing or names nothing.</summary>
    User,

    /// <summary>The server address is missing or cannot be used.</summary>
    Server,

    /// <summary>Certificate data cannot be read.</summary>
    Certificate,

    /// <summary>The private key cannot be read or does not belong to the certificate.</summary>
    Key,

    /// <summary>The token cannot be used.</summary>
    Token,

    /// <summary>A path of a file: files of this server are never read.</summary>
    FileReference,

    /// <summary>A program other than the two that are understood.</summary>
    Exec,

    /// <summary>An authentication plug-in.</summary>
    AuthProvider,

    /// <summary>A proxy.</summary>
    Proxy,

    /// <summary>Impersonation.</summary>
    Impersonation,

    /// <summary>User name and password.</summary>
    BasicAuth,

    /// <summary>The word that kubectl writes for a value that it left out.</summary>
    Placeholder,

    /// <summary>No way to sign in, or more than one.</summary>
    NoCredentials,
}

/// <summary>A kubeconfig was refused. The message names the field and the cure, never a value that could be secret.</summary>
public sealed class KubeconfigException(KubeconfigError reason, string field, string message) : Exception(message)
{
    /// <summary>Why.</summary>
    public KubeconfigError Reason { get; } = reason;

    /// <summary>Path of the field, such as <c>users[0].user.exec</c>; empty for the file as a whole.</summary>
    public string Field { get; } = field;
}
