using PxBackup.ObjectStores.S3;
using Xunit;

namespace PxBackup.Tests.InProcess.ObjectStores;

public sealed class LimitedStreamTests
{
    [Fact]
    public void A_stream_of_exactly_the_limit_is_read_to_its_end()
    {
        using var stream = new LimitedStream(new MemoryStream(new byte[100]), 100);
        using var copy = new MemoryStream();

        stream.CopyTo(copy);

        Assert.Equal(100, copy.Length);
    }

    [Fact]
    public async Task One_byte_more_is_an_error()
    {
        await using var stream = new LimitedStream(new MemoryStream(new byte[101]), 100);

        await Assert.ThrowsAsync<AnswerTooLargeException>(() => stream.CopyToAsync(Stream.Null, TestContext.Current.CancellationToken));
    }
}
