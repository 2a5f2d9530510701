using System.Buffers;
using System.Text;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using PxBackup.Gateway.Errors;
using PxBackup.Grains.Interfaces;

namespace PxBackup.Gateway.Rest;

/// <summary>Takes in a request's body, up to a limit, whatever content type it claims: grpc-gateway does not look at it either.</summary>
internal static class RestBody
{
    /// <exception cref="RpcException">ResourceExhausted: too large. InvalidArgument: not what it should be.</exception>
    public static async Task<IMessage> ReadMessageAsync(HttpContext context, MessageDescriptor type, RestGatewayOptions options)
    {
        var message = await ReadAsync(context, options, body => MessageReader.Read(body, type));
        // What gRPC would refuse is refused here, too, however tersely it was written.
        return message.CalculateSize() is var size && size <= options.MaxMessageBytes ? message : throw Refused($"the message has {size} bytes in gRPC's binary form", options);
    }

    public static Task<string> ReadFormAsync(HttpContext context, RestGatewayOptions options) =>
        ReadAsync(context, options, body => Encoding.UTF8.GetString(body));

    private static async Task<T> ReadAsync<T>(HttpContext context, RestGatewayOptions options, Func<ReadOnlySequence<byte>, T> parse)
    {
        var limit = options.MaxBodyBytes;
        if (context.Request.ContentLength > limit)
            throw Refused($"the body has {context.Request.ContentLength} bytes", options);
        // Ours is the limit; the server's own would cut the connection instead of answering.
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } feature)
            feature.MaxRequestBodySize = null;

        var reader = context.Request.BodyReader;
        try
        {
            while (true)
            {
                var read = await reader.ReadAsync(context.RequestAborted);
                var (end, isLast) = (read.Buffer.End, read.IsCompleted || read.Buffer.Length > limit);
                try
                {
                    if (read.Buffer.Length > limit)
                        throw Refused($"the body has more than {limit} bytes", options);
                    if (read.IsCompleted)
                        return parse(read.Buffer);
                }
                finally
                {
                    // Also when it is refused: a reader left in the middle of a read makes the server cut the connection under the client's next request.
                    reader.AdvanceTo(isLast ? end : read.Buffer.Start, end);
                }
            }
        }
        catch (BadHttpRequestException e)
        {
            throw ErrorDetails.Invalid($"the body cannot be read: {e.Message}", "");
        }
    }

    private static RpcException Refused(string what, RestGatewayOptions options) => ErrorDetails.ToRpc(new DomainException(ErrorReason.LimitReached,
        $"{what}: a message may have {options.MaxMessageBytes} bytes in gRPC's binary form and {options.MaxBodyBytes} bytes as JSON; send less at once or raise Gateway:MaxMessageBytes"));
}
