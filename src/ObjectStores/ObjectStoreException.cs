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

    /// <summary>The store has no room left, or a quota is used up.</summary>
    OutOfSpace,

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
    /// <param name="httpStatus">What the store answered; 0 when it did not.</param>
    public ObjectStoreException(StoreFailure cause, string storeCode, string message, Exception? inner = null, int httpStatus = 0)
        : base(message, inner)
    {
        Cause = cause;
        StoreCode = storeCode;
        HttpStatus = httpStatus;
        Cure = StoreCodes.CureOf(cause);
    }

    /// <summary>Why.</summary>
    public StoreFailure Cause { get; }

    /// <summary>The store's error code as it came, such as <c>NoSuchBucket</c>; empty when there was none.</summary>
    public string StoreCode { get; }

    /// <summary>HTTP status of the store's answer; 0 when there was none.</summary>
    public int HttpStatus { get; }

    /// <summary>What to do about it.</summary>
    public string Cure { get; }

    /// <summary>Whether the same request may succeed later with nothing changed by us.</summary>
    public bool IsTransient => Cause is StoreFailure.EndpointUnreachable or StoreFailure.DnsFailure or StoreFailure.SlowDown;

    /// <summary>The location is not what it was when it was validated: keys, rights or the bucket itself have changed.</summary>
    public bool IsAboutTheLocation => Cause is StoreFailure.InvalidAccessKey or StoreFailure.SignatureMismatch or StoreFailure.AccessDenied or StoreFailure.BucketNotFound;
}
