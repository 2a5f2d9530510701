using System.Buffers;

namespace PxBackup.Gateway.Rest;

/// <summary>
/// A reply's bytes in rented pieces: its length is known before the first byte leaves, and a list of 32 MiB neither doubles an array
/// while it is written nor leaves one behind.
/// </summary>
internal sealed class PooledBody : IBufferWriter<byte>, IDisposable
{
    private const int Piece = 64 * 1024; // Below the 85,000 bytes from which arrays lie in the large object heap.

    private readonly List<(byte[] Bytes, int Length)> _full = [];
    private byte[] _current = ArrayPool<byte>.Shared.Rent(1024); // Most replies are small.
    private int _used;

    public long Length { get; private set; }

    public void Advance(int count)
    {
        _used += count;
        Length += count;
    }

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Ensure(sizeHint);
        return _current.AsMemory(_used);
    }

    public Span<byte> GetSpan(int sizeHint = 0)
    {
        Ensure(sizeHint);
        return _current.AsSpan(_used);
    }

    public async Task CopyToAsync(Stream stream, CancellationToken cancellationToken)
    {
        foreach (var (bytes, length) in _full)
            await stream.WriteAsync(bytes.AsMemory(0, length), cancellationToken);
        await stream.WriteAsync(_current.AsMemory(0, _used), cancellationToken);
    }

    public void Dispose()
    {
        foreach (var (bytes, _) in _full)
            ArrayPool<byte>.Shared.Return(bytes);
        _full.Clear();
        if (_current.Length > 0)
            ArrayPool<byte>.Shared.Return(_current);
        _current = [];
    }

    private void Ensure(int sizeHint)
    {
        if (_current.Length - _used >= Math.Max(sizeHint, 1))
            return;
        _full.Add((_current, _used));
        (_current, _used) = (ArrayPool<byte>.Shared.Rent(Math.Max(Piece, sizeHint)), 0);
    }
}
