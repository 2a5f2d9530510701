using PxBackup.Grains.Interfaces;
using PxBackup.ObjectStores;

namespace PxBackup.Grains.BackupLocations;

/// <summary>What a validation found out.</summary>
internal sealed record ValidationOutcome
{
    /// <summary>Backups can be written there.</summary>
    public bool IsValid => Reason.Length == 0;

    /// <summary>The store's own text and the cure; empty when valid.</summary>
    public string Reason { get; init; } = "";

    /// <summary>How a client that waits for the answer is refused.</summary>
    public ErrorReason Refusal { get; init; } = ErrorReason.Rejected;

    /// <summary>The bucket keeps its objects for a time; null when the store did not say.</summary>
    public bool? ObjectLock { get; init; }

    /// <summary>What the user should know although backups work.</summary>
    public string Notes { get; init; } = "";

    /// <summary>The location cannot be used.</summary>
    public static ValidationOutcome Failed(string reason, ErrorReason refusal = ErrorReason.Rejected) => new() { Reason = reason, Refusal = refusal };

    /// <summary>What the store refused, in its own words, and the cure.</summary>
    public static ValidationOutcome Failed(ObjectStoreException refused) =>
        Failed(StoreTexts.Of(refused), refused.IsTransient ? ErrorReason.Unreachable : ErrorReason.Rejected);
}

/// <summary>Finds out whether backups can be written to a bucket.</summary>
internal static class LocationValidation
{
    /// <summary>30 s for everything: longer than a store behind a slow link needs, half of what a caller waits for the answer.</summary>
    public static readonly TimeSpan Timeout = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Reaches, writes, reads and removes. A bucket that is not there is made, as Stork would at the first backup: whether
    /// the keys may do that is better known now.
    /// </summary>
    /// <exception cref="DomainException"><see cref="ErrorReason.Unreachable"/>: its turn did not come (<see cref="StoreGate"/>).</exception>
    public static async Task<ValidationOutcome> RunAsync(IObjectStoreFactory stores, StoreGate gate, string owner, S3StoreSettings settings, TimeProvider time, CancellationToken cancellationToken)
    {
        using var turn = await gate.EnterAsync(owner, S3Settings.StoreOf(settings), cancellationToken);
        using var limit = new CancellationTokenSource(Timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            await using var store = stores.Open(settings);
            return Passed(await CheckAsync(store, either.Token));
        }
        catch (ObjectStoreException refused)
        {
            return ValidationOutcome.Failed(refused);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return ValidationOutcome.Failed(
                $"The object store did not answer within {Timeout.TotalSeconds:0} seconds. Check host and port of the endpoint, and that this machine may connect to it.",
                ErrorReason.Unreachable);
        }
    }

    private static async Task<StoreCheck> CheckAsync(IObjectStore store, CancellationToken cancellationToken)
    {
        try
        {
            return await store.ValidateAsync(cancellationToken);
        }
        catch (ObjectStoreException missing) when (missing.Cause == StoreFailure.BucketNotFound)
        {
            await MakeBucketAsync(store, missing, cancellationToken);
            return await store.ValidateAsync(cancellationToken);
        }
    }

    private static async Task MakeBucketAsync(IObjectStore store, ObjectStoreException missing, CancellationToken cancellationToken)
    {
        try
        {
            await store.CreateBucketAsync(cancellationToken);
        }
        catch (ObjectStoreException refused) when (!refused.IsTransient)
        {
            throw new ObjectStoreException(StoreFailure.BucketNotFound, missing.StoreCode, $"{missing.Message.TrimEnd('.')}. It could not be created either: {refused.Message}", refused);
        }
    }

    private static ValidationOutcome Passed(StoreCheck check) => new()
    {
        ObjectLock = check.ObjectLock?.Enabled,
        Notes = OutsideText.OneLine(string.Join(" ", check.Notes)),
    };
}
