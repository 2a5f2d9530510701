using PxBackup.Grains.Interfaces.BackupLocations;

namespace PxBackup.Grains.Backups;

/// <summary>
/// A backup's objects in its bucket. Stork removes them, yet says nothing when it could not (wrong credentials, bucket
/// down), so a deletion is finished by looking (DESIGN D6).
/// </summary>
internal interface IBackupFiles
{
    /// <summary>Removes whatever is left below the prefix.</summary>
    /// <returns>Null when nothing is left; otherwise why the store keeps some of it, such as an object lock.</returns>
    /// <exception cref="Interfaces.DomainException"><see cref="Interfaces.ErrorReason.Unreachable"/>: the store did not answer or refused.</exception>
    Task<string?> RemoveAsync(OpenLocation location, string prefix, CancellationToken cancellationToken);
}
