using System.Text;
using PxBackup.Api;
using Xunit;

namespace PxBackup.Tests.InProcess.Rest;

public sealed class RestBodyTests
{
    private readonly RecordingBackup _backup = new();

    [Theory]
    [InlineData("""{"metadata":{"name":"b1","org_id":"default"},"backup_location_ref":{"uid":"u"}}""")]
    [InlineData("""{"metadata":{"name":"b1","orgId":"default"},"backupLocationRef":{"uid":"u"}}""")]
    public async Task Fields_are_read_by_proto_name_and_by_lower_camel_name(string body)
    {
        var asked = await CreateAsync(body);

        Assert.Equal(("b1", "default", "u"), (asked.Metadata.Name, asked.Metadata.OrgId, asked.BackupLocationRef.Uid));
    }

    [Fact]
    public async Task Null_means_unset_for_every_kind_of_field()
    {
        var asked = await CreateAsync("""{"metadata":null,"cluster":null,"namespaces":null,"label_selectors":null,"backup_type":null,"include_resources":null,"cluster_ref":null}""");

        Assert.Equal(new BackupCreateRequest(), asked);
    }

    [Fact]
    public async Task A_oneof_of_which_all_members_but_one_are_null_is_read()
    {
        await using var host = await RestHost.StartAsync();

        var reply = await host.PostAsync("/v1/cloudcredential", """{"cloud_credential":{"type":"AWS","aws_config":{"access_key":"a"},"azure_config":null,"google_config":null}}""");

        Assert.Equal(501, reply.Status);
    }

    [Fact]
    public async Task Unknown_keys_are_ignored_whatever_they_hold()
    {
        var asked = await CreateAsync("""{"auto_delete":{"deep":[1,{"x":null}]},"cloud_type":"AWS","cluster":"c","parallel_backup":true}""");

        Assert.Equal("c", asked.Cluster);
    }

    [Theory]
    [InlineData("")]
    [InlineData(" \n")]
    [InlineData("null")]
    [InlineData("{}")]
    public async Task An_empty_body_is_an_empty_message(string body) => Assert.Equal(new BackupCreateRequest(), await CreateAsync(body));

    [Theory]
    [InlineData("application/json")]
    [InlineData("application/x-www-form-urlencoded")]
    [InlineData("text/plain; charset=latin1")]
    [InlineData("nonsense")]
    [InlineData(null)]
    public async Task The_content_type_of_a_body_does_not_matter(string? contentType)
    {
        await using var host = await RestHost.WithAsync(_backup);

        var reply = await host.SendAsync("POST", "/v1/backup", """{"cluster":"c"}""", contentType);

        Assert.Equal(200, reply.Status);
        Assert.Equal("c", _backup.Asked<BackupCreateRequest>().Cluster);
    }

    [Fact]
    public async Task The_path_wins_over_the_body_and_the_query_does_not_count_beside_a_body()
    {
        await using var host = await RestHost.WithAsync(_backup);

        await host.PostAsync("/v1/backup/frompath/enumerate?enumerate_options.name_filter=fromquery", """{"org_id":"frombody","enumerate_options":{"max_objects":5}}""");

        var asked = _backup.Asked<BackupEnumerateRequest>();
        Assert.Equal(("frompath", 5ul, ""), (asked.OrgId, asked.EnumerateOptions.MaxObjects, asked.EnumerateOptions.NameFilter));
    }

    [Theory]
    [InlineData("5")]
    [InlineData("\"5\"")]
    public async Task A_64_bit_integer_may_be_a_number_or_a_string(string number)
    {
        await using var host = await RestHost.WithAsync(_backup);

        await host.PostAsync("/v1/backup/default/enumerate", "{\"enumerate_options\":{\"max_objects\":" + number + "}}");

        Assert.Equal(5ul, _backup.Asked<BackupEnumerateRequest>().EnumerateOptions.MaxObjects);
    }

    [Theory]
    [InlineData("\"Normal\"", BackupCreateRequest.Types.BackupType.Normal)]
    [InlineData("2", BackupCreateRequest.Types.BackupType.Normal)]
    [InlineData("77", (BackupCreateRequest.Types.BackupType)77)]
    public async Task An_enum_may_be_a_name_or_any_number(string value, BackupCreateRequest.Types.BackupType expected) =>
        Assert.Equal(expected, (await CreateAsync($$"""{"backup_type":{{value}}}""")).BackupType);

    [Theory]
    [InlineData("""{"backup_type":"Sideways"}""", "at backup_type: \\\"Sideways\\\" is not a value of BackupCreateRequest.BackupType: one of Invalid, Generic, Normal")]
    [InlineData("""{"include_resources":[{"name":"a"},{"name":5}]}""", "at include_resources[1].name: expected a string, found a number")]
    [InlineData("""{"label_selectors":{"app":["x"]}}""", "at label_selectors.app: expected a string, found a list")]
    [InlineData("""{"metadata":"b1"}""", "at metadata: expected an object, found a string")]
    [InlineData("""{"namespaces":"default"}""", "at namespaces: expected a list, found a string")]
    [InlineData("""{"namespaces":["a" "b"]}""", "not valid JSON at line 1, byte 20 (in namespaces")]
    [InlineData("{\n  \"cluster\": c\n}", "not valid JSON at line 2, byte 14 (in cluster)")]
    [InlineData("""{"cluster":"c""", "not valid JSON at line 1")]
    [InlineData("[]", "expected an object, found a list")]
    public async Task A_malformed_body_is_400_with_code_3_and_the_place_of_the_mistake(string body, string message)
    {
        await using var host = await RestHost.WithAsync(_backup);

        var reply = await host.PostAsync("/v1/backup", body);

        Assert.Equal((400, "application/json"), (reply.Status, reply.ContentType));
        Assert.Contains("\"code\":3", reply.Body, StringComparison.Ordinal);
        Assert.Contains(message, reply.Body, StringComparison.Ordinal);
        Assert.Null(_backup.Request);
    }

    [Fact]
    public async Task Nesting_beyond_64_levels_is_refused_even_under_unknown_keys()
    {
        await using var host = await RestHost.WithAsync(_backup);

        var deep = await host.PostAsync("/v1/backup", $$"""{"x":{{new string('[', 64)}}{{new string(']', 64)}}}""");
        var flat = await host.PostAsync("/v1/backup", $$"""{"x":{{new string('[', 63)}}{{new string(']', 63)}}}""");

        Assert.Equal((400, 200), (deep.Status, flat.Status));
    }

    [Fact]
    public async Task A_body_above_the_limit_is_429_with_code_8_and_names_the_setting()
    {
        await using var host = await RestHost.StartAsync(options: options => options.MaxBodyBytes = 1000);

        var reply = await host.PostAsync("/v1/backup", $$"""{"cluster":"{{new string('c', 1000)}}"}""");

        Assert.Equal(429, reply.Status);
        Assert.Contains("1000 bytes as JSON", reply.Body, StringComparison.Ordinal);
        Assert.Contains("Gateway:MaxMessageBytes", reply.Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_body_of_unknown_length_is_held_to_the_limit_too()
    {
        await using var host = await RestHost.StartAsync(options: options => options.MaxBodyBytes = 1000);
        using var content = new StreamContent(new MemoryStream(Encoding.UTF8.GetBytes($$"""{"cluster":"{{new string('c', 1000)}}"}""")));
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/backup") { Content = content };
        request.Headers.TransferEncodingChunked = true;

        using var response = await host.Http.SendAsync(request, TestContext.Current.CancellationToken);

        Assert.Equal(429, (int)response.StatusCode);
    }

    [Fact]
    public async Task A_body_of_two_megabytes_is_read_whole()
    {
        var asked = await CreateAsync($$"""{"cluster":"{{new string('c', 2_000_000)}}"}""");

        Assert.Equal(2_000_000, asked.Cluster.Length);
    }

    [Fact]
    public async Task Labels_in_any_script_and_escapes_survive()
    {
        var asked = await CreateAsync("""{"label_selectors":{"größe":"\u00fcber <&>","":"x"}}""");

        Assert.Equal("über <&>", asked.LabelSelectors["größe"]);
        Assert.Equal("x", asked.LabelSelectors[""]);
    }

    private async Task<BackupCreateRequest> CreateAsync(string body)
    {
        await using var host = await RestHost.WithAsync(_backup);
        var reply = await host.PostAsync("/v1/backup", body);
        Assert.Equal((200, "application/json", "{}"), (reply.Status, reply.ContentType, reply.Body));
        return _backup.Asked<BackupCreateRequest>();
    }
}
