using Google.Protobuf;
using Grpc.Core;

namespace PxBackup.Chaos.Load;

/// <summary>The run ended before a client had what it wanted.</summary>
internal sealed class NotServedException(string message) : Exception(message);

/// <summary>A client as clients should be: asks again at the other gateway when it got a retryable error, with the same request.</summary>
internal sealed class Client(Edge edge, string name, int firstGateway, bool byRest, CancellationToken giveUp)
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(2);
    private int _turn = firstGateway;

    public string Name => name;

    /// <summary>Asks once, each time at the other gateway.</summary>
    public Task<Reply<TAnswer>> AskAsync<TRequest, TAnswer>(Rpc<TRequest, TAnswer> rpc, TRequest request, string requestId = "")
        where TRequest : class, IMessage<TRequest>, new()
        where TAnswer : class, IMessage<TAnswer>, new() =>
        edge.AskAsync(name, Interlocked.Increment(ref _turn) & 1, byRest, rpc, request, requestId);

    /// <summary>Asks until there is an answer that is no passing trouble.</summary>
    /// <exception cref="NotServedException">The run's patience ended.</exception>
    public async Task<(Reply<TAnswer> Reply, int Attempts)> PersistAsync<TRequest, TAnswer>(Rpc<TRequest, TAnswer> rpc, TRequest request, string requestId = "")
        where TRequest : class, IMessage<TRequest>, new()
        where TAnswer : class, IMessage<TAnswer>, new()
    {
        var pause = FirstPause;
        for (var attempt = 1; ; attempt++)
        {
            var reply = await AskAsync(rpc, request, requestId);
            if (reply.IsOk || !reply.IsRetryable)
                return (reply, attempt);
            await PauseAsync(pause * (0.5 + Random.Shared.NextDouble()), $"{rpc.Name} of {reply.Entry.Object}: {reply.Entry.Code} {reply.Entry.Detail}");
            pause = pause * 2 > LongestPause ? LongestPause : pause * 2;
        }
    }

    /// <summary>Looks again and again until it is as wanted or gone.</summary>
    /// <returns>What was seen last; <see cref="World.Gone"/> for NotFound.</returns>
    /// <exception cref="NotServedException">The run's patience ended.</exception>
    public async Task<string> LookUntilAsync<TRequest, TAnswer>(Rpc<TRequest, TAnswer> rpc, TRequest request, Func<string, bool> isWanted)
        where TRequest : class, IMessage<TRequest>, new()
        where TAnswer : class, IMessage<TAnswer>, new()
    {
        while (true)
        {
            var (reply, _) = await PersistAsync(rpc, request);
            var seen = reply.IsOk ? reply.Entry.Seen : reply.Entry.Code == StatusCode.NotFound ? World.Gone : $"{reply.Entry.Code}: {reply.Entry.Detail}";
            if (isWanted(seen) || !reply.IsOk)
                return seen;
            await PauseAsync(TimeSpan.FromMilliseconds(400 + Random.Shared.Next(400)), $"{reply.Entry.Object} is still {seen}: {reply.Entry.Detail}");
        }
    }

    public async Task PauseAsync(TimeSpan pause, string waitingFor)
    {
        try
        {
            await Task.Delay(pause, giveUp);
        }
        catch (OperationCanceledException)
        {
            throw new NotServedException(waitingFor);
        }
    }
}
