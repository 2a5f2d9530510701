using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using System.IO.Pipelines;
using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Options;
using PxBackup.Gateway.Access;
using PxBackup.Gateway.Errors;
using PxBackup.Grains.Interfaces;

namespace PxBackup.Gateway.Hosting;

/// <summary>
/// In front of every call, by gRPC and by REST: first the token, from the headers alone; then the body has to arrive whole, in bounded time
/// and memory, before anything of it is decoded. A caller without a valid token is answered without a byte of its body being kept.
/// </summary>
internal sealed class RequestGate(CallGate calls, BodyBudget budget, IOptions<GatewayOptions> options, TimeProvider time)
{
    /// <summary>Body of a call that needs no token: what health and version may bring is a few bytes.</summary>
    public const int MaxAnonymousBytes = 4 * 1024;

    // Flag of compression and length, in front of every message of gRPC.
    private const int FrameHead = 5;

    /// <summary>Lets a request through to where its body is decoded.</summary>
    /// <param name="context">The request.</param>
    /// <param name="method">The method's path as gRPC names it.</param>
    /// <param name="body">What is to come.</param>
    /// <param name="limit">Bytes from which on somebody else refuses the body as too large.</param>
    /// <returns>What the request holds; dispose it when the call has ended.</returns>
    /// <exception cref="RpcException">It may not pass.</exception>
    public async ValueTask<IDisposable> PassAsync(HttpContext context, string method, BodyForm body, int limit)
    {
        var caller = await calls.AdmitAsync(context, method);
        var held = budget.Begin(caller?.UserId ?? "");
        if (body == BodyForm.None)
            return held;
        try
        {
            Bound(context, caller is null ? MaxAnonymousBytes : null, body);
            await ArriveAsync(context, held, body, caller is null ? MaxAnonymousBytes : limit, isAnonymous: caller is null);
            return held;
        }
        catch (Exception e)
        {
            held.Dispose();
            if (e is DomainException refusal)
                throw ErrorDetails.ToRpc(refusal);
            throw;
        }
    }

    // Ours is the limit; the server's own would cut the connection instead of answering.
    private static void Bound(HttpContext context, long? most, BodyForm body)
    {
        if (body == BodyForm.Whole && context.Request.ContentLength > most)
            throw TooLarge();
        if (body == BodyForm.Whole && context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
            limit.MaxRequestBodySize = null;
    }

    private async ValueTask ArriveAsync(HttpContext context, BodyBudget.Lease held, BodyForm form, int limit, bool isAnonymous)
    {
        var reader = context.Request.BodyReader;
        ITimer? patience = null;
        SequencePosition? examined = null;
        try
        {
            while (true)
            {
                var reading = reader.ReadAsync(context.RequestAborted);
                // What does not come with the headers is on the clock from here.
                if (!reading.IsCompleted)
                    patience ??= time.CreateTimer(static reader => ((PipeReader)reader!).CancelPendingRead(), reader, options.Value.BodyTimeout, Timeout.InfiniteTimeSpan);
                var read = await reading;
                var buffer = read.Buffer;
                var needed = form == BodyForm.Whole ? long.MaxValue : Needed(buffer);
                var isTooLarge = form == BodyForm.Whole ? buffer.Length > limit : needed > (long)limit + FrameHead;
                try
                {
                    if (isTooLarge && isAnonymous)
                        throw TooLarge();
                    if (read.IsCanceled)
                        throw TooSlow();
                    held.Hold(buffer.Length);
                }
                catch (Exception e) when (e is DomainException or RpcException)
                {
                    reader.AdvanceTo(buffer.End);
                    throw;
                }

                // What is here is left for who decodes it. What was looked at once cannot be called unseen again.
                if (read.IsCompleted || isTooLarge || buffer.Length >= needed)
                {
                    reader.AdvanceTo(buffer.Start, examined ?? buffer.Start);
                    return;
                }

                examined = buffer.End;
                reader.AdvanceTo(buffer.Start, buffer.End);
            }
        }
        catch (BadHttpRequestException e)
        {
            throw ErrorDetails.ToRpc(new DomainException(ErrorReason.InvalidField, $"the body cannot be read: {e.Message}", e));
        }
        finally
        {
            if (patience is not null)
                await patience.DisposeAsync();
        }
    }

    // Of the one message that a unary call brings.
    private static long Needed(ReadOnlySequence<byte> buffer)
    {
        if (buffer.Length < FrameHead)
            return FrameHead;
        Span<byte> head = stackalloc byte[FrameHead];
        buffer.Slice(0, FrameHead).CopyTo(head);
        return FrameHead + (long)BinaryPrimitives.ReadUInt32BigEndian(head[1..]);
    }

    private static DomainException TooLarge() =>
        new(ErrorReason.LimitReached, $"a call without a token may bring {MaxAnonymousBytes} bytes");

    private RpcException TooSlow() => new(new Status(
        StatusCode.DeadlineExceeded, string.Create(CultureInfo.InvariantCulture, $"the request's body did not arrive within {options.Value.BodyTimeout.TotalSeconds:0.#} s (Gateway:BodyTimeout)")));
}

/// <summary>How a request's body is made up.</summary>
internal enum BodyForm
{
    /// <summary>None is read.</summary>
    None,

    /// <summary>All of it is one text.</summary>
    Whole,

    /// <summary>One message of gRPC, with its length before it.</summary>
    Message,
}
