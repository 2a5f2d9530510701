using System.Text.Json;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using PxBackup.Api;
using PxBackup.Gateway.Errors;
using PxBackup.Gateway.Rest;
using Xunit;
using Metadata = PxBackup.Api.Metadata;
using Status = Grpc.Core.Status;

namespace PxBackup.Tests.InProcess.Rest;

public sealed class RestReplyTests
{
    private readonly RecordingBackup _backup = new();

    [Fact]
    public async Task Success_is_200_and_an_empty_message_is_an_empty_object()
    {
        await using var host = await RestHost.WithAsync(_backup);

        var reply = await host.SendAsync("DELETE", "/v1/backup/default/b1");

        Assert.Equal((200, "application/json", "{}"), (reply.Status, reply.ContentType, reply.Body));
    }

    [Fact]
    public async Task Scalars_enums_lists_and_maps_are_written_even_when_unset_but_messages_are_not()
    {
        _backup.Inspected = new BackupInspectResponse { Backup = new BackupObject { Metadata = new Metadata { Name = "b1" }, BackupInfo = new BackupInfo() } };

        var body = await InspectAsync();

        var metadata = body.GetProperty("backup").GetProperty("metadata");
        Assert.Equal("""{"name":"b1","uid":"","owner":"","org_id":"","labels":{},"create_time_in_sec":"0","last_update_time_in_sec":"0"}""", metadata.GetRawText());
        var info = body.GetProperty("backup").GetProperty("backup_info");
        Assert.Equal(JsonValueKind.Array, info.GetProperty("namespaces").ValueKind);
        Assert.Equal("0", info.GetProperty("total_size").GetString());
        Assert.False(info.TryGetProperty("status", out _));
        Assert.False(body.GetProperty("backup").TryGetProperty("_unused", out _));
    }

    [Fact]
    public async Task Objects_nest_and_64_bit_integers_are_strings_32_bit_ones_numbers_enums_names_and_times_RFC_3339()
    {
        _backup.Listed = new BackupEnumerateResponse { TotalCount = ulong.MaxValue, Complete = true };
        _backup.Listed.Backups.Add(new BackupObject
        {
            Metadata = new Metadata { CreateTime = new Timestamp { Seconds = 1795341600, Nanos = 123_000_000 }, LastUpdateTime = new Timestamp { Seconds = 1795341600 } },
            BackupInfo = new BackupInfo
            {
                TotalSize = 12345678901234,
                Status = new BackupInfo.Types.StatusInfo { Status = BackupInfo.Types.StatusInfo.Types.Status.Success, Reason = "<done> & \"well\" ü" },
            },
        });
        await using var host = await RestHost.WithAsync(_backup);

        var body = (await host.GetAsync("/v1/backup/default")).Body;

        Assert.Contains("\"total_count\":\"18446744073709551615\",\"complete\":true", body, StringComparison.Ordinal);
        Assert.Contains("\"create_time\":\"2026-11-22T10:00:00.123Z\",\"last_update_time\":\"2026-11-22T10:00:00Z\"", body, StringComparison.Ordinal);
        Assert.Contains("\"total_size\":\"12345678901234\"", body, StringComparison.Ordinal);
        Assert.Contains("\"status\":{\"status\":\"Success\",\"reason\":\"<done> & \\\"well\\\" ü\"", body, StringComparison.Ordinal);
    }

    [Fact]
    public void Irregular_names_are_written_literally_and_unknown_enum_numbers_as_numbers()
    {
        Assert.Contains("\"clusterInfo\":{", Json(new ClusterObject { ClusterInfo = new ClusterInfo() }), StringComparison.Ordinal);
        Assert.Contains("\"sortBy\":{\"type\":\"Name\"}", Json(new SortOption { SortBy = new() { Type = SortOption.Types.SortByType.Types.Type.Name } }), StringComparison.Ordinal);
        Assert.Equal("{\"current_level\":\"Debug\"}", Json(new LogLevelGetResponse()));
        Assert.Equal("{\"current_level\":77}", Json(new LogLevelGetResponse { CurrentLevel = (LogLevel)77 }));
    }

    [Fact]
    public void What_is_written_is_read_back_the_same_for_every_type_of_the_contract()
    {
        foreach (var type in Contract.Files.SelectMany(file => file.MessageTypes))
        {
            var message = Samples.Filled(type);

            var read = MessageReader.Read(new(System.Text.Encoding.UTF8.GetBytes(Json(message))), type);

            Assert.True(message.Equals(read), $"{type.FullName}: {message} became {read}");
        }
    }

    [Fact]
    public void What_is_written_is_what_the_protobuf_library_reads_for_every_type_of_the_contract()
    {
        var parser = new JsonParser(JsonParser.Settings.Default);
        foreach (var type in Contract.Files.SelectMany(file => file.MessageTypes))
        {
            var message = Samples.Filled(type);

            Assert.True(message.Equals(parser.Parse(Json(message), type)), type.FullName);
        }
    }

    [Theory]
    [InlineData(StatusCode.InvalidArgument, 400)]
    [InlineData(StatusCode.FailedPrecondition, 400)]
    [InlineData(StatusCode.OutOfRange, 400)]
    [InlineData(StatusCode.Unauthenticated, 401)]
    [InlineData(StatusCode.PermissionDenied, 403)]
    [InlineData(StatusCode.NotFound, 404)]
    [InlineData(StatusCode.AlreadyExists, 409)]
    [InlineData(StatusCode.Aborted, 409)]
    [InlineData(StatusCode.Cancelled, 408)]
    [InlineData(StatusCode.ResourceExhausted, 429)]
    [InlineData(StatusCode.Unknown, 500)]
    [InlineData(StatusCode.Internal, 500)]
    [InlineData(StatusCode.DataLoss, 500)]
    [InlineData(StatusCode.Unimplemented, 501)]
    [InlineData(StatusCode.Unavailable, 503)]
    [InlineData(StatusCode.DeadlineExceeded, 504)]
    public async Task A_failed_call_has_its_HTTP_status_and_says_its_text_twice(StatusCode code, int status)
    {
        _backup.Before = _ => throw new RpcException(new Status(code, "no \"such\" thing"));
        await using var host = await RestHost.WithAsync(_backup);

        var reply = await host.GetAsync("/v1/backup/default/b1");

        Assert.Equal(status, RestStatus.Of(code));
        Assert.Equal(
            (status, "application/json", $$"""{"error":"no \"such\" thing","code":{{(int)code}},"message":"no \"such\" thing"}"""),
            (reply.Status, reply.ContentType, reply.Body));
    }

    [Fact]
    public async Task Details_of_a_failure_are_shown_and_stay_out_of_the_headers()
    {
        var details = new Google.Rpc.Status { Code = 5, Details = { Any.Pack(new Google.Rpc.ErrorInfo { Reason = "GONE", Domain = "pxbackup" }) } };
        _backup.Before = _ => throw new RpcException(new Status(StatusCode.NotFound, "gone"), new Grpc.Core.Metadata { { "grpc-status-details-bin", details.ToByteArray() } });
        await using var host = await RestHost.WithAsync(_backup);

        var reply = await host.GetAsync("/v1/backup/default/b1");

        using var body = JsonDocument.Parse(reply.Body);
        var detail = Assert.Single(body.RootElement.GetProperty("details").EnumerateArray());
        Assert.Equal("type.googleapis.com/google.rpc.ErrorInfo", detail.GetProperty("@type").GetString());
        Assert.Equal("GONE", detail.GetProperty("reason").GetString());
        Assert.DoesNotContain(reply.Headers.Keys, name => name.Contains("details", StringComparison.OrdinalIgnoreCase));
    }

    [Fact]
    public async Task A_failure_that_is_no_status_is_500_with_code_2_and_keeps_its_text_to_itself()
    {
        _backup.Before = _ => throw new InvalidOperationException("a secret");
        await using var host = await RestHost.WithAsync(_backup);

        var reply = await host.GetAsync("/v1/backup/default/b1");

        Assert.Equal((500, """{"error":"Exception was thrown by handler.","code":2,"message":"Exception was thrown by handler."}"""), (reply.Status, reply.Body));
    }

    private async Task<JsonElement> InspectAsync()
    {
        await using var host = await RestHost.WithAsync(_backup);
        using var document = JsonDocument.Parse((await host.GetAsync("/v1/backup/default/b1")).Body);
        return document.RootElement.Clone();
    }

    private static string Json(IMessage message)
    {
        var buffer = new System.Buffers.ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, JsonText.WriterOptions))
            MessageWriter.Write(json, message);
        return System.Text.Encoding.UTF8.GetString(buffer.WrittenSpan);
    }
}
