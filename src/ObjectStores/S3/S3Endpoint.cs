namespace PxBackup.ObjectStores.S3;

/// <summary>Checks of the settings that need no network, so that nothing odd gets as far as a URL.</summary>
internal static class S3Endpoint
{
    /// <summary>The store's base URL; null for AWS itself.</summary>
    /// <exception cref="ObjectStoreException">A setting cannot be meant.</exception>
    public static Uri? From(S3StoreSettings settings)
    {
        CheckBucket(settings.Bucket);
        Require(settings.AccessKey.Length > 0 && IsPrintable(settings.AccessKey), "The access key is empty or holds blanks or control characters.");
        Require(settings.SecretKey.Length > 0, "The secret key is empty.");
        Require(settings.SessionToken is null || IsPrintable(settings.SessionToken), "The session token holds blanks or control characters.");
        Require(settings.Region.Length is > 0 and <= 64 && settings.Region.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_'),
            "The region must be letters, digits and hyphens, such as us-east-1.");
        Require(settings.Sse is null or "AES256" or "aws:kms", "The server-side encryption must be AES256 or aws:kms.");
        Require(settings.StorageClass is null || (settings.StorageClass.Length is > 0 and <= 64 && settings.StorageClass.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-')),
            "The storage class must be a word such as STANDARD_IA.");
        return string.IsNullOrWhiteSpace(settings.Endpoint) ? null : Parse(settings.Endpoint.Trim(), settings.DisableSsl);
    }

    private static Uri Parse(string endpoint, bool disableSsl)
    {
        var text = endpoint.Contains("://", StringComparison.Ordinal) ? endpoint : (disableSsl ? "http://" : "https://") + endpoint;
        Require(Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https" && uri.Host.Length > 0
                && endpoint.All(c => !char.IsControl(c) && !char.IsWhiteSpace(c) && c != '\\'),
            "The endpoint must be a host, host:port, or an http or https URL.");
        Require(uri!.UserInfo.Length == 0 && uri.PathAndQuery == "/" && uri.Fragment.Length == 0,
            "The endpoint must have no user, path, query or fragment: only scheme, host and port.");
        return uri;
    }

    private static void CheckBucket(string bucket)
    {
        // Wider than AWS allows (other stores take more); narrow enough that it stays one segment of a URL.
        if (bucket.Length is < 3 or > 255 || !bucket.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_')
            || bucket.Contains("..", StringComparison.Ordinal) || !char.IsAsciiLetterOrDigit(bucket[0]))
            throw new ObjectStoreException(StoreFailure.InvalidBucketName, "", $"'{StoreKey.ForDisplay(bucket)}' cannot be the name of a bucket.");
    }

    private static bool IsPrintable(string text) => text.All(c => c is > ' ' and < '\x7f');

    private static void Require(bool holds, string message)
    {
        if (!holds)
            throw new ObjectStoreException(StoreFailure.InvalidSettings, "", message);
    }
}
