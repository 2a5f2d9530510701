using Grpc.Core;
using Grpc.Core.Interceptors;
using Microsoft.Extensions.Logging;
using PxBackup.Gateway.Access;
using PxBackup.Gateway.Errors;

namespace PxBackup.Gateway.Requests;

/// <summary>
/// Asks again when the silo that was to answer a read is lost: a grain of it lives elsewhere a moment later. Only methods that
/// change nothing; a write whose outcome is unknown is the client's to repeat, with its uid or <c>idempotency-key</c>.
/// </summary>
internal sealed partial class ReadRetryInterceptor(TimeProvider time, ILogger<ReadRetryInterceptor> logger) : Interceptor
{
    /// <summary>How long a read is tried. 10 s: three times what the take-over of a killed silo's grains takes.</summary>
    private static readonly TimeSpan TriedFor = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(500);

    public override Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
    {
        var answer = continuation(request, context);
        return answer.IsCompletedSuccessfully || !RpcAccess.Of(context.Method).IsRead ? answer : AgainAsync(answer, request, context, continuation);
    }

    private async Task<TResponse> AgainAsync<TRequest, TResponse>(
        Task<TResponse> answer, TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
        where TRequest : class
        where TResponse : class
    {
        var began = time.GetTimestamp();
        for (var pause = FirstPause; ; pause = pause * 2 > LongestPause ? LongestPause : pause * 2)
        {
            try
            {
                return await answer;
            }
            catch (Exception e) when (SiloFailures.IsTransient(e) && time.GetElapsedTime(began) < TriedFor && !context.CancellationToken.IsCancellationRequested)
            {
                LogAgain(logger, context.Method, e.GetType().Name);
            }

            // Full jitter: the reads that one silo held up must not reach the next one in the same instant.
            await Task.Delay(pause * Random.Shared.NextDouble(), time, context.CancellationToken);
            answer = continuation(request, context);
        }
    }

    [LoggerMessage(LogLevel.Debug, "{Method} is tried again after {Failure}")]
    private static partial void LogAgain(ILogger logger, string method, string failure);
}
