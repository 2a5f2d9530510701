using Grpc.Core;
using Orleans.Concurrency;
using Orleans.Runtime;
using PxBackup.Api;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.Backups;
using Xunit;
using A = PxBackup.Tests.InProcess.Gateway.ValidationTests.A;

namespace PxBackup.Tests.InProcess.Gateway;

/// <summary>What the gateway does when the silo that was to answer is lost.</summary>
public sealed class ReadRetryTests : IClassFixture<GatewayHost>
{
    private readonly GatewayHost _host;
    private int _calls;

    public ReadRetryTests(GatewayHost host)
    {
        _host = host;
        host.Grains.Names[(ObjectKind.BackupLocation, "location")] = "uid-location";
        host.Grains.Names[(ObjectKind.Cluster, "cluster")] = "uid-cluster";
    }

    private Backup.BackupClient Backups => new(_host.Channel);

    [Fact]
    public async Task A_read_is_asked_again_until_a_silo_answers()
    {
        _host.Grains.Answer<IBackupGrain>("InspectAsync", _ => ++_calls < 4 ? throw Failure(_calls) : new BackupObject().AsImmutable());

        await Backups.InspectAsync(new BackupInspectRequest { OrgId = "default", Name = "nightly-1", Uid = "u-1" }, GatewayHost.As(FakeTokens.User));

        Assert.Equal(4, _calls);
    }

    [Fact]
    public async Task A_write_is_never_repeated_and_says_that_its_outcome_is_unknown()
    {
        _host.Grains.Answer<IBackupGrain>("CreateAsync", _ => throw Failure(++_calls));

        var error = await Assert.ThrowsAsync<RpcException>(async () => await Backups.CreateAsync(A.BackupRequest(), GatewayHost.As(FakeTokens.User)));

        Assert.Equal((1, StatusCode.Unavailable), (_calls, error.StatusCode));
        Assert.Contains("may or may not have happened", error.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_refusal_is_no_reason_to_ask_again()
    {
        _host.Grains.Answer<IBackupGrain>("InspectAsync", _ =>
        {
            _calls++;
            throw DomainException.NotFound(ObjectKind.Backup, "nightly-1");
        });

        var error = await Assert.ThrowsAsync<RpcException>(async () => await Backups.InspectAsync(
            new BackupInspectRequest { OrgId = "default", Name = "nightly-1", Uid = "u-1" }, GatewayHost.As(FakeTokens.User)));

        Assert.Equal((1, StatusCode.NotFound), (_calls, error.StatusCode));
    }

    [Fact]
    public async Task A_read_ends_with_the_callers_deadline()
    {
        _host.Grains.Answer<IBackupGrain>("InspectAsync", _ => throw Failure(++_calls));
        var options = GatewayHost.As(FakeTokens.User).WithDeadline(DateTime.UtcNow.AddSeconds(1));

        var error = await Assert.ThrowsAsync<RpcException>(async () => await Backups.InspectAsync(
            new BackupInspectRequest { OrgId = "default", Name = "nightly-1", Uid = "u-1" }, options));

        Assert.Equal(StatusCode.DeadlineExceeded, error.StatusCode);
        Assert.InRange(_calls, 2, 100);
    }

    private static Exception Failure(int call) => call % 2 == 0 ? new TimeoutException() : new SiloUnavailableException();
}
