using System.Text;
using System.Text.Json;
using Google.Protobuf.WellKnownTypes;
using Microsoft.Extensions.DependencyInjection;
using PxBackup.Api;
using PxBackup.Gateway.Rest;
using PxBackup.Grains.Interfaces;
using Xunit;

namespace PxBackup.Tests.InProcess.Rest;

/// <summary>The corners of grpc-gateway 1.16 that its clients can meet (facts/api/semantics.md, corrections under section 1).</summary>
public sealed class RestEdgeTests
{
    private readonly RecordingBackup _backup = new();

    [Theory]
    [InlineData("""{"namespaces":["a","b"],"namespaces":["c"]}""", "c")]
    [InlineData("""{"namespaces":["a"],"namespaces":[]}""", "")]
    [InlineData("""{"namespaces":["a"],"namespaces":null}""", "")]
    public async Task A_list_given_twice_counts_as_given_last(string body, string expected) =>
        Assert.Equal(expected, string.Join(',', (await CreateAsync(body)).Namespaces));

    [Theory]
    [InlineData("""{"label_selectors":{"a":"1","b":"2"},"label_selectors":{"c":"3"}}""", "c=3")]
    [InlineData("""{"label_selectors":{"a":"1"},"label_selectors":{}}""", "")]
    [InlineData("""{"label_selectors":{"a":"1"},"label_selectors":null}""", "")]
    [InlineData("""{"label_selectors":{"a":"1","a":"2"}}""", "a=2")]
    [InlineData("""{"label_selectors":{"a":"1","a":null}}""", "a=")]
    public async Task A_map_or_a_key_of_it_given_twice_counts_as_given_last(string body, string expected) =>
        Assert.Equal(expected, string.Join(',', (await CreateAsync(body)).LabelSelectors.Select(pair => $"{pair.Key}={pair.Value}")));

    [Theory]
    [InlineData("""{"cluster":"a","cluster":"b"}""", "b")]
    [InlineData("""{"cluster":"a","cluster":null}""", "")]
    public async Task A_scalar_given_twice_counts_as_given_last(string body, string expected) => Assert.Equal(expected, (await CreateAsync(body)).Cluster);

    [Fact]
    public async Task A_message_given_twice_is_not_merged()
    {
        var asked = await CreateAsync("""{"cluster_ref":{"name":"a","uid":"u"},"cluster_ref":{"name":"b"},"backup_location_ref":{"uid":"u"},"backup_location_ref":null}""");

        Assert.Equal((new ObjectRef { Name = "b" }, null), (asked.ClusterRef, asked.BackupLocationRef));
    }

    [Theory]
    [InlineData("""{"backup_location":"snake","backupLocation":"camel"}""")]
    [InlineData("""{"backupLocation":"camel","backup_location":"snake"}""")]
    public async Task The_lowerCamel_name_goes_before_the_proto_name(string body) => Assert.Equal("camel", (await CreateAsync(body)).BackupLocation);

    [Theory]
    [InlineData("""{"cloud_credential":{"aws_config":{"access_key":"a"},"azure_config":{"account_name":"z"}}}""", CloudCredentialInfo.ConfigOneofCase.AzureConfig)]
    [InlineData("""{"cloud_credential":{"azure_config":{"account_name":"z"},"aws_config":{"access_key":"a"}}}""", CloudCredentialInfo.ConfigOneofCase.AzureConfig)]
    [InlineData("""{"cloud_credential":{"aws_config":{"access_key":"a"},"azure_config":{"account_name":"z"},"azure_config":null}}""", CloudCredentialInfo.ConfigOneofCase.AwsConfig)]
    [InlineData("""{"cloud_credential":{"aws_config":{"access_key":"a"},"aws_config":null}}""", CloudCredentialInfo.ConfigOneofCase.None)]
    public void Of_two_members_of_a_oneof_the_one_declared_later_counts(string body, CloudCredentialInfo.ConfigOneofCase expected)
    {
        var read = (CloudCredentialCreateRequest)MessageReader.Read(new(Encoding.UTF8.GetBytes(body)), CloudCredentialCreateRequest.Descriptor);

        Assert.Equal(expected, read.CloudCredential.ConfigCase);
    }

    [Theory]
    [InlineData("""{"metadata":{"labels":{}}}""", true)]
    [InlineData("""{"metadata":{"labels":null}}""", false)]
    [InlineData("""{"metadata":{}}""", false)]
    [InlineData("""{"metadata":{"labels":{"a":"b"}}}""", false)]
    public async Task Empty_labels_ask_for_none_and_missing_ones_do_not(string body, bool asks) =>
        Assert.Equal(asks, LabelChanges.AsksForNone((await CreateAsync(body)).Metadata.Labels));

    [Fact]
    public async Task A_second_question_mark_belongs_to_a_name_that_nobody_knows()
    {
        await using var host = await RestHost.WithAsync(_backup);

        var reply = await host.GetAsync("/v1/backup/default??enumerate_options.name_filter=x");

        Assert.Equal(200, reply.Status);
        Assert.Null(_backup.Asked<BackupEnumerateRequest>().EnumerateOptions);
    }

    [Theory]
    [InlineData("1n")]
    [InlineData("1u")]
    public async Task A_timeout_shorter_than_any_clock_is_over_at_once(string timeout)
    {
        _backup.Before = context => Task.Delay(TimeSpan.FromSeconds(30), TimeProvider.System, context.CancellationToken);
        await using var host = await RestHost.WithAsync(_backup);

        var reply = await host.GetAsync("/v1/backup/default", ("Grpc-Timeout", timeout));

        Assert.Equal(504, reply.Status);
    }

    [Fact]
    public async Task A_reply_that_cannot_be_written_is_an_internal_error_with_a_body()
    {
        _backup.Inspected = new BackupInspectResponse { Backup = new() { Metadata = new() { CreateTime = new Timestamp { Seconds = long.MaxValue } } } };
        await using var host = await RestHost.WithAsync(_backup);

        var reply = await host.GetAsync("/v1/backup/default/b");

        Assert.Equal((500, "application/json"), (reply.Status, reply.ContentType));
        Assert.Matches("""^\{"error":"internal error; the server's log tells more under trace [0-9a-f]{32}","code":13,""", reply.Body);
    }

    [Fact]
    public async Task Trailers_that_no_header_can_carry_are_percent_encoded()
    {
        _backup.Before = context =>
        {
            context.ResponseTrailers.Add("x-tail", "größe\r\nx: y");
            return Task.CompletedTask;
        };
        await using var host = await RestHost.WithAsync(_backup);

        var reply = await host.GetAsync("/v1/backup/default/b");

        Assert.Equal((200, "gr%C3%B6%C3%9Fe%0D%0Ax: y"), (reply.Status, reply.Headers["Grpc-Metadata-x-tail"]));
    }

    [Theory]
    [InlineData("""{"enumerate_options":{"time_range":{"start_time":"yesterday"}}}""", "at enumerate_options.time_range.start_time: \\\"yesterday\\\" is not a time such as 2026-11-22T10:00:00Z")]
    [InlineData("""{"enumerate_options":{"time_range":{"start_time":5}}}""", "expected a time such as 2026-11-22T10:00:00Z, found a number")]
    [InlineData("""{"enumerate_options":{"sort_option":{"sortBy":{"type":"Sideways"}}}}""", "\\\"Sideways\\\" is not a value of SortOption.SortByType.Type: one of Invalid, CreationTimestamp, Name, ClusterName, Size, RestoreBackupName, LastUpdateTimestamp")]
    public async Task A_wrong_value_in_a_body_is_told_what_is_right(string body, string message)
    {
        await using var host = await RestHost.WithAsync(_backup);

        var reply = await host.PostAsync("/v1/backup/default/enumerate", body);

        Assert.Equal(400, reply.Status);
        Assert.Contains(message, reply.Body, StringComparison.Ordinal);
        Assert.Contains("INVALID_FIELD", reply.Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Not_built_says_so_with_its_reason()
    {
        await using var host = await RestHost.StartAsync();

        var reply = await host.PostAsync("/v1/role", "{}");

        Assert.Equal(501, reply.Status);
        var detail = JsonDocument.Parse(reply.Body).RootElement.GetProperty("details")[0];
        Assert.Equal(("UNIMPLEMENTED", "pxbackup"), (detail.GetProperty("reason").GetString(), detail.GetProperty("domain").GetString()));
    }

    [Theory]
    [InlineData("GET", "/v1/nothing/of/the/kind/there", 404, 10)]
    [InlineData("PATCH", "/v1/backup/default", 405, 19)]
    public async Task A_path_or_verb_that_is_unknown_is_answered_with_its_length(string verb, string path, int status, int length)
    {
        await using var host = await RestHost.WithAsync(_backup);
        using var request = new HttpRequestMessage(new HttpMethod(verb), path);

        using var response = await host.Http.SendAsync(request, TestContext.Current.CancellationToken);

        Assert.Equal((status, (long?)length), ((int)response.StatusCode, response.Content.Headers.ContentLength));
    }

    [Theory]
    [InlineData("/V1/backup/default")]
    [InlineData("/v1/Backup/default")]
    [InlineData("/v1/backup/default/Enumerate/")]
    public async Task The_case_of_a_path_counts(string path)
    {
        await using var host = await RestHost.WithAsync(_backup);

        Assert.Equal(404, (await host.GetAsync(path)).Status);
    }

    [Fact]
    public async Task A_message_that_gRPC_refuses_is_refused_by_REST_and_one_that_gRPC_takes_is_taken()
    {
        await using var host = await RestHost.StartAsync(
            services => services.AddSingleton(_backup).AddRpcService<RecordingBackup>().AddSingleton(_backup),
            options => (options.MaxMessageBytes, options.MaxBodyBytes) = (1000, 2000));

        // 900 quotes are 900 bytes by gRPC and 1800 as JSON.
        var taken = await host.PostAsync("/v1/backup", $$"""{"cluster":"{{string.Concat(Enumerable.Repeat("\\\"", 900))}}"}""");
        var refused = await host.PostAsync("/v1/backup", $$"""{"cluster":"{{new string('c', 1000)}}"}""");
        var unread = await host.PostAsync("/v1/backup", $$"""{"cluster":"{{new string('c', 2000)}}"}""");

        Assert.Equal((200, 429, 429), (taken.Status, refused.Status, unread.Status));
        Assert.Contains("the message has 1003 bytes in gRPC's binary form: a message may have 1000 bytes in gRPC's binary form and 2000 bytes as JSON", refused.Body, StringComparison.Ordinal);
        Assert.Contains("the body has 2014 bytes: a message may have 1000 bytes in gRPC's binary form and 2000 bytes as JSON", unread.Body, StringComparison.Ordinal);
    }

    private async Task<BackupCreateRequest> CreateAsync(string body)
    {
        await using var host = await RestHost.WithAsync(_backup);
        var reply = await host.PostAsync("/v1/backup", body);
        Assert.True(reply.Status == 200, reply.Body);
        return _backup.Asked<BackupCreateRequest>();
    }
}
