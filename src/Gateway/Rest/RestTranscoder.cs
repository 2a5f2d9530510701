using System.Diagnostics;
using System.Text.Json;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using PxBackup.Gateway.Errors;
using PxBackup.Gateway.Hosting;

namespace PxBackup.Gateway.Rest;

/// <summary>
/// Answers REST requests by calling the gRPC services of this process, with the behaviour of grpc-gateway 1.16 (DESIGN D12):
/// route, fill the request message, call, write the reply.
/// </summary>
internal sealed partial class RestTranscoder(
    RpcTable table, IOptions<RestGatewayOptions> options, TimeProvider time, ILogger<RestTranscoder> logger, RequestGate? gate = null)
{
    private const string Form = "application/x-www-form-urlencoded";

    private readonly RestRouter _router = new(RestRoute.All(table));
    private readonly RestGatewayOptions _limits = options.Value;

    public async Task AnswerAsync(HttpContext context)
    {
        if (Route(context, out var segments) is not { } route)
        {
            await (segments is not null && _router.KnowsPath(segments)
                ? RefuseAsync(context, StatusCodes.Status405MethodNotAllowed, "Method Not Allowed")
                : RefuseAsync(context, StatusCodes.Status404NotFound, "Not Found"));
            return;
        }

        try
        {
            var body = route.HasBody || HttpMethods.IsPost(context.Request.Method) ? BodyForm.Whole : BodyForm.None;
            using var held = gate is null ? null : await gate.PassAsync(context, route.Method.FullName, body, _limits.MaxBodyBytes);
            var request = await ReadRequestAsync(context, route, segments!);
            await CallAsync(context, route, request);
        }
        catch (RpcException e)
        {
            await FailAsync(context, e);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // The client is gone: there is nobody to answer.
        }
        catch (Exception e) when (!context.Response.HasStarted)
        {
            // A reply that cannot be written, or a defect of ours: never a 500 without a word.
            var trace = Activity.Current?.TraceId.ToHexString() ?? Guid.NewGuid().ToString("N");
            LogUnanswerable(e, route.Method.FullName, trace);
            context.Response.Clear();
            await FailAsync(context, new RpcException(new Status(StatusCode.Internal, $"internal error; the server's log tells more under trace {trace}")));
        }
    }

    private RestRoute? Route(HttpContext context, out string[]? segments)
    {
        segments = RestPath.Segments(context);
        if (segments is null)
            return null;

        var request = context.Request;
        var isForm = HttpMethods.IsPost(request.Method) && request.ContentType == Form;
        if (isForm && request.Headers["X-HTTP-Method-Override"].ToString() is { Length: > 0 } verb)
            return _router.Find(verb.ToUpperInvariant(), segments);

        return _router.Find(request.Method, segments) ?? (isForm ? _router.Find(HttpMethods.Get, segments) : null);
    }

    private async Task<IMessage> ReadRequestAsync(HttpContext context, RestRoute route, string[] segments)
    {
        var type = route.Method.Descriptor.InputType;
        var message = route.HasBody
            ? await RestBody.ReadMessageAsync(context, type, _limits)
            : MessageShape.Of(type).Create();
        SetFromPath(message, route, segments);
        if (route.HasBody)
            return message;

        var query = context.Request.QueryString.Value is { Length: > 1 } text ? text[1..] : "";
        if (HttpMethods.IsPost(context.Request.Method))
            query = $"{await RestBody.ReadFormAsync(context, _limits)}&{query}";
        QueryReader.Fill(message, query, route.Parameters);
        return message;
    }

    private static void SetFromPath(IMessage message, RestRoute route, string[] segments)
    {
        var parameter = 0;
        for (var index = 0; index < segments.Length; index++)
        {
            if (!RestRoute.IsParameter(route.Segments[index]))
                continue;

            var field = route.Parameters[parameter++];
            try
            {
                field.Accessor.SetValue(message, FieldText.Parse(field, segments[index]));
            }
            catch (FormatException e)
            {
                throw ErrorDetails.Invalid($"type mismatch, parameter: {field.Name}, error: {e.Message}", field.Name);
            }
        }
    }

    private async Task CallAsync(HttpContext context, RestRoute route, IMessage request)
    {
        using var deadline = RestDeadline.Of(context, time);
        var call = new RestServerCallContext(context, route.Method, RestMetadata.Read(context.Request), deadline.At, deadline.Token);
        var pending = Invoke(context, route, request, call);
        IMessage reply;
        try
        {
            reply = await pending.WaitAsync(deadline.Token);
        }
        catch (OperationCanceledException) when (deadline.HasPassed)
        {
            await FailAsync(context, new RpcException(new Status(StatusCode.DeadlineExceeded, "context deadline exceeded")));
            // The caller has its answer; the request's services must live as long as the call that uses them.
            await context.Response.CompleteAsync();
            await ((Task)pending).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return;
        }
        catch (RpcException e)
        {
            RestMetadata.Write(context.Response, call.ReplyHeaders);
            RestMetadata.Write(context.Response, call.ResponseTrailers);
            await FailAsync(context, e);
            return;
        }

        RestMetadata.Write(context.Response, call.ReplyHeaders);
        RestMetadata.Write(context.Response, call.ResponseTrailers);
        if (call.Status.StatusCode == StatusCode.OK)
            await ReplyAsync(context, reply);
        else
            await RestError.WriteAsync(context.Response, call.Status, call.ResponseTrailers, context.RequestAborted);
    }

    // A failure that no interceptor has translated is answered as a gRPC server does: its text may tell too much.
    private async Task<IMessage> Invoke(HttpContext context, RestRoute route, IMessage request, RestServerCallContext call)
    {
        try
        {
            return await route.Method.InvokeAsync(context, request, call);
        }
        catch (Exception e) when (e is not RpcException && !(e is OperationCanceledException && call.CancellationToken.IsCancellationRequested))
        {
            LogUntranslated(e, route.Method.FullName);
            throw new RpcException(new Status(StatusCode.Unknown, "Exception was thrown by handler."));
        }
    }

    private static async Task ReplyAsync(HttpContext context, IMessage reply)
    {
        using var body = new PooledBody();
        using (var json = new Utf8JsonWriter(body, JsonText.WriterOptions))
            MessageWriter.Write(json, reply);

        context.Response.ContentType = JsonText.ContentType;
        context.Response.ContentLength = body.Length;
        await body.CopyToAsync(context.Response.Body, context.RequestAborted);
    }

    private static Task FailAsync(HttpContext context, RpcException e)
    {
        RestMetadata.Write(context.Response, e.Trailers);
        return RestError.WriteAsync(context.Response, e.Status, e.Trailers, context.RequestAborted);
    }

    // As Go's http.Error writes it, line end included.
    private static Task RefuseAsync(HttpContext context, int status, string text)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "text/plain; charset=utf-8";
        context.Response.Headers.XContentTypeOptions = "nosniff";
        context.Response.ContentLength = text.Length + 1;
        return context.Response.WriteAsync(text + "\n", context.RequestAborted);
    }

    [LoggerMessage(LogLevel.Error, "{Method} could not be answered, trace {Trace}")]
    private partial void LogUnanswerable(Exception exception, string method, string trace);

    [LoggerMessage(LogLevel.Error, "{Method} failed with an error that has no gRPC status")]
    private partial void LogUntranslated(Exception exception, string method);
}
