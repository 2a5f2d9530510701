using PxBackup.Grains.Access;
using PxBackup.Grains.BackupLocations;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.BackupLocations;
using PxBackup.ObjectStores;

namespace PxBackup.Grains.Backups;

/// <summary>A backup's objects, through the object store of its location.</summary>
internal sealed class BackupFiles(IObjectStoreFactory stores, StoreGate gate) : IBackupFiles
{
    /// <summary>What a restore reads, and the mark that a backup is complete: Stork writes <c>metadata.json</c> last.</summary>
    private static readonly string[] Needed = ["namespaces.json", "resources.json", "metadata.json"];

    public Task<string?> RemoveAsync(OpenLocation location, BackupFolder folder, CancellationToken cancellationToken) =>
        AskAsync("the backup's objects could not be removed from the object store", location, async store =>
        {
            var result = await store.DeletePrefixAsync(folder.Prefix, cancellationToken);
            return result switch
            {
                { Refused: [var refused, ..] } => throw new DomainException(ErrorReason.Rejected, Kept(result.RefusedCount, refused), Cause(refused)),
                { Locked: [var locked, ..] } => $"object lock keeps {result.LockedCount} objects of the backup{(locked.RetainUntil is { } until ? $" until {until:u}" : "")}",
                _ => null,
            };
        }, ifNoBucket: null, cancellationToken); // With the bucket went the data.

    public Task<IReadOnlyList<string>> MissingAsync(OpenLocation location, BackupFolder folder, CancellationToken cancellationToken) =>
        AskAsync<IReadOnlyList<string>>("the backup's objects could not be looked for in the object store", location, async store =>
        {
            var missing = Needed.ToHashSet(StringComparer.Ordinal);
            await foreach (var item in store.ListAsync(folder.Prefix, cancellationToken))
            {
                missing.Remove(item.Key[folder.Prefix.Length..]);
                if (missing.Count == 0)
                    break;
            }

            return [.. Needed.Where(missing.Contains)];
        }, ifNoBucket: Needed, cancellationToken);

    private async Task<T> AskAsync<T>(string what, OpenLocation location, Func<IObjectStore, Task<T>> ask, T ifNoBucket, CancellationToken cancellationToken)
    {
        var settings = S3Settings.Of(location.Location, location.Credential);
        using var turn = await gate.EnterAsync(AccessRules.OwnerOf(location.Location.Metadata), S3Settings.StoreOf(settings), cancellationToken);
        try
        {
            await using var store = stores.Open(settings);
            return await ask(store);
        }
        catch (ObjectStoreException e) when (e.Cause == StoreFailure.BucketNotFound)
        {
            return ifNoBucket;
        }
        catch (ObjectStoreException e)
        {
            throw new DomainException(ErrorReason.Unreachable, $"{what}: {StoreTexts.Of(e)}", e);
        }
    }

    private static string Kept(int count, RefusedDelete refused) =>
        $"the object store keeps {count} objects of the backup: {StoreTexts.Of(Cause(refused))}";

    private static ObjectStoreException Cause(RefusedDelete refused) =>
        new(StoreCodes.CauseOf(refused.StoreCode), refused.StoreCode, $"{refused.StoreCode} {refused.Message}".Trim());
}
