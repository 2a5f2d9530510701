using Microsoft.AspNetCore.Http;

namespace PxBackup.Gateway.Rest;

/// <summary>When a call must be answered, from <c>Grpc-Timeout</c>, and the token that ends then or when the client goes.</summary>
internal sealed class RestDeadline : IDisposable
{
    // Timers cannot wait longer (2^32 - 2 ms); nobody waits 49 days for a reply.
    private static readonly TimeSpan LongestTimer = TimeSpan.FromMilliseconds(uint.MaxValue - 1);

    private readonly CancellationTokenSource? _timer;
    private readonly CancellationTokenSource? _either;

    private RestDeadline(DateTime at, CancellationToken token)
    {
        At = at;
        Token = token;
    }

    private RestDeadline(DateTime at, CancellationTokenSource timer, CancellationToken aborted)
    {
        At = at;
        _timer = timer;
        _either = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, aborted);
        Token = _either.Token;
    }

    /// <summary>The instant in UTC; <see cref="DateTime.MaxValue"/> without a timeout.</summary>
    public DateTime At { get; }

    public CancellationToken Token { get; }

    public bool HasPassed => _timer?.IsCancellationRequested ?? false;

    /// <exception cref="Grpc.Core.RpcException">InvalidArgument: the header is no timeout.</exception>
    public static RestDeadline Of(HttpContext context, TimeProvider time)
    {
        // Zero means none, as in grpc-gateway.
        var timeout = RestMetadata.Timeout(context.Request) ?? TimeSpan.Zero;
        if (timeout == TimeSpan.Zero)
            return new RestDeadline(DateTime.MaxValue, context.RequestAborted);

        var now = time.GetUtcNow().UtcDateTime;
        return timeout > LongestTimer
            ? new RestDeadline(DateTime.MaxValue, context.RequestAborted)
            : new RestDeadline(now + timeout, new CancellationTokenSource(timeout, time), context.RequestAborted);
    }

    public void Dispose()
    {
        _either?.Dispose();
        _timer?.Dispose();
    }
}
