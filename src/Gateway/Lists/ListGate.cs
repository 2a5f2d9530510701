using Microsoft.Extensions.Options;
using PxBackup.Grains.Interfaces;

namespace PxBackup.Gateway.Lists;

/// <summary>
/// Keeps the bytes of all lists that are gathered or sent within a bound. Who finds no room waits in turn; one user never takes more than
/// half of it, so that others always find some.
/// </summary>
internal sealed class ListGate(IOptions<ListLimits> limits, TimeProvider time)
{
    private readonly Lock _lock = new();
    private readonly LinkedList<Waiter> _waiting = new();
    private readonly Dictionary<string, long> _byUser = new(StringComparer.Ordinal);
    private readonly long _all = limits.Value.MaxBytesAtOnce;
    private long _taken;

    /// <summary>Bytes taken at present.</summary>
    public long Taken
    {
        get
        {
            lock (_lock)
                return _taken;
        }
    }

    /// <summary>Takes bytes, once there is room.</summary>
    /// <exception cref="DomainException"><see cref="ErrorReason.LimitReached"/>: there was none in time.</exception>
    public async Task<Lease> EnterAsync(string user, long bytes, CancellationToken cancellationToken)
    {
        var waiter = new Waiter(user, bytes);
        lock (_lock)
        {
            if (_waiting.Count == 0 && TryTake(waiter))
                return new Lease(this, user, bytes);
            _waiting.AddLast(waiter);
            Admit(); // One user's waiters do not hold up another's.
        }

        try
        {
            await waiter.Admitted.Task.WaitAsync(limits.Value.MaxWait, time, cancellationToken);
        }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException)
        {
            bool isAdmitted;
            lock (_lock)
            {
                isAdmitted = !_waiting.Remove(waiter);
                if (isAdmitted && e is OperationCanceledException)
                    Give(user, bytes);
            }

            if (e is OperationCanceledException)
                throw;
            if (!isAdmitted)
                throw new DomainException(ErrorReason.LimitReached, "too many large lists at one time; ask again, and for pages (enumerate_options.max_objects)", e);
        }

        return new Lease(this, user, bytes);
    }

    /// <summary>Takes bytes if there is room now and nobody waits; null otherwise.</summary>
    public Lease? TryEnter(string user, long bytes)
    {
        lock (_lock)
            return _waiting.Count == 0 && TryTake(new Waiter(user, bytes)) ? new Lease(this, user, bytes) : null;
    }

    private bool TryTake(Waiter waiter)
    {
        var ofUser = _byUser.GetValueOrDefault(waiter.User);
        if (_taken + waiter.Bytes > _all || ofUser + waiter.Bytes > _all / 2)
            return false;
        _taken += waiter.Bytes;
        _byUser[waiter.User] = ofUser + waiter.Bytes;
        return true;
    }

    private void Give(string user, long bytes)
    {
        lock (_lock)
        {
            _taken -= bytes;
            var left = _byUser.GetValueOrDefault(user) - bytes;
            if (left == 0)
                _byUser.Remove(user);
            else
                _byUser[user] = left;
            Admit();
        }
    }

    private void Admit()
    {
        for (var node = _waiting.First; node is not null;)
        {
            var next = node.Next;
            if (TryTake(node.Value))
            {
                _waiting.Remove(node);
                node.Value.Admitted.TrySetResult();
            }
            else if (_byUser.GetValueOrDefault(node.Value.User) + node.Value.Bytes <= _all / 2)
            {
                return; // It waits for the whole's room and is the first to get it.
            }

            node = next;
        }
    }

    private sealed record Waiter(string User, long Bytes)
    {
        public TaskCompletionSource Admitted { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    /// <summary>Bytes taken; given back once.</summary>
    public sealed class Lease(ListGate gate, string user, long bytes) : IDisposable
    {
        /// <summary>How many; 0 once given back.</summary>
        public long Bytes { get; private set; } = bytes;

        /// <summary>What it came to be in the end: the rest is given back, and what is more counts although there was no room for it.</summary>
        public void Correct(long actual)
        {
            lock (gate._lock)
            {
                var rest = Bytes - actual;
                Bytes = actual;
                gate.Give(user, rest);
            }
        }

        public void Dispose() => Correct(0);
    }
}
