using System.Buffers;
using System.Text;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace PxBackup.Gateway.Rest;

/// <summary>Takes in a request's body, up to a limit, whatever content type it claims: grpc-gateway does not look at it either.</summary>
internal static class RestBody
{
    /// <exception cref="RpcException">ResourceExhausted: too large. InvalidArgument: not what it should be.</exception>
    public static Task<IMessage> ReadMessageAsync(HttpContext context, MessageDescriptor type, int limit) =>
        ReadAsync(context, limit, body => MessageReader.Read(body, type));

    public static Task<string> ReadFormAsync(HttpContext context, int limit) =>
        ReadAsync(context, limit, body => Encoding.UTF8.GetString(body));

    private static async Task<T> ReadAsync<T>(HttpContext context, int limit, Func<ReadOnlySequence<byte>, T> parse)
    {
        if (context.Request.ContentLength > limit)
            throw TooLarge(limit);
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
                        throw TooLarge(limit);
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
            throw new RpcException(new Status(StatusCode.InvalidArgument, $"the body cannot be read: {e.Message}"));
        }
    }

    private static RpcException TooLarge(int limit) =>
        new(new Status(StatusCode.ResourceExhausted, $"the body is larger than {limit} bytes; send less at once or raise Gateway:MaxMessageBytes"));
}
