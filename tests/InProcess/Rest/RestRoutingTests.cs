using Grpc.Core;
using PxBackup.Api;
using Xunit;

namespace PxBackup.Tests.InProcess.Rest;

public sealed class RestRoutingTests
{
    private readonly RecordingBackup _backup = new();

    [Fact]
    public async Task An_unknown_path_is_404_in_plain_text()
    {
        await using var host = await RestHost.WithAsync(_backup);

        var reply = await host.GetAsync("/v1/nothing");

        Assert.Equal((404, "text/plain; charset=utf-8", "Not Found\n"), (reply.Status, reply.ContentType, reply.Body));
    }

    [Fact]
    public async Task A_known_path_with_a_wrong_verb_is_405_in_plain_text()
    {
        await using var host = await RestHost.WithAsync(_backup);

        var reply = await host.SendAsync("PATCH", "/v1/backup", "{}");

        Assert.Equal((405, "text/plain; charset=utf-8", "Method Not Allowed\n"), (reply.Status, reply.ContentType, reply.Body));
    }

    [Theory]
    [InlineData("/v1/backup/default/a%2Fb%2Fc")]
    [InlineData("/v1/backup/default/a%2fb%2fc")]
    [InlineData("/v1/backup/default/a/b/c")]
    public async Task A_path_parameter_cannot_contain_a_slash_even_when_it_is_encoded(string path)
    {
        await using var host = await RestHost.WithAsync(_backup);

        Assert.Equal(404, (await host.GetAsync(path)).Status);
        Assert.Null(_backup.Request);
    }

    [Theory]
    [InlineData("/v1/backup/default/a:b")]
    [InlineData("/v1/backup/default/a%3Ab")]
    [InlineData("/v1/backup/default/:b")]
    public async Task A_colon_in_the_last_segment_is_a_verb_that_no_route_has(string path)
    {
        await using var host = await RestHost.WithAsync(_backup);

        Assert.Equal(404, (await host.GetAsync(path)).Status);
    }

    [Fact]
    public async Task A_colon_in_an_earlier_segment_is_part_of_the_value()
    {
        await using var host = await RestHost.WithAsync(_backup);

        await host.GetAsync("/v1/backup/or:g/b1");

        Assert.Equal("or:g", _backup.Asked<BackupInspectRequest>().OrgId);
    }

    [Theory]
    [InlineData("/v1/backup/default/n%C3%A4chtlich%20b", "nächtlich b")]
    [InlineData("/v1/backup/default/100%25", "100%")]
    [InlineData("/v1/backup/default/a%252Fb", "a%2Fb")]
    [InlineData("/v1/backup/default/a+b", "a+b")]
    public async Task Path_parameters_are_decoded_once(string path, string name)
    {
        await using var host = await RestHost.WithAsync(_backup);

        await host.GetAsync(path);

        Assert.Equal(name, _backup.Asked<BackupInspectRequest>().Name);
    }

    [Fact]
    public async Task A_slash_at_the_end_is_an_empty_last_parameter()
    {
        await using var host = await RestHost.WithAsync(_backup);

        await host.GetAsync("/v1/backup/");

        Assert.Equal("", _backup.Asked<BackupEnumerateRequest>().OrgId);
    }

    [Fact]
    public async Task Path_parameters_are_typed_and_a_wrong_one_is_named()
    {
        await using var host = await RestHost.StartAsync();

        var reply = await host.GetAsync("/v1/restore/default/many/1");

        Assert.Equal(400, reply.Status);
        Assert.Contains("type mismatch, parameter: days", reply.Body, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("1")]
    [InlineData("Hourly")]
    public async Task An_enum_in_the_path_may_be_given_by_number_or_name(string interval)
    {
        await using var host = await RestHost.StartAsync();

        Assert.Equal(501, (await host.GetAsync($"/v1/restore/default/7/{interval}")).Status);
    }

    [Fact]
    public async Task A_POST_of_a_form_to_a_path_without_POST_is_answered_by_the_GET_binding()
    {
        await using var host = await RestHost.WithAsync(_backup);

        var reply = await host.SendAsync("POST", "/v1/backup/default/b1?uid=later", "uid=u1&unknown=x", "application/x-www-form-urlencoded");

        Assert.Equal(200, reply.Status);
        Assert.Equal(("b1", "u1"), (_backup.Asked<BackupInspectRequest>().Name, _backup.Asked<BackupInspectRequest>().Uid));
    }

    [Fact]
    public async Task Without_the_form_content_type_a_POST_does_not_fall_back()
    {
        await using var host = await RestHost.WithAsync(_backup);

        Assert.Equal(405, (await host.SendAsync("POST", "/v1/backup/default/b1", "{}")).Status);
    }

    [Fact]
    public async Task The_method_override_header_counts_for_a_form_POST()
    {
        await using var host = await RestHost.WithAsync(_backup);

        var reply = await host.SendAsync("POST", "/v1/backup/default/b1", "", "application/x-www-form-urlencoded", ("X-HTTP-Method-Override", "delete"));

        Assert.Equal(200, reply.Status);
        Assert.Equal("b1", _backup.Asked<BackupDeleteRequest>().Name);
    }

    [Fact]
    public async Task The_method_override_header_counts_for_nothing_else()
    {
        await using var host = await RestHost.WithAsync(_backup);

        var reply = await host.SendAsync("GET", "/v1/backup/default/b1", headers: ("X-HTTP-Method-Override", "DELETE"));

        Assert.Equal(200, reply.Status);
        Assert.IsType<BackupInspectRequest>(_backup.Request);
    }

    [Fact]
    public async Task The_GET_alias_for_resource_details_of_the_older_API_answers()
    {
        await using var host = await RestHost.WithAsync(_backup);

        var reply = await host.GetAsync("/v1/backup/getbackupresourcedetails/default/b1?uid=u1");

        Assert.Equal(200, reply.Status);
        var asked = _backup.Asked<BackupResourceDetailGetRequest>();
        Assert.Equal(("default", "b1", "u1"), (asked.OrgId, asked.Name, asked.Uid));
    }

    [Fact]
    public async Task Paths_outside_v1_are_left_to_the_rest_of_the_host()
    {
        await using var host = await RestHost.WithAsync(_backup);

        var reply = await host.GetAsync("/metrics");

        Assert.Equal((404, ""), (reply.Status, reply.Body));
    }
}
