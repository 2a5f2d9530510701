using System.Buffers;
using System.IO.Pipelines;

namespace PxBackup.Stork;

/// <summary>Splits a watch's answer into lines. Holds no buffer while it waits (zero-byte reads), and never searches a byte twice.</summary>
internal sealed class WatchLines : IAsyncDisposable
{
    private readonly PipeReader _reader;
    private readonly int _maxLineBytes;
    private SequencePosition? _next;
    private long _searched;

    public WatchLines(Stream stream, int maxLineBytes)
    {
        _reader = PipeReader.Create(stream, new StreamPipeReaderOptions(useZeroByteReads: true));
        _maxLineBytes = maxLineBytes;
    }

    /// <summary>The line; valid until the next call of <see cref="MoveNextAsync"/>.</summary>
    public ReadOnlySequence<byte> Current { get; private set; }

    /// <summary>The answer ended inside a line: the connection was cut.</summary>
    public bool WasCut { get; private set; }

    /// <returns>False at the end of the answer.</returns>
    /// <exception cref="ClusterException">A line is longer than allowed.</exception>
    public async ValueTask<bool> MoveNextAsync(CancellationToken cancellationToken)
    {
        if (_next is { } consumed)
        {
            _reader.AdvanceTo(consumed);
            _next = null;
        }

        while (true)
        {
            var result = await _reader.ReadAsync(cancellationToken).ConfigureAwait(false);
            var buffer = result.Buffer;
            if (buffer.Slice(_searched).PositionOf((byte)'\n') is { } end)
            {
                Current = buffer.Slice(0, end);
                _next = buffer.GetPosition(1, end);
                _searched = 0;
                if (Current.Length > 0)
                    return true;
                _reader.AdvanceTo(_next.Value);
                _next = null;
                continue;
            }

            if (buffer.Length > _maxLineBytes)
                throw new ClusterException(ClusterFailure.ApiUnavailable, $"A line of the watch is longer than {_maxLineBytes} bytes.",
                    "Check what answers at this address; a Kubernetes object is at most 1.5 MiB.");
            _searched = buffer.Length;
            WasCut = result.IsCompleted && buffer.Length > 0;
            _reader.AdvanceTo(buffer.Start, buffer.End);
            if (result.IsCompleted)
                return false;
        }
    }

    public ValueTask DisposeAsync() => _reader.CompleteAsync();
}
