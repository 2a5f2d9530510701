using Google.Protobuf;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Records;

namespace PxBackup.Persistence.Secrets;

/// <summary>A kind whose records hold secrets: what its body is, and what lists see of it.</summary>
public abstract class SealedKind
{
    private SealedKind(ObjectKind kind) => Kind = kind;

    /// <summary>Which kind.</summary>
    public ObjectKind Kind { get; }

    /// <summary>A kind with bodies of type <typeparamref name="T"/>; <paramref name="index"/> derives the index from the body, as its grain does.</summary>
    public static SealedKind Of<T>(ObjectKind kind, Func<T, RecordIndex> index)
        where T : class, IMessage<T>, new() => new WithBody<T>(kind, index);

    internal abstract Task<bool> ResealAsync(SealingRecordStore store, RecordKey key, CancellationToken cancellationToken);

    private sealed class WithBody<T>(ObjectKind kind, Func<T, RecordIndex> index) : SealedKind(kind)
        where T : class, IMessage<T>, new()
    {
        internal override Task<bool> ResealAsync(SealingRecordStore store, RecordKey key, CancellationToken cancellationToken) =>
            store.ResealAsync(key, index, cancellationToken);
    }
}

/// <summary>Brings all secrets under the current master key while the product works.</summary>
public sealed class SecretRotation(SealingRecordStore store, MasterKeys keys, IReadOnlyCollection<SealedKind> kinds)
{
    private const int PageSize = 500;

    /// <summary>
    /// Walks all records of the kinds and seals anew what is under an older key, until a round finds nothing more; then the
    /// older keys may be removed. Can be repeated at any time. A grain whose record was sealed anew meets one conflict at its next write and
    /// reads again.
    /// </summary>
    /// <returns>How many records were sealed anew.</returns>
    public async Task<long> RotateAsync(CancellationToken cancellationToken)
    {
        long total = 0;
        for (var round = 1L; round > 0; total += round)
        {
            round = 0;
            foreach (var kind in kinds)
                round += await RotateAsync(kind, cancellationToken);
        }

        keys.MarkStore();
        return total;
    }

    private async Task<long> RotateAsync(SealedKind kind, CancellationToken cancellationToken)
    {
        long resealed = 0;
        RecordKey? after = null;
        while (true)
        {
            var page = await store.ListKeysAsync(kind.Kind, after, PageSize, cancellationToken);
            foreach (var key in page)
                resealed += await kind.ResealAsync(store, key, cancellationToken) ? 1 : 0;
            if (page.Count < PageSize)
                return resealed;
            after = page[^1];
        }
    }
}
