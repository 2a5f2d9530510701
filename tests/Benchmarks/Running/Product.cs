using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Grpc.Core;
using Grpc.Net.Client;

namespace PxBackup.Benchmarks.Running;

/// <summary>The product's own program, all in one, on a data folder.</summary>
internal sealed class Product : IAsyncDisposable
{
    // Made up for these runs, on loopback.
    private const string Password = "benchmark-password";
    private static readonly TimeSpan StartPatience = TimeSpan.FromMinutes(2);
    private readonly HttpClient _http;

    private Product(Child server, int restPort, int grpcPort, TimeSpan startTime)
    {
        (Server, RestPort, GrpcPort, StartTime) = (server, restPort, grpcPort, startTime);
        _http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{restPort}") };
        Channel = GrpcChannel.ForAddress(Grpc);
    }

    public Child Server { get; }

    public int RestPort { get; }

    public int GrpcPort { get; }

    public Uri Grpc => new($"http://127.0.0.1:{GrpcPort}");

    public Uri Rest => new($"http://127.0.0.1:{RestPort}");

    /// <summary>From the start of the process to the first answer of <c>/v1/health</c>.</summary>
    public TimeSpan StartTime { get; }

    public GrpcChannel Channel { get; }

    /// <summary>Headers with the administrator's token, once <see cref="SignInAsync"/> was called.</summary>
    public Metadata Headers { get; private set; } = [];

    /// <exception cref="InvalidOperationException">It ended or did not answer; the text holds its last lines.</exception>
    public static async Task<Product> StartAsync(string data, params IEnumerable<string> settings)
    {
        var (rest, grpc) = (FreePort(), FreePort());
        Environment.SetEnvironmentVariable("PXBACKUP_ADMIN_PASSWORD", Password);
        var since = Stopwatch.GetTimestamp();
        // The issuer is part of every token: it stays the same whatever the port, so that tokens outlive a restart.
        var server = Child.Start("src/Silo", "PxBackup.Silo",
            ["--all-in-one", "--data", data, "--rest-port", $"{rest}", "--grpc-port", $"{grpc}", "--Identity:Issuer", "http://localhost/auth/realms/master", .. settings]);
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{rest}") };
        while (Stopwatch.GetElapsedTime(since) < StartPatience && !server.HasExited)
        {
            try
            {
                using var answer = await http.GetAsync("/v1/health");
                if (answer.IsSuccessStatusCode)
                    return new Product(server, rest, grpc, Stopwatch.GetElapsedTime(since));
            }
            catch (HttpRequestException)
            {
                // Not listening yet.
            }

            await Task.Delay(5);
        }

        var said = server.LastLines();
        await server.DisposeAsync();
        throw new InvalidOperationException($"the server ended or did not answer:{Environment.NewLine}{said}");
    }

    /// <summary>Signs in as the administrator for the calls of this object.</summary>
    public async Task SignInAsync() => Headers = new Metadata { { "authorization", $"bearer {await TokenAsync("px-central-admin", Password)}" } };

    /// <summary>Makes a user.</summary>
    /// <returns>Its id and a token.</returns>
    public async Task<(string Id, string Token)> UserAsync(string name)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/auth/admin/realms/master/users")
        {
            Content = JsonContent.Create(new { username = name, enabled = true, credentials = new[] { new { type = "password", value = Password } } }),
            Headers = { { "authorization", Headers.GetValue("authorization") } },
        };
        using var answer = await _http.SendAsync(request);
        answer.EnsureSuccessStatusCode();
        return (answer.Headers.Location!.ToString().Split('/')[^1], await TokenAsync(name, Password));
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        Channel.Dispose();
        await Server.DisposeAsync();
    }

    internal static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private async Task<string> TokenAsync(string user, string password)
    {
        using var form = new FormUrlEncodedContent(new Dictionary<string, string>
        {
            ["grant_type"] = "password", ["client_id"] = "pxcentral", ["username"] = user, ["password"] = password, ["token-duration"] = "1d",
        });
        using var answer = await _http.PostAsync("/auth/realms/master/protocol/openid-connect/token", form);
        var body = await answer.Content.ReadFromJsonAsync<JsonObject>();
        return answer.IsSuccessStatusCode ? body!["access_token"]!.GetValue<string>() : throw new InvalidOperationException($"sign-in of {user} failed: {body}");
    }
}
