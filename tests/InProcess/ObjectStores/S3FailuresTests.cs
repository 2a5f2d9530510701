using System.Net;
using System.Security.Authentication;
using Amazon.Runtime;
using Amazon.S3;
using PxBackup.ObjectStores;
using PxBackup.ObjectStores.S3;
using Xunit;

namespace PxBackup.Tests.InProcess.ObjectStores;

public sealed class S3FailuresTests
{
    [Theory]
    [InlineData("InvalidAccessKeyId", StoreFailure.InvalidAccessKey)]
    [InlineData("ExpiredToken", StoreFailure.InvalidAccessKey)]
    [InlineData("SignatureDoesNotMatch", StoreFailure.SignatureMismatch)]
    [InlineData("AccessDenied", StoreFailure.AccessDenied)]
    [InlineData("NoSuchBucket", StoreFailure.BucketNotFound)]
    [InlineData("InvalidBucketName", StoreFailure.InvalidBucketName)]
    [InlineData("PermanentRedirect", StoreFailure.WrongRegion)]
    [InlineData("AuthorizationHeaderMalformed", StoreFailure.WrongRegion)]
    [InlineData("RequestTimeTooSkewed", StoreFailure.RequestTimeTooSkewed)]
    [InlineData("SlowDown", StoreFailure.SlowDown)]
    [InlineData("SomethingNew", StoreFailure.Other)]
    public void The_stores_code_decides_and_its_words_are_passed_on(string code, StoreFailure expected)
    {
        var failure = S3Failures.From("listing bucket b", Refusal(code, "the store's own words", HttpStatusCode.BadRequest))!;

        Assert.Equal((expected, code), (failure.Cause, failure.StoreCode));
        Assert.Equal($"listing bucket b: {code}: the store's own words", failure.Message);
    }

    [Theory]
    [InlineData(HttpStatusCode.Forbidden, StoreFailure.AccessDenied)]
    [InlineData(HttpStatusCode.ServiceUnavailable, StoreFailure.SlowDown)]
    [InlineData(HttpStatusCode.BadGateway, StoreFailure.EndpointUnreachable)]
    [InlineData(HttpStatusCode.NotFound, StoreFailure.Other)]
    public void Without_a_code_the_status_decides(HttpStatusCode status, StoreFailure expected) =>
        Assert.Equal(expected, S3Failures.From("x", Refusal("", "<html>", status))!.Cause);

    [Fact]
    public void What_happened_on_the_connection_goes_before_what_was_wrapped_around_it()
    {
        var denied = new HttpRequestException("outer", new ConnectException(StoreFailure.EndpointDenied, "connections to h are not allowed"));
        var tls = new AmazonClientException("outer", new HttpRequestException("middle", new AuthenticationException("not trusted")));

        Assert.Equal(StoreFailure.EndpointDenied, S3Failures.From("x", denied)!.Cause);
        Assert.Equal(StoreFailure.TlsUntrusted, S3Failures.From("x", tls)!.Cause);
    }

    [Fact]
    public void Foreign_words_stay_on_one_line_of_bounded_length()
    {
        var failure = S3Failures.From("x", Refusal("AccessDenied", "first\r\nFAKE LOG LINE" + new string('a', 10_000), HttpStatusCode.Forbidden))!;

        Assert.DoesNotContain('\n', failure.Message);
        Assert.InRange(failure.Message.Length, 1, 600);
    }

    [Fact]
    public void A_fault_of_our_own_is_not_blamed_on_the_store() => Assert.Null(S3Failures.From("x", new InvalidOperationException()));

    private static AmazonS3Exception Refusal(string code, string message, HttpStatusCode status) => new(message, ErrorType.Sender, code, "1", status);
}
