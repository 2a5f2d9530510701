using Google.Protobuf;
using Grpc.Core;
using PxBackup.Api;
using Xunit;

namespace PxBackup.Tests.InProcess.Rest;

/// <summary>A Backup service that keeps what it was asked and answers what the test says.</summary>
internal sealed class RecordingBackup : Backup.BackupBase
{
    public IMessage? Request { get; private set; }

    public ServerCallContext? Context { get; private set; }

    public Func<ServerCallContext, Task> Before { get; set; } = _ => Task.CompletedTask;

    public BackupInspectResponse Inspected { get; set; } = new();

    public BackupEnumerateResponse Listed { get; set; } = new();

    public T Asked<T>() where T : class, IMessage => Assert.IsType<T>(Request);

    public override Task<BackupCreateResponse> Create(BackupCreateRequest request, ServerCallContext context) =>
        AnswerAsync(request, context, new BackupCreateResponse());

    public override Task<BackupInspectResponse> Inspect(BackupInspectRequest request, ServerCallContext context) =>
        AnswerAsync(request, context, Inspected);

    public override Task<BackupEnumerateResponse> Enumerate(BackupEnumerateRequest request, ServerCallContext context) =>
        AnswerAsync(request, context, Listed);

    public override Task<BackupDeleteResponse> Delete(BackupDeleteRequest request, ServerCallContext context) =>
        AnswerAsync(request, context, new BackupDeleteResponse());

    public override Task<BackupResourceDetailGetResponse> GetBackupResourceDetails(BackupResourceDetailGetRequest request, ServerCallContext context) =>
        AnswerAsync(request, context, new BackupResourceDetailGetResponse());

    private async Task<T> AnswerAsync<T>(IMessage request, ServerCallContext context, T answer)
    {
        Request = request;
        Context = context;
        await Before(context);
        return answer;
    }
}

/// <summary>A Cluster service that keeps what its list was asked for: that request has a map, references and a bool wrapper.</summary>
internal sealed class RecordingCluster : Cluster.ClusterBase
{
    public ClusterEnumerateRequest? Request { get; private set; }

    public override Task<ClusterEnumerateResponse> Enumerate(ClusterEnumerateRequest request, ServerCallContext context)
    {
        Request = request;
        return Task.FromResult(new ClusterEnumerateResponse());
    }
}
