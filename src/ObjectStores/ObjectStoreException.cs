namespace PxBackup.ObjectStores;

/// <summary>Why a store could not do what was asked.</summary>
public enum StoreFailure
{
    /// <summary>Nobody answers at the endpoint, or not in time.</summary>
    EndpointUnreachable,

    /// <summary>The endpoint's name cannot be resolved.</summary>
    DnsFailure,

    /// <summary>The endpoint's certificate is not trusted, or it does not speak TLS.</summary>
    TlsUntrusted,

    /// <summary>Our own policy does not let anybody connect to the endpoint's address.</summary>
    EndpointDenied,

    /// <summary>The store does not know the access key or the session token.</summary>
    InvalidAccessKey,

    /// <summary>The secret key is not the access key's.</summary>
    SignatureMismatch,

    /// <summary>The keys are good, but may not do this.</summary>
    AccessDenied,

    /// <summary>There is no such bucket.</summary>
    BucketNotFound,

    /// <summary>No bucket can have this name.</summary>
    InvalidBucketName,

    /// <summary>The bucket is in another region.</summary>
    WrongRegion,

    /// <summary>This machine's clock and the store's are too far apart for a signature to count.</summary>
    RequestTimeTooSkewed,

    /// <summary>The store asked for patience more often than we tried.</summary>
    SlowDown,

    /// <summary>The object is larger than the caller takes in.</summary>
    ObjectTooLarge,

    /// <summary>A setting cannot be meant; nothing was sent.</summary>
    InvalidSettings,

    /// <summary>Something else: the store's code and words say what.</summary>
    Other,
}

/// <summary>A store refused or could not be reached. The message holds what was tried and the store's own words.</summary>
public sealed class ObjectStoreException : Exception
{
    /// <summary>Creates the failure.</summary>
    /// <param name="cause">Why.</param>
    /// <param name="storeCode">The store's error code, empty when the store said none.</param>
    /// <param name="message">What was tried, and the store's words.</param>
    /// <param name="inner">What it was found out from.</param>
    public ObjectStoreException(StoreFailure cause, string storeCode, string message, Exception? inner = null)
        : base(message, inner)
    {
        Cause = cause;
        StoreCode = storeCode;
        Cure = CureOf(cause);
    }

    /// <summary>Why.</summary>
    public StoreFailure Cause { get; }

    /// <summary>The store's error code as it came, such as <c>NoSuchBucket</c>; empty when there was none.</summary>
    public string StoreCode { get; }

    /// <summary>What to do about it.</summary>
    public string Cure { get; }

    /// <summary>Whether the same request may succeed later with nothing changed by us.</summary>
    public bool IsTransient => Cause is StoreFailure.EndpointUnreachable or StoreFailure.DnsFailure or StoreFailure.SlowDown;

    private static string CureOf(StoreFailure cause) => cause switch
    {
        StoreFailure.EndpointUnreachable => "Check host and port of the endpoint, and that this machine may connect to it.",
        StoreFailure.DnsFailure => "Check the endpoint's host name.",
        StoreFailure.TlsUntrusted => "Add the authority that signed the store's certificate, check that the certificate names this host, or disable SSL if the store speaks plain HTTP.",
        StoreFailure.EndpointDenied => "Use an endpoint in an allowed network, or have the operator allow this one.",
        StoreFailure.InvalidAccessKey => "Correct the access key (and the session token, if there is one) of the cloud credential.",
        StoreFailure.SignatureMismatch => "Correct the secret key of the cloud credential.",
        StoreFailure.AccessDenied => "Grant the access key list, read, write and delete on the bucket; check bucket policies, such as one that demands encryption.",
        StoreFailure.BucketNotFound => "Correct the bucket's name, or create the bucket.",
        StoreFailure.InvalidBucketName => "Use 3 to 63 lower-case letters, digits, dots and hyphens.",
        StoreFailure.WrongRegion => "Set the region that the bucket is in.",
        StoreFailure.RequestTimeTooSkewed => "Set the clock of this machine (or of the store) right.",
        StoreFailure.SlowDown => "Try again later; have the store's limits raised if it stays.",
        StoreFailure.ObjectTooLarge => "Check who wrote the object: it is larger than anything that belongs there.",
        StoreFailure.InvalidSettings => "Correct the setting that the message names.",
        _ => "See the store's own words in the message.",
    };
}
