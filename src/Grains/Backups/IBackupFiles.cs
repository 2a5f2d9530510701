using PxBackup.Grains.Interfaces.BackupLocations;

namespace PxBackup.Grains.Backups;

/// <summary>
/// A backup's objects in its bucket. Stork removes them, yet says nothing when it could not (wrong credentials, bucket
/// down), so a deletion is finished by looking (DESIGN D6).
/// </summary>
internal interface IBackupFiles
{
    /// <summary>Removes whatever is left in the folder.</summary>
    /// <returns>Null when nothing is left; otherwise why the store keeps some of it, such as an object lock.</returns>
    /// <exception cref="Interfaces.DomainException"><see cref="Interfaces.ErrorReason.Unreachable"/>: the store did not answer or refused.</exception>
    Task<string?> RemoveAsync(OpenLocation location, BackupFolder folder, CancellationToken cancellationToken);

    /// <summary>Which of the files that Stork restores from are not in the folder; empty when all are.</summary>
    /// <exception cref="Interfaces.DomainException"><see cref="Interfaces.ErrorReason.Unreachable"/>: the store did not answer or refused.</exception>
    Task<IReadOnlyList<string>> MissingAsync(OpenLocation location, BackupFolder folder, CancellationToken cancellationToken);
}
