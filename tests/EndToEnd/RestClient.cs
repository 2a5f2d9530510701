using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Google.Protobuf;
using Xunit;

namespace PxBackup.Tests.EndToEnd;

/// <summary>What REST answered.</summary>
internal sealed record RestAnswer(HttpStatusCode Status, string ContentType, string Text)
{
    /// <summary>The body as JSON.</summary>
    public JsonObject Json => JsonNode.Parse(Text)!.AsObject();
}

/// <summary>One user by plain HTTP and JSON, as curl would send it.</summary>
internal sealed class RestClient : IDisposable
{
    private static readonly JsonFormatter Formatter = new(JsonFormatter.Settings.Default.WithPreserveProtoFieldNames(true));
    private readonly HttpClient _http;

    public RestClient(Uri address, string token)
    {
        _http = new HttpClient { BaseAddress = address, Timeout = TimeSpan.FromMinutes(2) };
        if (token.Length > 0)
            _http.DefaultRequestHeaders.TryAddWithoutValidation("Authorization", $"bearer {token}");
    }

    /// <summary>The message as the contract's JSON, with the names of the proto files.</summary>
    public static string JsonOf(IMessage message) => Formatter.Format(message);

    public Task<RestAnswer> GetAsync(string path) => SendAsync(HttpMethod.Get, path);

    public async Task<RestAnswer> SendAsync(HttpMethod method, string path, string? body = null, string contentType = "application/json")
    {
        using var request = new HttpRequestMessage(method, new Uri(path, UriKind.Relative));
        if (body is not null)
        {
            request.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body));
            request.Content.Headers.TryAddWithoutValidation("Content-Type", contentType);
        }

        using var answer = await _http.SendAsync(request, TestContext.Current.CancellationToken);
        return new RestAnswer(answer.StatusCode, answer.Content.Headers.ContentType?.ToString() ?? "", await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    /// <summary>Sends what must be answered with 200.</summary>
    public async Task<JsonObject> DoAsync(HttpMethod method, string path, string? body = null)
    {
        var answer = await SendAsync(method, path, body);
        Assert.True(answer.Status == HttpStatusCode.OK, $"{method} {path}: {(int)answer.Status} {answer.Text}");
        return answer.Json;
    }

    public void Dispose() => _http.Dispose();
}
