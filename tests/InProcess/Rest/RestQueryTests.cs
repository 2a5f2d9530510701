using Google.Protobuf.WellKnownTypes;
using Microsoft.Extensions.DependencyInjection;
using PxBackup.Api;
using PxBackup.Gateway.Rest;
using Xunit;

namespace PxBackup.Tests.InProcess.Rest;

public sealed class RestQueryTests
{
    private readonly RecordingCluster _cluster = new();

    [Fact]
    public async Task Nested_fields_are_named_with_dots()
    {
        var asked = await ListAsync("enumerate_options.max_objects=10&cloud_credential_ref.name=c&enumerate_options.sort_option.sortBy.type=2");

        Assert.Equal((10ul, "c", SortOption.Types.SortByType.Types.Type.Name),
            (asked.EnumerateOptions.MaxObjects, asked.CloudCredentialRef.Name, asked.EnumerateOptions.SortOption.SortBy.Type));
    }

    [Fact]
    public async Task Names_may_be_lower_camel() =>
        Assert.Equal(10ul, (await ListAsync("enumerateOptions.maxObjects=10")).EnumerateOptions.MaxObjects);

    [Fact]
    public async Task A_repeated_field_is_a_repeated_parameter() =>
        Assert.Equal(["a", "b"], (await ListAsync("enumerate_options.owners=a&enumerate_options.owners=b")).EnumerateOptions.Owners);

    [Theory]
    [InlineData("labels[env]=prod&labels[tier]=db")]
    [InlineData("labels%5Benv%5D=prod&labels%5Btier%5D=db")]
    public async Task A_map_is_given_by_its_keys_in_brackets(string query)
    {
        var asked = await ListAsync(query);

        Assert.Equal(("prod", "db", 2), (asked.Labels["env"], asked.Labels["tier"], asked.Labels.Count));
    }

    [Fact]
    public async Task A_map_given_twice_without_brackets_is_a_pair() =>
        Assert.Equal("k2", (await ListAsync("labels=k1&labels=k2")).Labels["k1"]);

    [Fact]
    public async Task A_map_given_once_without_brackets_is_400() =>
        await RefusedAsync("labels=k1", "query parameter labels: a map takes one value for each key; write labels[key]=value");

    [Theory]
    [InlineData("1", true)]
    [InlineData("t", true)]
    [InlineData("True", true)]
    [InlineData("TRUE", true)]
    [InlineData("0", false)]
    [InlineData("f", false)]
    [InlineData("False", false)]
    public async Task Bools_are_spelt_as_Go_and_Python_spell_them(string text, bool expected) =>
        Assert.Equal(expected, (await ListAsync($"include_secrets={text}")).IncludeSecrets);

    [Theory]
    [InlineData("yes")]
    [InlineData("tRUE")]
    [InlineData("")]
    public async Task Other_spellings_of_a_bool_are_400(string text) =>
        await RefusedAsync($"include_secrets={text}", $"query parameter include_secrets: \\\"{text}\\\" is not true or false");

    [Theory]
    [InlineData("1")]
    [InlineData("Ascending")]
    public async Task An_enum_is_given_by_number_or_by_name(string value) =>
        Assert.Equal(SortOption.Types.SortOrderType.Types.Type.Ascending,
            (await ListAsync($"enumerate_options.sort_option.sortOrder.type={value}")).EnumerateOptions.SortOption.SortOrder.Type);

    [Fact]
    public async Task An_enum_may_be_negative() =>
        Assert.Equal(SortOption.Types.SortOrderType.Types.Type.Descending,
            (await ListAsync("enumerate_options.sort_option.sortOrder.type=-1")).EnumerateOptions.SortOption.SortOrder.Type);

    [Fact]
    public async Task An_unknown_name_of_an_enum_is_400() =>
        await RefusedAsync("enumerate_options.sort_option.sortBy.type=Sideways", "\\\"Sideways\\\" is not a value of SortOption.SortByType.Type");

    [Fact]
    public async Task A_timestamp_is_RFC_3339() =>
        Assert.Equal(new Timestamp { Seconds = 1795341600, Nanos = 250_000_000 },
            (await ListAsync("enumerate_options.time_range.start_time=2026-11-22T10:00:00.25Z")).EnumerateOptions.TimeRange.StartTime);

    [Fact]
    public async Task A_timestamp_in_another_form_is_400() =>
        await RefusedAsync("enumerate_options.time_range.start_time=yesterday", "is not a time such as 2026-11-22T10:00:00Z");

    [Fact]
    public async Task A_message_given_as_a_bare_value_is_ignored()
    {
        var asked = await ListAsync("cloud_credential_ref=name&only_backup_share=true");

        Assert.Null(asked.CloudCredentialRef);
        Assert.True(asked.OnlyBackupShare);
    }

    [Fact]
    public async Task A_bool_that_may_be_absent_is_told_apart()
    {
        Assert.Null((await ListAsync("cluster_enumerate_options.project_names=p")).ClusterEnumerateOptions.Managed);
        Assert.False((await ListAsync("cluster_enumerate_options.managed=False")).ClusterEnumerateOptions.Managed);
    }

    [Theory]
    [InlineData("nothing=1&nothing.below=2&nothing[k]=v&enumerate_options.nothing=3&=&&Labels[a]=b")]
    [InlineData("org_id=other&orgId=other")]
    [InlineData("cloud_credential=")]
    public async Task Unknown_parameters_those_of_the_path_and_empty_strings_change_nothing(string query) =>
        Assert.Equal(new ClusterEnumerateRequest { OrgId = "default" }, WithoutEmptyMessages(await ListAsync(query)));

    [Fact]
    public async Task Of_a_single_field_given_twice_the_first_counts() =>
        Assert.Equal("a", (await ListAsync("cloud_credential=a&cloud_credential=b")).CloudCredential);

    [Theory]
    [InlineData("enumerate_options.max_objects=-1")]
    [InlineData("enumerate_options.max_objects=")]
    [InlineData("enumerate_options.max_objects=1.5")]
    [InlineData("enumerate_options.max_objects=18446744073709551616")]
    public async Task A_number_that_does_not_fit_is_400(string query) =>
        await RefusedAsync(query, "is not a whole number of 64 bits, not negative");

    [Fact]
    public async Task A_field_below_a_scalar_is_400() => await RefusedAsync("cloud_credential.name=x", "cloud_credential has no fields");

    private static ClusterEnumerateRequest WithoutEmptyMessages(ClusterEnumerateRequest request)
    {
        if (request.EnumerateOptions is { } options && options.Equals(new EnumerateOptions()))
            request.EnumerateOptions = null;
        return request;
    }

    private Task<RestHost> HostAsync() => RestHost.StartAsync(services => services.AddRpcService<RecordingCluster>().AddSingleton(_cluster));

    private async Task<ClusterEnumerateRequest> ListAsync(string query)
    {
        await using var host = await HostAsync();
        var reply = await host.GetAsync($"/v1/cluster/default?{query}");
        Assert.True(reply.Status == 200, reply.Body);
        return _cluster.Request!;
    }

    private async Task RefusedAsync(string query, string message)
    {
        await using var host = await HostAsync();
        var reply = await host.GetAsync($"/v1/cluster/default?{query}");
        Assert.Equal(400, reply.Status);
        Assert.Contains("\"code\":3", reply.Body, StringComparison.Ordinal);
        Assert.Contains(message, reply.Body, StringComparison.Ordinal);
        Assert.Null(_cluster.Request);
    }
}
