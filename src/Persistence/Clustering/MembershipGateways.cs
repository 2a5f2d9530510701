using Microsoft.Extensions.Options;
using Orleans;
using Orleans.Configuration;
using Orleans.Messaging;
using Orleans.Runtime;

namespace PxBackup.Persistence.Clustering;

/// <summary>
/// The gateways of a cluster as its membership table tells them: silos that are Active and have a port for clients. A table
/// that cannot be read is an error, so that clients keep the gateways that they know.
/// </summary>
/// <param name="table">The cluster's table; it is only read.</param>
/// <param name="options">How often clients ask.</param>
internal sealed class MembershipGateways(IMembershipTable table, IOptions<GatewayOptions> options) : IGatewayListProvider
{
    /// <inheritdoc />
    public TimeSpan MaxStaleness => options.Value.GatewayListRefreshPeriod;

    /// <inheritdoc />
    [Obsolete("Orleans does not ask any more; still a member of the interface")]
    public bool IsUpdatable => true;

    /// <summary>Whether the table can be read now; nothing is written, for that is the silos' right.</summary>
    public Task InitializeGatewayListProviderAsync(CancellationToken cancellationToken) =>
        table.InitializeMembershipTableAsync(false, cancellationToken);

    /// <inheritdoc />
    public async Task<IList<Uri>> GetGatewaysAsync(CancellationToken cancellationToken)
    {
        var data = await table.ReadAllAsync(cancellationToken);
        return [.. data.Members.Select(member => member.Item1)
            .Where(silo => silo.Status == SiloStatus.Active && silo.ProxyPort != 0)
            .Select(silo => SiloAddress.New(silo.SiloAddress.Endpoint.Address, silo.ProxyPort, silo.SiloAddress.Generation).ToGatewayUri())];
    }

    /// <inheritdoc />
    public Task InitializeGatewayListProvider() => InitializeGatewayListProviderAsync(CancellationToken.None);

    /// <inheritdoc />
    public Task<IList<Uri>> GetGateways() => GetGatewaysAsync(CancellationToken.None);
}
