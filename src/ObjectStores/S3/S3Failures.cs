using System.Net;
using System.Security.Authentication;
using System.Xml;
using Amazon.Runtime;
using Amazon.S3;

namespace PxBackup.ObjectStores.S3;

/// <summary>From what the SDK throws to what the user can act on.</summary>
internal static class S3Failures
{
    /// <summary>Longest text of a store that we pass on.</summary>
    private const int MaxStoreText = 400;

    /// <summary>Longest code of a store; S3's own have less than 40 characters.</summary>
    private const int MaxCode = 64;

    /// <summary>The failure behind the exception; null when it is none of the store's or the network's.</summary>
    /// <param name="what">What was tried, such as "listing bucket b".</param>
    /// <param name="exception">What came out of the SDK.</param>
    public static ObjectStoreException? From(string what, Exception exception)
    {
        // What happened on the connection says more than what the layers above made of it.
        if (Inside<ConnectException>(exception) is { } connect)
            return new(connect.Cause, "", $"{what}: {connect.Message}", exception);
        if (Inside<AuthenticationException>(exception) is { } tls)
            return new(StoreFailure.TlsUntrusted, "", $"{what}: {tls.Message}", exception);
        if (Inside<AnswerTooLargeException>(exception) is { } large)
            return new(StoreFailure.Other, "", $"{what}: {large.Message}", exception);
        return exception switch
        {
            AmazonS3Exception { ErrorCode.Length: > 0 } refused => new(StoreCodes.CauseOf(refused.ErrorCode), Shown(refused.ErrorCode, MaxCode), $"{what}: {Text(refused)}", refused, (int)refused.StatusCode),
            AmazonS3Exception refused => new(ByStatus(refused.StatusCode), "", $"{what}: the store answered {(int)refused.StatusCode} and no S3 error. {Shown(refused.Message)}", refused, (int)refused.StatusCode),
            HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError } secure => new(StoreFailure.TlsUntrusted, "", $"{what}: {secure.Message}", secure),
            TimeoutException or OperationCanceledException => new(StoreFailure.EndpointUnreachable, "", $"{what}: no answer in time", exception),
            HttpRequestException or IOException => new(StoreFailure.EndpointUnreachable, "", $"{what}: {exception.Message}", exception),
            AmazonClientException { InnerException: { } inner } when From(what, inner) is { } found => found,
            AmazonClientException or XmlException or FormatException => new(StoreFailure.Other, "", $"{what}: the store's answer makes no sense: {Shown(exception.Message)}", exception),
            _ => null,
        };
    }

    private static StoreFailure ByStatus(HttpStatusCode status) => status switch
    {
        HttpStatusCode.Forbidden or HttpStatusCode.Unauthorized => StoreFailure.AccessDenied,
        HttpStatusCode.ServiceUnavailable or HttpStatusCode.TooManyRequests => StoreFailure.SlowDown,
        HttpStatusCode.BadGateway or HttpStatusCode.GatewayTimeout => StoreFailure.EndpointUnreachable,
        _ => StoreFailure.Other,
    };

    /// <summary>The store's code and words, as Stork's own messages show them: <c>code: text</c>.</summary>
    private static string Text(AmazonS3Exception refused) =>
        string.IsNullOrEmpty(refused.Message) || refused.Message == refused.ErrorCode ? Shown(refused.ErrorCode, MaxCode) : $"{Shown(refused.ErrorCode, MaxCode)}: {Shown(refused.Message)}";

    /// <summary>Foreign text on one line, of bounded length.</summary>
    private static string Shown(string? text, int longest = MaxStoreText)
    {
        var line = string.Concat((text ?? "").Take(longest + 1).Select(c => char.IsControl(c) ? ' ' : c)).Trim();
        return line.Length <= longest ? line : line[..longest] + "…";
    }

    private static T? Inside<T>(Exception exception) where T : Exception
    {
        for (var current = exception; current is not null; current = current.InnerException)
            if (current is T found)
                return found;
        return null;
    }
}
