using Microsoft.Extensions.Options;
using PxBackup.Grains.Interfaces;

namespace PxBackup.Gateway.Hosting;

/// <summary>How many bytes of requests are held at once, by all callers and by each. Who is over is refused; nobody else notices.</summary>
internal sealed class BodyBudget(IOptions<GatewayOptions> options)
{
    /// <summary>Smaller bodies are not counted: they cost no more than the call's other parts.</summary>
    public const int Counted = 16 * 1024;

    private readonly long _most = options.Value.MaxBodyBytesAtOnce;
    private readonly long _mostOfOne = options.Value.MaxBodyBytesOfCaller;
    private readonly Lock _gate = new();
    private readonly Dictionary<string, long> _byCaller = new(StringComparer.Ordinal);
    private long _held;

    /// <summary>Bytes held now; for tests.</summary>
    internal long Held
    {
        get
        {
            lock (_gate)
                return _held;
        }
    }

    /// <summary>Starts counting for one request.</summary>
    public Lease Begin(string caller) => new(this, caller);

    private void Add(string caller, long bytes)
    {
        lock (_gate)
        {
            var own = _byCaller.GetValueOrDefault(caller);
            if (bytes > 0 && own + bytes > _mostOfOne)
                throw new DomainException(ErrorReason.LimitReached, $"your requests hold more than {_mostOfOne} bytes at once (Gateway:MaxBodyBytesOfCaller): wait for some to end, then ask again");
            if (bytes > 0 && _held + bytes > _most)
                throw new DomainException(ErrorReason.LimitReached, $"this server holds more than {_most} bytes of requests at once (Gateway:MaxBodyBytesAtOnce): ask again shortly");
            _held += bytes;
            if (own + bytes > 0)
                _byCaller[caller] = own + bytes;
            else
                _byCaller.Remove(caller);
        }
    }

    /// <summary>What one request holds, until it is disposed.</summary>
    internal sealed class Lease(BodyBudget budget, string caller) : IDisposable
    {
        private long _bytes;

        /// <summary>The request holds this much in all now.</summary>
        /// <exception cref="DomainException"><see cref="ErrorReason.LimitReached"/></exception>
        public void Hold(long bytes)
        {
            if (bytes <= Math.Max(_bytes, Counted))
                return;
            budget.Add(caller, bytes - _bytes);
            _bytes = bytes;
        }

        public void Dispose()
        {
            if (_bytes > 0)
                budget.Add(caller, -_bytes);
            _bytes = 0;
        }
    }
}
