namespace PxBackup.ObjectStores;

/// <summary>The error codes of S3 that we know, and what to do about them: one table for what we meet ourselves and for what Stork tells.</summary>
public static class StoreCodes
{
    private static readonly Dictionary<string, StoreFailure> Causes = new(StringComparer.Ordinal)
    {
        ["InvalidAccessKeyId"] = StoreFailure.InvalidAccessKey,
        ["InvalidToken"] = StoreFailure.InvalidAccessKey,
        ["ExpiredToken"] = StoreFailure.InvalidAccessKey,
        ["TokenRefreshRequired"] = StoreFailure.InvalidAccessKey,
        ["InvalidSecurity"] = StoreFailure.InvalidAccessKey,
        ["SignatureDoesNotMatch"] = StoreFailure.SignatureMismatch,
        ["AccessDenied"] = StoreFailure.AccessDenied,
        ["AllAccessDisabled"] = StoreFailure.AccessDenied,
        ["AccountProblem"] = StoreFailure.AccessDenied,
        ["NotSignedUp"] = StoreFailure.AccessDenied,
        ["UnauthorizedAccess"] = StoreFailure.AccessDenied,
        ["Forbidden"] = StoreFailure.AccessDenied,
        ["NoSuchBucket"] = StoreFailure.BucketNotFound,
        ["InvalidBucketName"] = StoreFailure.InvalidBucketName,
        ["PermanentRedirect"] = StoreFailure.WrongRegion,
        ["TemporaryRedirect"] = StoreFailure.WrongRegion,
        ["Redirect"] = StoreFailure.WrongRegion,
        ["AuthorizationHeaderMalformed"] = StoreFailure.WrongRegion,
        ["IllegalLocationConstraintException"] = StoreFailure.WrongRegion,
        ["InvalidLocationConstraint"] = StoreFailure.WrongRegion,
        ["IncorrectEndpoint"] = StoreFailure.WrongRegion,
        ["InvalidRegionName"] = StoreFailure.WrongRegion,
        ["RequestTimeTooSkewed"] = StoreFailure.RequestTimeTooSkewed,
        ["RequestExpired"] = StoreFailure.RequestTimeTooSkewed,
        ["SlowDown"] = StoreFailure.SlowDown,
        ["ServiceUnavailable"] = StoreFailure.SlowDown,
        ["Throttling"] = StoreFailure.SlowDown,
        ["ThrottlingException"] = StoreFailure.SlowDown,
        ["TooManyRequests"] = StoreFailure.SlowDown,
        ["RequestLimitExceeded"] = StoreFailure.SlowDown,
        ["Busy"] = StoreFailure.SlowDown,
        ["QuotaExceeded"] = StoreFailure.OutOfSpace,
        ["XMinioStorageFull"] = StoreFailure.OutOfSpace,
        ["InsufficientCapacity"] = StoreFailure.OutOfSpace,
        ["BucketQuotaExceeded"] = StoreFailure.OutOfSpace,
    };

    /// <summary>What the code means; <see cref="StoreFailure.Other"/> for one that is not in the table.</summary>
    public static StoreFailure CauseOf(string code) => Causes.GetValueOrDefault(code, StoreFailure.Other);

    /// <summary>
    /// The first known code in a text that somebody else wrote about a store, where it stands as S3 clients print it: a word by itself
    /// with a colon behind, <c>SignatureDoesNotMatch: …</c>. Null when there is none.
    /// </summary>
    public static string? In(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        for (var end = text.IndexOf(':', StringComparison.Ordinal); end > 0; end = text.IndexOf(':', end + 1))
        {
            var start = end;
            while (start > 0 && char.IsAsciiLetterOrDigit(text[start - 1]))
                start--;
            if (end - start is > 3 and < 64 && Causes.ContainsKey(text[start..end]))
                return text[start..end];
        }
        return null;
    }

    /// <summary>What to do about a failure.</summary>
    public static string CureOf(StoreFailure cause) => cause switch
    {
        StoreFailure.EndpointUnreachable => "Check host and port of the endpoint, and that this machine may connect to it.",
        StoreFailure.DnsFailure => "Check the endpoint's host name.",
        StoreFailure.TlsUntrusted => "Have the operator add the authority that signed the store's certificate (ObjectStores:AuthoritiesFile), check that the certificate names this host, or disable SSL if the store speaks plain HTTP.",
        StoreFailure.EndpointDenied => "Use an endpoint in an allowed network, or have the operator allow this one.",
        StoreFailure.InvalidAccessKey => "Correct the access key (and the session token, if there is one) of the cloud credential.",
        StoreFailure.SignatureMismatch => "Correct the secret key of the cloud credential.",
        StoreFailure.AccessDenied => "Grant the access key list, read, write and delete on the bucket, versions included; check bucket policies, such as one that demands encryption.",
        StoreFailure.BucketNotFound => "Correct the bucket's name, or create the bucket.",
        StoreFailure.InvalidBucketName => "Use 3 to 63 lower-case letters, digits, dots and hyphens.",
        StoreFailure.WrongRegion => "Set the region that the bucket is in.",
        StoreFailure.RequestTimeTooSkewed => "Set the clock of this machine (or of the store) right.",
        StoreFailure.SlowDown => "Try again later; have the store's limits raised if it stays.",
        StoreFailure.OutOfSpace => "Make room in the bucket, or have its quota raised.",
        StoreFailure.ObjectTooLarge => "Check who wrote the object: it is larger than anything that belongs there.",
        StoreFailure.InvalidSettings => "Correct the setting that the message names.",
        _ => "See the store's own words in the message.",
    };
}
