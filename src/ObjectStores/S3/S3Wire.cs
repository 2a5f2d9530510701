using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;

namespace PxBackup.ObjectStores.S3;

/// <summary>
/// What the SDK leaves to chance on the wire, decided. Each answer but an object's content is taken in here, whole, bounded and within
/// the request's time: the SDK reads bodies without a time-out, and keeps what it reads several times over.
/// </summary>
/// <param name="inner">The sockets.</param>
/// <param name="options">Limits.</param>
internal sealed partial class S3Wire(HttpMessageHandler inner, ObjectStoreOptions options) : DelegatingHandler(inner)
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
        if (IsContentOfAnObject(request, answer))
            return answer;
        try
        {
            await TakeInAsync(request, answer, cancellationToken).ConfigureAwait(false);
            return answer;
        }
        catch
        {
            answer.Dispose();
            throw;
        }
    }

    /// <summary>The reader of an object's content has a limit of its own.</summary>
    private static bool IsContentOfAnObject(HttpRequestMessage request, HttpResponseMessage answer) =>
        request.Method == HttpMethod.Get && answer.IsSuccessStatusCode && request.RequestUri is { Query: "" or "?x-id=GetObject" };

    private async Task TakeInAsync(HttpRequestMessage request, HttpResponseMessage answer, CancellationToken cancellationToken)
    {
        var content = answer.Content;
        var (bytes, isWhole) = request.Method == HttpMethod.Head
            ? ([], true)
            : await ReadAsync(content, answer.IsSuccessStatusCode ? options.MaxAnswerBytes : options.MaxErrorBytes, cancellationToken).ConfigureAwait(false);
        if (!isWhole && answer.IsSuccessStatusCode)
            throw new AnswerTooLargeException($"the answer is longer than {options.MaxAnswerBytes} bytes");
        if (answer.IsSuccessStatusCode && bytes.AsSpan().Count((byte)'<') > 2L * options.MaxAnswerElements)
            throw new AnswerTooLargeException($"the answer has more than {options.MaxAnswerElements} elements");
        answer.Content = new ByteArrayContent(isWhole ? bytes : Shortened(bytes));
        foreach (var header in content.Headers.Where(header => isWhole || !header.Key.Equals("Content-Length", StringComparison.OrdinalIgnoreCase)))
            answer.Content.Headers.TryAddWithoutValidation(header.Key, header.Value);
        content.Dispose();
    }

    private static async Task<(byte[] Bytes, bool IsWhole)> ReadAsync(HttpContent content, long limit, CancellationToken cancellationToken)
    {
        // An announced length is no reason to wait for it, nor to set memory aside.
        if (content.Headers.ContentLength == 0)
            return ([], true);
        var source = await content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        await using var disposed = source.ConfigureAwait(false);
        using var taken = new MemoryStream();
        var buffer = new byte[16 * 1024];
        int read;
        while ((read = await source.ReadAsync(buffer, cancellationToken).ConfigureAwait(false)) > 0)
        {
            var fits = (int)Math.Min(read, limit - taken.Length);
            taken.Write(buffer, 0, fits);
            if (fits < read)
                return (taken.ToArray(), false);
        }
        return (taken.ToArray(), true);
    }

    /// <summary>A refusal that is too long, as a short one: code and the beginning of its words.</summary>
    private static byte[] Shortened(byte[] beginning)
    {
        var text = Encoding.UTF8.GetString(beginning);
        var code = CodeElement().Match(text) is { Success: true } match ? match.Groups[1].Value : "";
        return Encoding.UTF8.GetBytes($"<Error><Code>{code}</Code><Message>(the store's text is longer than {beginning.Length} bytes) {Words(text)}</Message></Error>");
    }

    private static string Words(string text)
    {
        const int most = 200;
        var at = text.IndexOf("<Message>", StringComparison.Ordinal);
        var words = at < 0 ? "" : text.Substring(at + "<Message>".Length, Math.Min(most, text.Length - at - "<Message>".Length));
        return string.Concat(words.TakeWhile(c => c != '<').Select(c => c is >= ' ' and < '\x7f' and not '&' and not '>' ? c : ' '));
    }

#pragma warning disable CA5351 // Content-MD5 is a checksum that the protocol asks for, not a protection.
    private static byte[] Md5(byte[] body) => MD5.HashData(body);
#pragma warning restore CA5351

    [GeneratedRegex("<Code>([A-Za-z0-9.]{1,64})</Code>")]
    private static partial Regex CodeElement();
}

/// <summary>A store's answer is longer than any honest one.</summary>
internal sealed class AnswerTooLargeException(string message) : Exception(message);
