namespace PxBackup.Grains.Interfaces;

/// <summary>
/// Why a request is refused. The gateway holds the one table that turns a reason into a gRPC code
/// (<c>src/Gateway/Errors</c>); clients read it as the <c>reason</c> of <c>google.rpc.ErrorInfo</c>.
/// Never renumber: the value travels between versions.
/// </summary>
public enum ErrorReason
{
    /// <summary>Not classified: a defect. Answers Internal.</summary>
    Unspecified = 0,

    /// <summary>A field of the request is missing or malformed. Answers InvalidArgument; the message names the field.</summary>
    InvalidField = 1,

    /// <summary>The object does not exist or the caller may not know of it. Answers NotFound.</summary>
    NotFound = 2,

    /// <summary>The owner has an object of this kind with this name, or the uid is taken. Answers AlreadyExists.</summary>
    AlreadyExists = 3,

    /// <summary>The caller sees the object but may not do this with it. Answers PermissionDenied.</summary>
    PermissionDenied = 4,

    /// <summary>Several visible objects have this name and no uid was given. Answers Internal, as the published product does.</summary>
    AmbiguousName = 5,

    /// <summary>Another object refers to this one. Answers Unknown, as the published product does.</summary>
    InUse = 6,

    /// <summary>The object's state does not allow it. Answers FailedPrecondition.</summary>
    WrongState = 7,

    /// <summary>The backup to restore is not in Success or PartialSuccess. Answers InvalidArgument, as the published product does.</summary>
    BackupNotRestorable = 8,

    /// <summary>A cluster, an object store or the identity provider cannot be reached. Answers Unavailable.</summary>
    Unreachable = 9,

    /// <summary>A cluster, object store or kubeconfig was examined and refused. Answers InvalidArgument.</summary>
    Rejected = 10,

    /// <summary>The record store did not confirm the write, or another writer was faster. Answers Aborted: ask again.</summary>
    Conflict = 11,

    /// <summary>The record store cannot be reached. Answers Unavailable.</summary>
    StoreUnavailable = 12,

    /// <summary>A limit of this installation is reached. Answers ResourceExhausted.</summary>
    LimitReached = 13,

    /// <summary>Published, but not built in this release. Answers Unimplemented.</summary>
    Unimplemented = 14,

    /// <summary>No token, or one that does not hold. Answers Unauthenticated.</summary>
    Unauthenticated = 15,

    /// <summary>The same idempotency key or uid came with other contents. Answers AlreadyExists.</summary>
    RequestMismatch = 16,
}
