using PxBackup.Grains.BackupLocations;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.BackupLocations;
using PxBackup.ObjectStores;

namespace PxBackup.Grains.Backups;

/// <summary>A backup's objects, through the object store of its location.</summary>
internal sealed class BackupFiles(IObjectStoreFactory stores) : IBackupFiles
{
    public async Task<string?> RemoveAsync(OpenLocation location, string prefix, CancellationToken cancellationToken)
    {
        try
        {
            await using var store = stores.Open(S3Settings.Of(location.Location, location.Credential));
            var result = await store.DeletePrefixAsync(prefix.TrimEnd('/') + "/", cancellationToken);
            return result switch
            {
                { Refused: [var refused, ..] } => throw new DomainException(ErrorReason.Rejected, $"the object store keeps {result.Refused.Count} objects of the backup: {refused.StoreCode} {refused.Message}"),
                { Locked: [var locked, ..] } => $"object lock keeps {result.Locked.Count} objects of the backup{(locked.RetainUntil is { } until ? $" until {until:u}" : "")}",
                _ => null,
            };
        }
        catch (ObjectStoreException e) when (e.Cause == StoreFailure.BucketNotFound)
        {
            return null; // With the bucket went the data.
        }
        catch (ObjectStoreException e)
        {
            throw new DomainException(ErrorReason.Unreachable, $"the backup's objects could not be removed from the object store: {e.Message} {e.Cure}", e);
        }
    }
}
