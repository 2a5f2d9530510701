using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;
using Grpc.Core;
using Grpc.Net.Client;
using PxBackup.Api;
using PxBackup.FleetSimulator;
using PxBackup.FleetSimulator.ObjectStore;
using BackupStatus = PxBackup.Api.BackupInfo.Types.StatusInfo.Types.Status;
using ClusterStatus = PxBackup.Api.ClusterInfo.Types.StatusInfo.Types.Status;
using LocationStatus = PxBackup.Api.BackupLocationInfo.Types.StatusInfo.Types.Status;
using Metadata = Grpc.Core.Metadata;
using RestoreStatus = PxBackup.Api.RestoreInfo.Types.StatusInfo.Types.Status;

namespace PxBackup.QuickStart;

/// <summary>The main job, end to end, by the public API: add, validate, back up, restore, compare what was restored, delete.</summary>
internal sealed class Walk(GrpcChannel channel, string token, SimulatedFleet fleet, RunningObjectStore store, string accessKey, string secretKey)
{
    private const string Org = "default";
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly Metadata _headers = new() { { "authorization", $"bearer {token}" } };
    private readonly Backup.BackupClient _backups = new(channel);
    private readonly Restore.RestoreClient _restores = new(channel);
    private readonly Cluster.ClusterClient _clusters = new(channel);
    private readonly BackupLocation.BackupLocationClient _locations = new(channel);
    private readonly CloudCredential.CloudCredentialClient _credentials = new(channel);
    private readonly Stopwatch _since = Stopwatch.StartNew();

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var run = DateTime.UtcNow.ToString("yyyyMMdd-HHmmss");
        var before = await _backups.EnumerateAsync(new BackupEnumerateRequest { OrgId = Org }, _headers, cancellationToken: cancellationToken);
        if (before.TotalCount > 0)
            Say($"kept from earlier starts: {before.TotalCount} backups ({string.Join(", ", before.Backups.Take(3).Select(b => b.Metadata.Name))}{(before.TotalCount > 3 ? " …" : "")})");
        var credential = await CredentialAsync(cancellationToken);
        var location = await LocationAsync(credential, cancellationToken);
        foreach (var cluster in fleet.Clusters)
            await ClusterAsync(cluster, cancellationToken);
        var source = await FindClusterAsync(fleet.Clusters[0].Name, cancellationToken);
        var target = await FindClusterAsync(fleet.Clusters[^1].Name, cancellationToken);

        var kept = await BackupAsync($"kept-{run}", source, location, cancellationToken);
        var backup = await BackupAsync($"walk-{run}", source, location, cancellationToken);
        var restored = backup.BackupInfo.Namespaces.ToDictionary(name => name, name => $"{name}-{run}");
        var restore = await RestoreAsync($"walk-{run}", backup, target, restored, cancellationToken);
        Compare(backup, fleet.Clusters[0], fleet.Clusters[^1], restored);
        await DeleteAsync(restore, backup, cancellationToken);
        Say($"done in {_since.Elapsed.TotalSeconds:0.0} s; backup {kept.Metadata.Name} is kept for you to look at");
    }

    private async Task<ObjectRef> CredentialAsync(CancellationToken cancellationToken)
    {
        const string name = "simulated-s3";
        var request = new CloudCredentialCreateRequest
        {
            Metadata = new CreateMetadata { Name = name, OrgId = Org },
            CloudCredential = new CloudCredentialInfo { Type = CloudCredentialInfo.Types.Type.Aws, AwsConfig = new AWSConfig { AccessKey = accessKey, SecretKey = secretKey } },
        };
        if (await ThereAsync(async () => await _credentials.CreateAsync(request, _headers, cancellationToken: cancellationToken)))
            Say($"cloud credential {name} is there");
        else
            Say($"cloud credential {name} added");
        var found = await _credentials.InspectAsync(new CloudCredentialInspectRequest { OrgId = Org, Name = name }, _headers, cancellationToken: cancellationToken);
        return new ObjectRef { Name = name, Uid = found.CloudCredential.Metadata.Uid };
    }

    private async Task<ObjectRef> LocationAsync(ObjectRef credential, CancellationToken cancellationToken)
    {
        const string name = "simulated-bucket";
        var info = new BackupLocationInfo
        {
            Type = BackupLocationInfo.Types.Type.S3,
            Path = "pxbackup",
            CloudCredentialRef = credential,
            S3Config = new S3Config { Endpoint = store.Endpoint.ToString().TrimEnd('/'), Region = "us-east-1", DisableSsl = true },
        };
        var request = new BackupLocationCreateRequest { Metadata = new CreateMetadata { Name = name, OrgId = Org }, BackupLocation = info };
        if (await ThereAsync(async () => await _locations.CreateAsync(request, _headers, cancellationToken: cancellationToken)))
        {
            // The store has another port after a restart.
            await _locations.UpdateAsync(new BackupLocationUpdateRequest { Metadata = new CreateMetadata { Name = name, OrgId = Org }, BackupLocation = info }, _headers, cancellationToken: cancellationToken);
        }

        var location = await UntilAsync(
            async () => (await _locations.InspectAsync(new BackupLocationInspectRequest { OrgId = Org, Name = name }, _headers, cancellationToken: cancellationToken)).BackupLocation,
            it => it.BackupLocationInfo.Status.Status != LocationStatus.ValidationInProgress, it => $"{it.BackupLocationInfo.Status.Status}", $"backup location {name}", cancellationToken);
        if (location.BackupLocationInfo.Status.Status != LocationStatus.Valid)
            throw new InvalidOperationException($"backup location {name} is {location.BackupLocationInfo.Status.Status}: {location.BackupLocationInfo.Status.Reason}");
        Say($"backup location {name} validated: bucket {info.Path} at {store.Endpoint}");
        return new ObjectRef { Name = name, Uid = location.Metadata.Uid };
    }

    private async Task ClusterAsync(SimulatedCluster simulated, CancellationToken cancellationToken)
    {
        var request = new ClusterCreateRequest
        {
            Metadata = new CreateMetadata { Name = simulated.Name, OrgId = Org },
            Kubeconfig = Convert.ToBase64String(Encoding.UTF8.GetBytes(simulated.Kubeconfig)),
        };
        var there = await ThereAsync(async () => await _clusters.CreateAsync(request, _headers, cancellationToken: cancellationToken));
        var cluster = await UntilAsync(
            async () => (await _clusters.InspectAsync(new ClusterInspectRequest { OrgId = Org, Name = simulated.Name }, _headers, cancellationToken: cancellationToken)).Cluster,
            it => it.ClusterInfo.Status.Status == ClusterStatus.Online, it => $"{it.ClusterInfo.Status.Status} {it.ClusterInfo.Status.Reason}", $"cluster {simulated.Name}", cancellationToken);
        Say($"cluster {simulated.Name} {(there ? "is there" : "added")}: {cluster.ClusterInfo.Status.Status}, Kubernetes {cluster.ClusterInfo.K8SVersion}, Stork {cluster.ClusterInfo.StorkVersion}");
    }

    private async Task<ObjectRef> FindClusterAsync(string name, CancellationToken cancellationToken)
    {
        var found = await _clusters.InspectAsync(new ClusterInspectRequest { OrgId = Org, Name = name }, _headers, cancellationToken: cancellationToken);
        return new ObjectRef { Name = name, Uid = found.Cluster.Metadata.Uid };
    }

    private async Task<BackupObject> BackupAsync(string name, ObjectRef cluster, ObjectRef location, CancellationToken cancellationToken)
    {
        var request = new BackupCreateRequest
        {
            Metadata = new CreateMetadata { Name = name, OrgId = Org },
            ClusterRef = cluster,
            BackupLocationRef = location,
            Namespaces = { "shop", "blog" },
        };
        var created = (await _backups.CreateAsync(request, _headers, cancellationToken: cancellationToken)).Backup;
        var backup = await UntilAsync(
            async () => (await _backups.InspectAsync(new BackupInspectRequest { OrgId = Org, Name = name, Uid = created.Metadata.Uid }, _headers, cancellationToken: cancellationToken)).Backup,
            it => it.BackupInfo.Status.Status is BackupStatus.Success or BackupStatus.PartialSuccess or BackupStatus.Failed,
            it => $"{it.BackupInfo.Status.Status}, stage {it.BackupInfo.Stage}, {it.BackupInfo.ResourceCount} resources", $"backup {name}", cancellationToken);
        return backup.BackupInfo.Status.Status == BackupStatus.Success
            ? backup
            : throw new InvalidOperationException($"backup {name} is {backup.BackupInfo.Status.Status}: {backup.BackupInfo.Status.Reason}");
    }

    private async Task<RestoreObject> RestoreAsync(string name, BackupObject backup, ObjectRef cluster, Dictionary<string, string> mapping, CancellationToken cancellationToken)
    {
        var request = new RestoreCreateRequest
        {
            Metadata = new CreateMetadata { Name = name, OrgId = Org },
            BackupRef = new ObjectRef { Name = backup.Metadata.Name, Uid = backup.Metadata.Uid },
            ClusterRef = cluster,
            NamespaceMapping = { mapping },
        };
        Say($"restore {name} to cluster {cluster.Name}: {string.Join(", ", mapping.Select(pair => $"{pair.Key} → {pair.Value}"))}");
        var created = (await _restores.CreateAsync(request, _headers, cancellationToken: cancellationToken)).Restore;
        var restore = await UntilAsync(
            async () => (await _restores.InspectAsync(new RestoreInspectRequest { OrgId = Org, Name = name, Uid = created.Metadata.Uid }, _headers, cancellationToken: cancellationToken)).Restore,
            it => it.RestoreInfo.Status.Status is RestoreStatus.Success or RestoreStatus.PartialSuccess or RestoreStatus.Failed,
            it => $"{it.RestoreInfo.Status.Status}, {it.RestoreInfo.RestoredResourceCount} resources restored", $"restore {name}", cancellationToken);
        return restore.RestoreInfo.Status.Status != RestoreStatus.Failed
            ? restore
            : throw new InvalidOperationException($"restore {name} failed: {restore.RestoreInfo.Status.Reason}");
    }

    /// <summary>Every object that the backup lists must be in its target namespace, with the same contents where they may not differ.</summary>
    private static void Compare(BackupObject backup, SimulatedCluster source, SimulatedCluster target, Dictionary<string, string> mapping)
    {
        var kinds = new Dictionary<string, (string Resource, string? Content)>
        {
            ["Deployment"] = ("deployments.apps", null),
            ["Service"] = ("services", null),
            ["ServiceAccount"] = ("serviceaccounts", null),
            ["ConfigMap"] = ("configmaps", "data"),
            ["Secret"] = ("secrets", "data"),
        };
        var compared = 0;
        foreach (var item in backup.BackupInfo.Resources)
        {
            if (!mapping.TryGetValue(item.Namespace, out var to) || !kinds.TryGetValue(item.Kind, out var kind))
                continue;
            var copy = target.Objects.Find(kind.Resource, to, item.Name) ?? throw new InvalidOperationException($"{item.Kind} {item.Namespace}/{item.Name} was not restored as {to}/{item.Name}");
            if (kind.Content is { } content && !JsonNode.DeepEquals(source.Objects.Find(kind.Resource, item.Namespace, item.Name)?[content], copy[content]))
                throw new InvalidOperationException($"{item.Kind} {to}/{item.Name} differs from {item.Namespace}/{item.Name}");
            compared++;
        }

        if (compared == 0)
            throw new InvalidOperationException("nothing was there to compare");
        Say($"compared {compared} restored objects with their originals: the same");
    }

    private async Task DeleteAsync(RestoreObject restore, BackupObject backup, CancellationToken cancellationToken)
    {
        await _restores.DeleteAsync(new RestoreDeleteRequest { OrgId = Org, Name = restore.Metadata.Name, Uid = restore.Metadata.Uid }, _headers, cancellationToken: cancellationToken);
        await _backups.DeleteAsync(new BackupDeleteRequest { OrgId = Org, Name = backup.Metadata.Name, Uid = backup.Metadata.Uid }, _headers, cancellationToken: cancellationToken);
        await GoneAsync(async () => await _restores.InspectAsync(new RestoreInspectRequest { OrgId = Org, Name = restore.Metadata.Name, Uid = restore.Metadata.Uid }, _headers, cancellationToken: cancellationToken), $"restore {restore.Metadata.Name}", cancellationToken);
        await GoneAsync(async () => await _backups.InspectAsync(new BackupInspectRequest { OrgId = Org, Name = backup.Metadata.Name, Uid = backup.Metadata.Uid }, _headers, cancellationToken: cancellationToken), $"backup {backup.Metadata.Name}", cancellationToken);
        var left = store.Store.Keys("pxbackup", backup.BackupInfo.BackupPath + "/");
        if (left.Count > 0)
            throw new InvalidOperationException($"backup {backup.Metadata.Name} is deleted, yet the bucket still holds {string.Join(", ", left)}");
        Say("restore and backup deleted; the bucket holds nothing of the backup any more");
    }

    private static async Task<T> UntilAsync<T>(Func<Task<T>> look, Func<T, bool> done, Func<T, string> describe, string what, CancellationToken cancellationToken)
    {
        var (patience, said) = (Stopwatch.StartNew(), "");
        while (true)
        {
            var seen = await look();
            if (describe(seen) is var now && now != said)
                Say($"  {what}: {said = now}");
            if (done(seen))
                return seen;
            if (patience.Elapsed > Patience)
                throw new TimeoutException($"{what} is not done after {Patience.TotalSeconds:0} s: {said}");
            await Task.Delay(PollInterval, cancellationToken);
        }
    }

    private static async Task GoneAsync(Func<Task> look, string what, CancellationToken cancellationToken)
    {
        var patience = Stopwatch.StartNew();
        while (patience.Elapsed < Patience)
        {
            try
            {
                await look();
            }
            catch (RpcException e) when (e.StatusCode == StatusCode.NotFound)
            {
                return;
            }

            await Task.Delay(PollInterval, cancellationToken);
        }

        throw new TimeoutException($"{what} is not gone after {Patience.TotalSeconds:0} s");
    }

    private static async Task<bool> ThereAsync(Func<Task> create)
    {
        try
        {
            await create();
            return false;
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.AlreadyExists)
        {
            return true;
        }
    }

    private static void Say(string text) => Console.WriteLine(text);
}
