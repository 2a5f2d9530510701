using System.Buffers;
using System.Text.Json;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using Microsoft.AspNetCore.Http;
using PxBackup.Api;
using PxBackup.Gateway.Rest;
using HttpResponse = Microsoft.AspNetCore.Http.HttpResponse;
using Metadata = Grpc.Core.Metadata;
using Status = Grpc.Core.Status;

namespace PxBackup.Gateway.Errors;

/// <summary>
/// Writes a failed call as grpc-gateway 1.16 does: <c>{"error":"…","code":5,"message":"…"}</c>, with <c>details</c> only where
/// the service gave some (the <c>google.rpc.Status</c> in the trailer <c>grpc-status-details-bin</c>).
/// </summary>
internal static class RestError
{
    private const string DetailsTrailer = "grpc-status-details-bin";

    private static readonly TypeRegistry Types = TypeRegistry.FromFiles([ErrorDetailsReflection.Descriptor, .. Contract.Files]);

    private static readonly JsonFormatter Formatter =
        new(JsonFormatter.Settings.Default.WithPreserveProtoFieldNames(true).WithTypeRegistry(Types));

    public static async Task WriteAsync(HttpResponse response, Status status, Metadata? trailers, CancellationToken cancellationToken, int? httpStatus = null)
    {
        var body = new ArrayBufferWriter<byte>(256);
        using (var json = new Utf8JsonWriter(body, JsonText.WriterOptions))
        {
            json.WriteStartObject();
            json.WriteString("error", status.Detail);
            json.WriteNumber("code", (int)status.StatusCode);
            json.WriteString("message", status.Detail);
            WriteDetails(json, trailers);
            json.WriteEndObject();
        }

        response.StatusCode = httpStatus ?? RestStatus.Of(status.StatusCode);
        response.ContentType = JsonText.ContentType;
        response.ContentLength = body.WrittenCount;
        await response.Body.WriteAsync(body.WrittenMemory, cancellationToken);
    }

    private static void WriteDetails(Utf8JsonWriter json, Metadata? trailers)
    {
        if (trailers?.Get(DetailsTrailer) is not { IsBinary: true } trailer)
            return;

        var details = Google.Rpc.Status.Parser.ParseFrom(trailer.ValueBytes).Details;
        if (details.Count == 0)
            return;

        json.WriteStartArray("details");
        foreach (var detail in details)
        {
            // A detail of a type that nobody registered cannot be shown as JSON; its type still tells the reader something.
            if (Types.Find(Any.GetTypeName(detail.TypeUrl)) is not null)
                json.WriteRawValue(Formatter.Format(detail));
            else
            {
                json.WriteStartObject();
                json.WriteString("@type", detail.TypeUrl);
                json.WriteEndObject();
            }
        }
        json.WriteEndArray();
    }
}
