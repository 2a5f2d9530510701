using System.Net;
using Orleans.Runtime;
using PxBackup.Grains.Recovery;

namespace PxBackup.Tests.Simulation;

/// <summary>Membership as a silo sees it that is not among the active ones: it sweeps everything, as every silo does at its worst moment.</summary>
internal sealed class EveryShare : IClusterMembershipService, ILocalSiloDetails
{
    public static readonly SiloShare Share = new(new EveryShare(), new EveryShare());

    public ClusterMembershipSnapshot CurrentSnapshot { get; } = new([], new MembershipVersion(1));

    public IAsyncEnumerable<ClusterMembershipSnapshot> MembershipUpdates => throw new NotSupportedException();

    public string Name => "simulated";

    public string ClusterId => "simulated";

    public string DnsHostName => "simulated";

    public SiloAddress SiloAddress { get; } = SiloAddress.New(IPAddress.Loopback, 1, 1);

    public SiloAddress GatewayAddress => SiloAddress;

    public ValueTask Refresh(MembershipVersion minimumVersion, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<bool> TryKill(SiloAddress siloAddress) => throw new NotSupportedException();
}
