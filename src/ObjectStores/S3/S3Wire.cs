using System.Net;
using System.Security.Cryptography;

namespace PxBackup.ObjectStores.S3;

/// <summary>What the SDK leaves to chance on the wire, decided.</summary>
/// <param name="inner">The sockets.</param>
/// <param name="maxAnswerBytes">Bytes of one answer that is not an object's content.</param>
internal sealed class S3Wire(HttpMessageHandler inner, long maxAnswerBytes) : DelegatingHandler(inner)
{
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        // Stores behind simple proxies never answer 100 Continue: a second lost on each write, or a hang.
        request.Headers.ExpectContinue = false;
        if (request is { Method.Method: "POST", Content: { Headers.ContentMD5: null } body })
        {
            // Multi-object delete: older stores insist on Content-MD5. It needs no signature, the body's SHA-256 has one.
            await body.LoadIntoBufferAsync(cancellationToken).ConfigureAwait(false);
            body.Headers.ContentMD5 = Md5(await body.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false));
        }
        var answer = await base.SendAsync(request, cancellationToken).ConfigureAwait(false);
        // The SDK would sign the request anew for wherever the store points to.
        answer.Headers.Location = null;
        if (!IsContentOfAnObject(request, answer))
            answer.Content = new LimitedContent(answer.Content, maxAnswerBytes);
        return answer;
    }

    /// <summary>The reader of an object's content has a limit of its own.</summary>
    private static bool IsContentOfAnObject(HttpRequestMessage request, HttpResponseMessage answer) =>
        request.Method == HttpMethod.Get && answer.IsSuccessStatusCode && request.RequestUri is { Query: "" or "?x-id=GetObject" };

#pragma warning disable CA5351 // Content-MD5 is a checksum that the protocol asks for, not a protection.
    private static byte[] Md5(byte[] body) => MD5.HashData(body);
#pragma warning restore CA5351

    /// <summary>An answer's body that ends in an error instead of going on for ever.</summary>
    private sealed class LimitedContent : HttpContent
    {
        private readonly HttpContent content;
        private readonly long limit;

        public LimitedContent(HttpContent content, long limit)
        {
            (this.content, this.limit) = (content, limit);
            foreach (var header in content.Headers)
                Headers.TryAddWithoutValidation(header.Key, header.Value);
        }

        protected override async Task<Stream> CreateContentReadStreamAsync() =>
            new LimitedStream(await content.ReadAsStreamAsync().ConfigureAwait(false), limit);

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            await using var source = await CreateContentReadStreamAsync().ConfigureAwait(false);
            await source.CopyToAsync(stream).ConfigureAwait(false);
        }

        protected override bool TryComputeLength(out long length)
        {
            length = content.Headers.ContentLength ?? 0;
            return content.Headers.ContentLength is not null;
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                content.Dispose();
            base.Dispose(disposing);
        }
    }
}

/// <summary>A stream that fails once more than <paramref name="limit"/> bytes came out of it.</summary>
internal sealed class LimitedStream(Stream source, long limit) : Stream
{
    private long read;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => read; set => throw new NotSupportedException(); }

    public override int Read(byte[] buffer, int offset, int count) => Count(source.Read(buffer, offset, count));

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        Count(await source.ReadAsync(buffer, cancellationToken).ConfigureAwait(false));

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            source.Dispose();
        base.Dispose(disposing);
    }

    private int Count(int bytes) =>
        (read += bytes) <= limit ? bytes : throw new AnswerTooLargeException($"the answer is longer than {limit} bytes");
}

/// <summary>A store's answer is longer than any honest one.</summary>
internal sealed class AnswerTooLargeException(string message) : Exception(message);
