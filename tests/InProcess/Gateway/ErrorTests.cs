using System.Collections.Immutable;
using System.Reflection;
using Google.Rpc;
using Grpc.Core;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Orleans.Runtime;
using Orleans.Serialization;
using PxBackup.Gateway.Errors;
using PxBackup.Grains.Interfaces;
using Xunit;

namespace PxBackup.Tests.InProcess.Gateway;

public sealed class ErrorTests
{
    public static TheoryData<ErrorReason, StatusCode, string> Reasons => new()
    {
        { ErrorReason.Unspecified, StatusCode.Internal, "UNSPECIFIED" },
        { ErrorReason.InvalidField, StatusCode.InvalidArgument, "INVALID_FIELD" },
        { ErrorReason.NotFound, StatusCode.NotFound, "NOT_FOUND" },
        { ErrorReason.AlreadyExists, StatusCode.AlreadyExists, "ALREADY_EXISTS" },
        { ErrorReason.PermissionDenied, StatusCode.PermissionDenied, "PERMISSION_DENIED" },
        { ErrorReason.AmbiguousName, StatusCode.Internal, "AMBIGUOUS_NAME" },
        { ErrorReason.InUse, StatusCode.Unknown, "IN_USE" },
        { ErrorReason.WrongState, StatusCode.FailedPrecondition, "WRONG_STATE" },
        { ErrorReason.BackupNotRestorable, StatusCode.InvalidArgument, "BACKUP_NOT_RESTORABLE" },
        { ErrorReason.Unreachable, StatusCode.Unavailable, "UNREACHABLE" },
        { ErrorReason.Rejected, StatusCode.InvalidArgument, "REJECTED" },
        { ErrorReason.Conflict, StatusCode.Aborted, "CONFLICT" },
        { ErrorReason.StoreUnavailable, StatusCode.Unavailable, "STORE_UNAVAILABLE" },
        { ErrorReason.LimitReached, StatusCode.ResourceExhausted, "LIMIT_REACHED" },
        { ErrorReason.Unimplemented, StatusCode.Unimplemented, "UNIMPLEMENTED" },
        { ErrorReason.Unauthenticated, StatusCode.Unauthenticated, "UNAUTHENTICATED" },
        { ErrorReason.RequestMismatch, StatusCode.AlreadyExists, "REQUEST_MISMATCH" },
    };

    [Theory, MemberData(nameof(Reasons))]
    public void A_reason_has_its_code_and_its_published_name(ErrorReason reason, StatusCode code, string name)
    {
        Assert.Equal(code, ErrorCodes.Of(reason));
        Assert.Equal(name, ErrorCodes.NameOf(reason));
    }

    [Fact]
    public void No_reason_is_missing_in_the_table() =>
        Assert.Equal(Enum.GetValues<ErrorReason>().Order(), Reasons.Select(row => row.Data.Item1).Order());

    [Fact]
    public void A_refusal_carries_reason_domain_and_facts_for_programs()
    {
        var refusal = new DomainException(ErrorReason.InvalidField, "metadata.name: is required")
        {
            Facts = ImmutableDictionary<string, string>.Empty.Add("field", "metadata.name"),
        };

        var error = ErrorDetails.ToRpc(refusal);

        Assert.Equal("metadata.name: is required", error.Status.Detail);
        var status = Google.Rpc.Status.Parser.ParseFrom(error.Trailers.GetValueBytes("grpc-status-details-bin"));
        Assert.Equal((int)StatusCode.InvalidArgument, status.Code);
        var info = Assert.Single(status.Details).Unpack<ErrorInfo>();
        Assert.Equal(("INVALID_FIELD", "pxbackup", "metadata.name"), (info.Reason, info.Domain, info.Metadata["field"]));
    }

    [Fact]
    public void A_message_of_any_length_still_fits_into_trailers()
    {
        var error = ErrorDetails.ToRpc(new DomainException(ErrorReason.Rejected, new string('x', 100_000)));

        Assert.InRange(error.Status.Detail.Length, 1, 4097);
    }

    public static TheoryData<Exception, StatusCode> Failures => new()
    {
        { new DomainException(ErrorReason.NotFound, "x"), StatusCode.NotFound },
        { new SiloUnavailableException("secret-host:11111"), StatusCode.Unavailable },
        { Rejection("secret-host:11111"), StatusCode.Unavailable },
        { new TimeoutException("secret-host:11111"), StatusCode.Unavailable },
        { new OperationCanceledException(), StatusCode.Unavailable },
        { new TypeLoadException("secret-host:11111 px.INewGrain"), StatusCode.Unavailable },  // what a silo of the release before answers
        { new UnknownReferencedTypeException(7), StatusCode.Unavailable },
        { new DomainException(ErrorReason.Unspecified, "secret-host:11111"), StatusCode.Internal },
        { new InvalidOperationException("secret-host:11111"), StatusCode.Internal },
    };

    [Theory, MemberData(nameof(Failures))]
    public void What_fails_inside_gets_a_code_and_tells_no_host(Exception failure, StatusCode code)
    {
        var error = Interceptor().Translate(failure, new FakeCall());

        Assert.Equal(code, error.StatusCode);
        Assert.DoesNotContain("secret-host", error.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void An_unexpected_failure_answers_with_a_trace_for_the_log()
    {
        var error = Interceptor().Translate(new InvalidOperationException("boom"), new FakeCall());

        Assert.Matches("^internal error; the server's log tells more under trace [0-9a-f]{32}$", error.Status.Detail);
    }

    [Fact]
    public void A_cancelled_call_is_cancelled_and_one_past_its_deadline_has_exceeded_it()
    {
        var time = new FakeTimeProvider();
        var interceptor = new ErrorInterceptor(time, NullLogger<ErrorInterceptor>.Instance);
        var gone = new CancellationToken(canceled: true);

        var cancelled = interceptor.Translate(new OperationCanceledException(), new FakeCall(time.GetUtcNow().UtcDateTime.AddSeconds(1), gone));
        var late = interceptor.Translate(new OperationCanceledException(), new FakeCall(time.GetUtcNow().UtcDateTime, gone));

        Assert.Equal((StatusCode.Cancelled, StatusCode.DeadlineExceeded), (cancelled.StatusCode, late.StatusCode));
    }

    // Orleans alone makes these.
    private static Exception Rejection(string text) => (Exception)Activator.CreateInstance(
        typeof(OrleansMessageRejectionException), BindingFlags.NonPublic | BindingFlags.Instance, null, [text], null)!;

    private static ErrorInterceptor Interceptor() => new(TimeProvider.System, NullLogger<ErrorInterceptor>.Instance);
}
