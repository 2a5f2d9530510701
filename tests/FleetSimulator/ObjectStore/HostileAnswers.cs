using System.Globalization;
using System.Net;
using System.Text;

namespace PxBackup.FleetSimulator.ObjectStore;

/// <summary>
/// Answers of a store that means no good: larger, longer or other than what was asked for. Made while they are sent, so that they cost
/// the simulator nothing; signatures are not looked at, and nothing takes effect.
/// </summary>
internal static class HostileAnswers
{
    private const string Space = "http://s3.amazonaws.com/doc/2006-03-01/";
    private const int Piece = 64 * 1024;

    public static bool Makes(ObjectStoreFaultKind kind) => kind is ObjectStoreFaultKind.HugeError or ObjectStoreFaultKind.EndlessPages or ObjectStoreFaultKind.CirclingPages
        or ObjectStoreFaultKind.StrayKeys or ObjectStoreFaultKind.CrowdedPage or ObjectStoreFaultKind.HugeHeaders or ObjectStoreFaultKind.Drip
        or ObjectStoreFaultKind.FalseErrors or ObjectStoreFaultKind.OnlySays;

    public static async Task SendAsync(HttpContext context, S3Request request, ObjectStoreFault fault, long number)
    {
        var (response, stop) = (context.Response, context.RequestAborted);
        response.ContentType = "application/xml";
        try
        {
            switch (fault.Kind)
            {
                case ObjectStoreFaultKind.HugeError:
                    response.StatusCode = (int)fault.Status;
                    await WriteAsync(response, $"<Error><Code>{fault.Code}</Code><Message>{fault.Message} ", stop);
                    await PadAsync(response, fault.Bytes, 'A', stop);
                    await WriteAsync(response, "</Message></Error>", stop);
                    break;
                case ObjectStoreFaultKind.HugeHeaders:
                    for (var i = 0; i * 8000L < fault.Bytes; i++)
                        response.Headers[$"x-amz-meta-{i}"] = new string('h', 8000);
                    await WriteAsync(response, Page(request, [], "", number), stop);
                    break;
                case ObjectStoreFaultKind.Drip:
                    while (!stop.IsCancellationRequested)
                    {
                        await WriteAsync(response, " ", stop);
                        await response.Body.FlushAsync(stop);
                        await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, stop);
                    }
                    break;
                case ObjectStoreFaultKind.CrowdedPage:
                    await WriteAsync(response, $"<{Root(request)} xmlns=\"{Space}\"><IsTruncated>false</IsTruncated>", stop);
                    await RepeatAsync(response, fault.Bytes, IsVersions(request) ? "<Version/>" : "<Contents/>", stop);
                    await WriteAsync(response, $"</{Root(request)}>", stop);
                    break;
                case ObjectStoreFaultKind.FalseErrors:
                    await WriteAsync(response, $"<DeleteResult xmlns=\"{Space}\">" + string.Concat(fault.Stray.Select(key =>
                        $"<Error><Key>{WebUtility.HtmlEncode(key)}</Key><Code>AccessDenied</Code><Message>not yours</Message></Error>")) + "</DeleteResult>", stop);
                    break;
                case ObjectStoreFaultKind.OnlySays:
                    if (request.Method == "DELETE")
                        response.StatusCode = StatusCodes.Status204NoContent;
                    else
                        await WriteAsync(response, $"<DeleteResult xmlns=\"{Space}\"></DeleteResult>", stop);
                    break;
                default:
                    await WriteAsync(response, Listing(request, fault, number), stop);
                    break;
            }
        }
        catch (Exception ended) when (ended is OperationCanceledException or IOException)
        {
            // The client had enough.
        }
    }

    private static string Listing(S3Request request, ObjectStoreFault fault, long number)
    {
        var prefix = request["prefix"] ?? "";
        var at = request["continuation-token"] ?? request["key-marker"] ?? "";
        return fault.Kind switch
        {
            ObjectStoreFaultKind.EndlessPages => Page(request, Enumerable.Range(0, fault.KeysPerPage).Select(i => $"{prefix}{number:d10}/{i}"), $"{prefix}{number:d10}~", number),
            // Two pages, each of which says that the other one comes next.
            ObjectStoreFaultKind.CirclingPages => at.EndsWith("odd", StringComparison.Ordinal)
                ? Page(request, [$"{prefix}odd"], $"{prefix}even", number)
                : Page(request, [$"{prefix}even"], $"{prefix}odd", number),
            _ => Page(request, [$"{prefix}own", .. fault.Stray], "", number),
        };
    }

    private static string Page(S3Request request, IEnumerable<string> keys, string next, long number)
    {
        var page = new StringBuilder();
        page.Append(CultureInfo.InvariantCulture, $"<{Root(request)} xmlns=\"{Space}\"><Name>{request.Bucket}</Name><IsTruncated>{(next.Length > 0 ? "true" : "false")}</IsTruncated>");
        if (next.Length > 0)
            page.Append(IsVersions(request) ? $"<NextKeyMarker>{WebUtility.HtmlEncode(next)}</NextKeyMarker><NextVersionIdMarker>{number}</NextVersionIdMarker>" : $"<NextContinuationToken>{WebUtility.HtmlEncode(next)}</NextContinuationToken>");
        foreach (var key in keys)
        {
            var facts = $"<Key>{WebUtility.HtmlEncode(key)}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>\"0\"</ETag><Size>1</Size>";
            page.Append(IsVersions(request) ? $"<Version>{facts}<VersionId>null</VersionId><IsLatest>true</IsLatest></Version>" : $"<Contents>{facts}</Contents>");
        }
        return page.Append(CultureInfo.InvariantCulture, $"</{Root(request)}>").ToString();
    }

    private static bool IsVersions(S3Request request) => request.Operation == "ListObjectVersions";

    private static string Root(S3Request request) => IsVersions(request) ? "ListVersionsResult" : "ListBucketResult";

    private static Task WriteAsync(HttpResponse response, string text, CancellationToken stop) => response.Body.WriteAsync(Encoding.UTF8.GetBytes(text), stop).AsTask();

    private static Task PadAsync(HttpResponse response, long bytes, char with, CancellationToken stop) => RepeatAsync(response, bytes, new string(with, Piece), stop);

    private static async Task RepeatAsync(HttpResponse response, long bytes, string text, CancellationToken stop)
    {
        var piece = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat(text, Math.Max(1, Piece / text.Length))));
        for (long sent = 0; sent < bytes; sent += piece.Length)
            await response.Body.WriteAsync(piece, stop);
    }
}
