using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Google.Api;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using PxBackup.Api;
using PxBackup.Grains.Interfaces;
using Xunit;
using LogLevel = Microsoft.Extensions.Logging.LogLevel;

namespace PxBackup.Tests.InProcess.Gateway;

/// <summary>
/// Nonsense by REST and gRPC with a valid token: no 5xx for a client's mistake, no refusal without a body, no hang, no stack trace in the
/// log. The same requests each time; <c>PX_FUZZ_SECONDS</c> goes on with others for so long.
/// </summary>
public sealed class RestFuzzTests(FuzzHost host) : IClassFixture<FuzzHost>
{
    private const int Requests = 1500;

    private static readonly (string Verb, string Pattern, MethodDescriptor Method)[] Routes = [.. Bindings()];

    private static readonly string[] Words =
        ["", "a", "default", "..", ".", "prod:eu", "a/b", "%2F", "%00", "%", "%zz", "%C0%80", "ä", "\u202e", "😀", "null", "true", "-1", "0", "1e999", "99999999999999999999", "NaN", "2026-11-22T10:00:00Z",
         "1n", "10S", "x", "{}", "[]", "\"", "'", "<script>", "\\", "\\ud800", "enumerate", "*", " ", "\t", new('w', 300), new('w', 5000)];

    [Fact]
    public async Task Nonsense_by_REST_is_refused_in_words()
    {
        await ForSeeds(async random =>
        {
            using var request = Request(random, out var shown);
            HttpResponseMessage reply;
            try
            {
                reply = await host.Http.SendAsync(request, TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromSeconds(20), TimeProvider.System);
            }
            catch (HttpRequestException) when (shown.Contains('\0', StringComparison.Ordinal))
            {
                return; // The client did not send it.
            }

            using (reply)
            {
                var (status, body) = ((int)reply.StatusCode, await reply.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
                Assert.True(status is < 500 or 501 || (status == 504 && request.Headers.Contains("Grpc-Timeout")), $"{status} {body}\n{shown}");
                // What the web server refuses by itself has no body: it closes the connection then.
                Assert.True(body.Length > 0 || (status == 400 && reply.Headers.ConnectionClose == true), $"{status} without a body\n{shown}");
            }
        });
        Assert.Empty(host.Faults);
    }

    [Fact]
    public async Task Nonsense_by_gRPC_is_no_internal_error()
    {
        var bytes = Marshallers.Create<byte[]>(value => value, value => value);
        var calls = host.Channel.CreateCallInvoker();
        await ForSeeds(async random =>
        {
            var method = Routes[random.Next(Routes.Length)].Method;
            var body = Bytes(random, method.InputType);
            try
            {
                await calls.AsyncUnaryCall(new Method<byte[], byte[]>(MethodType.Unary, method.Service.FullName, method.Name, bytes, bytes), null, GatewayHost.As(FakeTokens.User), body);
            }
            catch (RpcException e)
            {
                Assert.False(e.StatusCode is StatusCode.Internal or StatusCode.Unknown or StatusCode.DeadlineExceeded, $"{method.FullName} {Convert.ToHexString(body)}: {e.Status}");
            }
        });
        Assert.Empty(host.Faults);
    }

    private static async Task ForSeeds(Func<Random, Task> act)
    {
        var end = double.TryParse(Environment.GetEnvironmentVariable("PX_FUZZ_SECONDS"), CultureInfo.InvariantCulture, out var seconds) ? TimeProvider.System.GetUtcNow().AddSeconds(seconds) : DateTimeOffset.MinValue;
        for (var seed = 0; seed < Requests || TimeProvider.System.GetUtcNow() < end; seed++)
            await act(new Random(seed));
    }

    private HttpRequestMessage Request(Random random, out string shown)
    {
        var (verb, pattern, method) = Routes[random.Next(Routes.Length)];
        if (random.Next(20) == 0)
            verb = Pick(random, "GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW");
        var path = "/" + string.Join('/', pattern[1..].Split('/').Select(segment => segment.StartsWith('{') || random.Next(30) == 0 ? Segment(random) : segment));
        var query = random.Next(2) == 0 ? "" : "?" + string.Join(random.Next(9) == 0 ? "&&" : "&", Enumerable.Range(0, random.Next(1, 5)).Select(_ => $"{Parameter(random, method.InputType)}={Uri.EscapeDataString(Word(random))}"));
        var request = new HttpRequestMessage(new HttpMethod(verb), new Uri($"{host.Rest.GetLeftPart(UriPartial.Authority)}{path}{query}", new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true }));
        var body = verb is "GET" or "DELETE" or "TRACE" ? "" : Mutated(random, Json(random, method.InputType, 0));
        if (body.Length > 0)
        {
            request.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body));
            request.Content.Headers.TryAddWithoutValidation("Content-Type", Pick(random, "application/json", "application/x-www-form-urlencoded", "text/plain; charset=x", "nonsense"));
        }

        request.Headers.TryAddWithoutValidation("Authorization", FakeTokens.User);
        if (random.Next(4) == 0)
            request.Headers.TryAddWithoutValidation(Pick(random, "Grpc-Timeout", "Grpc-Metadata-X", "Grpc-Metadata-Blob-Bin", "X-Request-Id", "Idempotency-Key", "X-HTTP-Method-Override", "X-Forwarded-For"), Header(random));
        shown = $"{verb} {path}{query}\n{body}\n{string.Join('\n', request.Headers)}";
        return request;
    }

    private static string Header(Random random) => new([.. Word(random).Where(c => c is >= ' ' and <= '~')]);

    private static string Segment(Random random) => random.Next(4) == 0
        ? new string([.. Word(random).Where(c => c is > ' ' and <= '~' and not '#' and not '?')])
        : Uri.EscapeDataString(Word(random).Replace('\ud800', 'x'));

    private static string Word(Random random) => Words[random.Next(Words.Length)];

    private static string Pick(Random random, params string[] choices) => choices[random.Next(choices.Length)];

    private static string Parameter(Random random, MessageDescriptor type)
    {
        var name = new StringBuilder();
        for (var depth = 0; depth < 4; depth++)
        {
            var fields = type.Fields.InDeclarationOrder();
            if (fields.Count == 0 || random.Next(15) == 0)
                return name.Append(Uri.EscapeDataString(Word(random))).ToString();
            var field = fields[random.Next(fields.Count)];
            name.Append(random.Next(2) == 0 ? field.Name : field.JsonName);
            if (field.IsMap || random.Next(12) == 0)
                return name.Append(Pick(random, "[k]", "[", "]", "[]", "[[a]]")).ToString();
            if (field.FieldType != FieldType.Message || random.Next(5) == 0)
                return name.ToString();
            (type, _) = (field.MessageType, name.Append('.'));
        }

        return name.ToString();
    }

    private static string Json(Random random, MessageDescriptor type, int depth)
    {
        var fields = type.Fields.InDeclarationOrder();
        if (fields.Count == 0 || depth > 5)
            return "{}";
        var pairs = Enumerable.Range(0, random.Next(0, 6)).Select(_ => fields[random.Next(fields.Count)])
            .Select(field => $"\"{(random.Next(2) == 0 ? field.Name : field.JsonName)}\":{Value(random, field, depth)}");
        return "{" + string.Join(',', pairs) + "}";
    }

    private static string Value(Random random, FieldDescriptor field, int depth)
    {
        if (random.Next(12) == 0)
            return Pick(random, "null", "[]", "{}", "true", "-1", "1e999", "\"\"", "[null]", "{\"a\":null}", "\"\\ud800\"", "\"\\u0000\"", "18446744073709551616");
        if (field.IsMap)
            return $"{{\"{Pick(random, "a", "", "k\\u0000", "1", "true")}\":{Pick(random, "\"v\"", "null", "1", "{}")}}}";
        var one = field.FieldType switch
        {
            FieldType.Message => Json(random, field.MessageType, depth + 1),
            FieldType.Bool => Pick(random, "true", "false", "\"true\""),
            FieldType.Enum => Pick(random, "0", "1", "77", "-5", $"\"{field.EnumType.Values[random.Next(field.EnumType.Values.Count)].Name}\"", "\"Sideways\""),
            FieldType.String or FieldType.Bytes => System.Text.Json.JsonSerializer.Serialize(Word(random)),
            _ => Pick(random, "0", "1", "-1", "\"5\"", "1.5", "4294967296", "9223372036854775807"),
        };
        return field.IsRepeated ? $"[{string.Join(',', Enumerable.Repeat(one, random.Next(0, 3)))}]" : one;
    }

    private static string Mutated(Random random, string json)
    {
        if (random.Next(5) > 0 || json.Length < 3)
            return json;
        var at = random.Next(json.Length);
        return random.Next(3) switch
        {
            0 => json[..at],
            1 => json.Remove(at, 1),
            _ => json.Insert(at, Pick(random, "{", "}", "\"", ",", "\\", "\u0000", new string('[', 100))),
        };
    }

    // Bytes that are a message of the type, as protobuf reads it: undecodable ones are another test's.
    private static byte[] Bytes(Random random, MessageDescriptor type)
    {
        try
        {
            var message = new JsonParser(JsonParser.Settings.Default.WithIgnoreUnknownFields(true)).Parse(Json(random, type, 0), type);
            var bytes = message.ToByteArray();
            for (var i = random.Next(3); i > 0 && bytes.Length > 0; i--)
                bytes[random.Next(bytes.Length)] ^= (byte)(1 << random.Next(8));
            type.Parser.ParseFrom(bytes);
            return bytes;
        }
        catch (Exception e) when (e is InvalidProtocolBufferException or InvalidJsonException or InvalidOperationException or ArgumentException)
        {
            return [];
        }
    }

    private static IEnumerable<(string, string, MethodDescriptor)> Bindings() =>
        from service in Contract.Services
        from method in service.Methods
        let rule = method.GetOptions()?.GetExtension(AnnotationsExtensions.Http)
        where rule is not null
        from binding in rule.AdditionalBindings.Prepend(rule)
        select Binding(binding, method);

    private static (string, string, MethodDescriptor) Binding(HttpRule binding, MethodDescriptor method) => binding.PatternCase switch
    {
        HttpRule.PatternOneofCase.Get => ("GET", binding.Get, method),
        HttpRule.PatternOneofCase.Delete => ("DELETE", binding.Delete, method),
        HttpRule.PatternOneofCase.Put => ("PUT", binding.Put, method),
        HttpRule.PatternOneofCase.Patch => ("PATCH", binding.Patch, method),
        _ => ("POST", binding.Post, method),
    };
}

/// <summary>A gateway behind which nothing is found, that keeps what is logged with an exception or as an error.</summary>
public sealed class FuzzHost : GatewayHost
{
    private readonly KeepingProvider _log = new();

    public IReadOnlyCollection<string> Faults => _log.Entries;

    protected override void Configure(IServiceCollection services)
    {
        // Readiness asks for the organizations all the while.
        Grains.Otherwise = call => call.Arguments[0] is OrganizationEnumerateRequest ? new OrganizationEnumerateResponse() : throw DomainException.NotFound(ObjectKind.Backup, "any");
        services.AddSingleton<ILoggerProvider>(_log);
    }

    private sealed class KeepingProvider : ILoggerProvider, ILogger
    {
        public ConcurrentQueue<string> Entries { get; } = new();

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (exception is not null || logLevel >= LogLevel.Error)
                Entries.Enqueue($"{logLevel} {formatter(state, exception)} {exception}");
        }

        public void Dispose()
        {
        }
    }
}
