using Orleans;
using Orleans.Messaging;
using Orleans.Runtime;
using Xunit;

namespace PxBackup.Tests.Adapters.Persistence.OrleansTables;

/// <summary>What clients of a cluster expect of the list of its gateways.</summary>
public abstract class GatewayListSuite
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    /// <summary>The membership table of a cluster, not initialized, and the gateway list of the same cluster, not initialized.</summary>
    protected abstract Task<(IMembershipTable Table, IGatewayListProvider Gateways)> OpenAsync(string clusterId);

    /// <summary>A gateway list whose database does not answer; calls should fail within 30 s.</summary>
    protected abstract Task<IGatewayListProvider> OpenUnreachableAsync();

    [Fact]
    public async Task Only_active_silos_with_a_port_for_clients_are_gateways()
    {
        var (table, gateways) = await NewAsync();
        var silos = Enumerable.Range(0, 10).Select(_ => Given.Silo()).ToList();
        silos[3].Status = silos[5].Status = silos[9].Status = SiloStatus.Active;
        silos[3].ProxyPort = 0;
        silos[9].ProxyPort = 31234;
        silos[7].Status = SiloStatus.Dead;
        foreach (var silo in silos)
            Assert.True(await table.InsertRowAsync(silo, (await table.ReadAllAsync(Stop)).Version.Next(), Stop));

        var found = await gateways.GetGatewaysAsync(Stop);

        Assert.Equal(Sorted([Gateway(silos[5]), Gateway(silos[9])]), Sorted(found));
    }

    [Fact]
    public async Task A_silo_that_dies_is_no_gateway_any_more()
    {
        var (table, gateways) = await NewAsync();
        var silo = Given.Silo(SiloStatus.Active);
        Assert.True(await table.InsertRowAsync(silo, (await table.ReadAllAsync(Stop)).Version.Next(), Stop));
        Assert.Single(await gateways.GetGatewaysAsync(Stop));

        var data = await table.ReadAllAsync(Stop);
        silo.Status = SiloStatus.Dead;
        Assert.True(await table.UpdateRowAsync(silo, data.Members.Single().Item2, data.Version.Next(), Stop));

        Assert.Empty(await gateways.GetGatewaysAsync(Stop));
    }

    [Fact]
    public async Task A_cluster_without_silos_has_no_gateways()
    {
        var (_, gateways) = await NewAsync();

        Assert.Empty(await gateways.GetGatewaysAsync(Stop));
        Assert.True(gateways.MaxStaleness > TimeSpan.Zero);
    }

    [Fact]
    public async Task The_gateways_of_another_cluster_are_not_listed()
    {
        var ((_, gateways), (other, _)) = (await NewAsync(), await NewAsync());
        Assert.True(await other.InsertRowAsync(Given.Silo(SiloStatus.Active), (await other.ReadAllAsync(Stop)).Version.Next(), Stop));

        Assert.Empty(await gateways.GetGatewaysAsync(Stop));
    }

    [Fact]
    public async Task A_database_that_does_not_answer_is_an_error_and_never_an_empty_list()
    {
        var gateways = await OpenUnreachableAsync();

        await Assert.ThrowsAnyAsync<Exception>(async () =>
        {
            await gateways.InitializeGatewayListProviderAsync(Stop).WaitAsync(TimeSpan.FromSeconds(60), Stop);
            await gateways.GetGatewaysAsync(Stop).WaitAsync(TimeSpan.FromSeconds(60), Stop);
        });
    }

    private static Uri Gateway(MembershipEntry silo) =>
        SiloAddress.New(silo.SiloAddress.Endpoint.Address, silo.ProxyPort, silo.SiloAddress.Generation).ToGatewayUri();

    private static IEnumerable<string> Sorted(IEnumerable<Uri> gateways) => gateways.Select(uri => uri.ToString()).Order(StringComparer.Ordinal);

    private async Task<(IMembershipTable Table, IGatewayListProvider Gateways)> NewAsync()
    {
        var (table, gateways) = await OpenAsync(Given.Id());
        await table.InitializeMembershipTableAsync(true, Stop);
        await gateways.InitializeGatewayListProviderAsync(Stop);
        return (table, gateways);
    }
}
