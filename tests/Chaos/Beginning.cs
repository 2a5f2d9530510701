using PxBackup.Api;
using PxBackup.Chaos.Load;
using PxBackup.Chaos.Programs;

namespace PxBackup.Chaos;

/// <summary>What the administrator does first: credential, location, clusters.</summary>
internal sealed class Beginning(Installation installation, Edge edge)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public async Task<World> MakeAsync(CancellationToken cancellationToken)
    {
        using var giveUp = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        giveUp.CancelAfter(Patience);
        var admin = new Client(edge, "administrator", 0, byRest: false, giveUp.Token);
        try
        {
            var credential = new ObjectRef { Name = "keys", Uid = await DoneAsync(admin.PersistAsync(Rpcs.CreateCredential, Requests.Credential("keys"), "credential")) };
            var location = new ObjectRef { Name = "bucket", Uid = await DoneAsync(admin.PersistAsync(Rpcs.CreateLocation, Requests.Location("bucket", Guid.NewGuid().ToString(), credential, installation.StoreEndpoint, Installation.Bucket))) };
            var valid = await admin.LookUntilAsync(Rpcs.InspectLocation, new BackupLocationInspectRequest { OrgId = Requests.Org, Name = location.Name, Uid = location.Uid }, seen => seen != "ValidationInProgress");
            if (valid != "Valid")
                throw new InvalidOperationException($"the location is {valid}");
            var clusters = await Task.WhenAll(installation.Fleet.Clusters.Select(async cluster => new ObjectRef
            {
                Name = cluster.Name, Uid = await DoneAsync(admin.PersistAsync(Rpcs.CreateCluster, Requests.Cluster(cluster.Name, cluster.Kubeconfig), cluster.Name)),
            }));
            await Task.WhenAll(clusters.Select(cluster => OnlineAsync(admin, cluster)));
            return new World { Credential = credential, Location = location, Clusters = clusters };
        }
        catch (NotServedException e)
        {
            throw new TimeoutException($"the beginning took longer than {Patience.TotalSeconds:0} s: {e.Message}");
        }
    }

    /// <summary>Waits until the cluster is online.</summary>
    public static async Task OnlineAsync(Client client, ObjectRef cluster) =>
        await client.LookUntilAsync(Rpcs.InspectCluster, new ClusterInspectRequest { OrgId = Requests.Org, Name = cluster.Name, Uid = cluster.Uid }, seen => seen == "Online");

    private static async Task<string> DoneAsync<TAnswer>(Task<(Reply<TAnswer> Reply, int)> asking)
        where TAnswer : class
    {
        var (reply, _) = await asking;
        return reply.IsOk ? reply.Entry.Uid : throw new InvalidOperationException($"{reply.Entry.Rpc} of {reply.Entry.Object}: {reply.Entry.Code} {reply.Entry.Detail}");
    }
}
