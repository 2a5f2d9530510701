using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;
using PxBackup.Grains.Interfaces;

namespace PxBackup.Grains.BackupLocations;

/// <summary>How many validations and deletions one silo does at once in object stores.</summary>
public sealed class StoreLimits
{
    /// <summary>Configuration section.</summary>
    public const string Section = "ObjectStores";

    /// <summary>In total. 16: each may hold a page of a listing, up to some 20 MB while it is read.</summary>
    [Range(1, 1024)]
    public int AtOnce { get; set; } = 16;

    /// <summary>For one owner. 4: a quarter, so that nobody's slow or hostile stores hold up others.</summary>
    [Range(1, 1024)]
    public int AtOncePerOwner { get; set; } = 4;

    /// <summary>At one store, by host and port. 4: more at once brings SlowDown rather than speed.</summary>
    [Range(1, 1024)]
    public int AtOncePerStore { get; set; } = 4;

    /// <summary>How long one waits for its turn before it is told so and asks again later. 20 s: less than a caller waits for an answer.</summary>
    public TimeSpan WaitTimeout { get; set; } = TimeSpan.FromSeconds(20);
}

/// <summary>
/// Bounds what is done at once in object stores: in total, for each owner and at each store (docs/adr/0024). Who waits because of its own
/// bound is passed over by others.
/// </summary>
internal sealed class StoreGate(IOptions<StoreLimits> limits, TimeProvider time)
{
    private readonly LinkedList<Waiter> _waiting = [];
    private readonly Dictionary<string, int> _busy = new(StringComparer.Ordinal);
    private readonly Lock _lock = new();
    private int _total;

    /// <summary>Waits for a turn; disposing gives it back.</summary>
    /// <param name="owner">Whose location.</param>
    /// <param name="store">Host and port of the store.</param>
    /// <param name="cancellationToken">Leaves the line.</param>
    /// <exception cref="DomainException"><see cref="ErrorReason.Unreachable"/>: no turn within <see cref="StoreLimits.WaitTimeout"/>.</exception>
    public async Task<IDisposable> EnterAsync(string owner, string store, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var waiter = new Waiter("o:" + owner, "s:" + store, new(TaskCreationOptions.RunContinuationsAsynchronously));
        lock (_lock)
        {
            _waiting.AddLast(waiter);
            LetIn();
        }

        using var patience = new CancellationTokenSource(limits.Value.WaitTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellationToken);
        using (either.Token.UnsafeRegister(_ => Leave(waiter), null))
        {
            if (await waiter.Turn.Task)
                return new Turn(this, waiter);
        }

        cancellationToken.ThrowIfCancellationRequested();
        throw new DomainException(ErrorReason.Unreachable,
            $"other validations and deletions in object stores are under way (at most {limits.Value.AtOncePerOwner} at once for one owner, {limits.Value.AtOncePerStore} at one store, {limits.Value.AtOnce} in all): no turn within {limits.Value.WaitTimeout}");
    }

    private void LetIn()
    {
        for (var node = _waiting.First; node is not null && _total < limits.Value.AtOnce;)
        {
            var next = node.Next;
            var waiter = node.Value;
            if (_busy.GetValueOrDefault(waiter.Owner) < limits.Value.AtOncePerOwner && _busy.GetValueOrDefault(waiter.Store) < limits.Value.AtOncePerStore)
            {
                _waiting.Remove(node);
                Count(waiter, 1);
                waiter.Turn.SetResult(true);
            }

            node = next;
        }
    }

    private void Leave(Waiter waiter)
    {
        lock (_lock)
        {
            if (_waiting.Remove(waiter))
                waiter.Turn.SetResult(false);
        }
    }

    private void GiveBack(Waiter waiter)
    {
        lock (_lock)
        {
            Count(waiter, -1);
            LetIn();
        }
    }

    private void Count(Waiter waiter, int by)
    {
        _total += by;
        foreach (var key in (string[])[waiter.Owner, waiter.Store])
        {
            if ((_busy[key] = _busy.GetValueOrDefault(key) + by) == 0)
                _busy.Remove(key);
        }
    }

    private sealed record Waiter(string Owner, string Store, TaskCompletionSource<bool> Turn);

    private sealed class Turn(StoreGate gate, Waiter waiter) : IDisposable
    {
        private int _over;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _over, 1) == 0)
                gate.GiveBack(waiter);
        }
    }
}
