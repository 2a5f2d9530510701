using CsCheck;
using PxBackup.ObjectStores;
using Xunit;

namespace PxBackup.Tests.InProcess.ObjectStores;

public sealed class StoreKeyTests
{
    [Theory]
    [InlineData("ns/backup/0f8fad5b-d9cb-469f-a165-70867728950e/metadata.json")]
    [InlineData("ns/")]
    [InlineData("größe & co/+1%2F..json")]
    [InlineData("..evil/..x/x..")]
    [InlineData("a/😀")]
    public void Keys_that_read_as_they_are_are_ordinary(string key) => Assert.True(StoreKey.IsOrdinary(key));

    [Theory]
    [InlineData("")]
    [InlineData("/")]
    [InlineData("/absolute")]
    [InlineData("a//b")]
    [InlineData("a/b//")]
    [InlineData("..")]
    [InlineData("a/../b")]
    [InlineData("a/.")]
    [InlineData("a\\b")]
    [InlineData("a\u0000b")]
    [InlineData("a\nb")]
    [InlineData("a\u007fb")]
    [InlineData("a\u202eb")]
    [InlineData("a\u2028b")]
    [InlineData("a\ufeffb")]
    [InlineData("a\ufffdb")]
    public void Keys_that_could_mislead_are_not(string key) => Assert.False(StoreKey.IsOrdinary(key));

    [Fact]
    public void The_longest_key_is_counted_in_bytes()
    {
        Assert.True(StoreKey.IsOrdinary(new string('ü', 512)));
        Assert.False(StoreKey.IsOrdinary(new string('ü', 513)));
    }

    [Fact]
    public void A_lone_surrogate_is_not_ordinary() => Assert.False(StoreKey.IsOrdinary("a" + (char)0xd800));

    [Fact]
    public void An_ordinary_key_stays_the_same_path_for_every_URL_parser() =>
        Gen.String.Where(StoreKey.IsOrdinary).Sample(key =>
            new Uri("http://store/bucket/" + string.Join('/', key.Split('/').Select(Uri.EscapeDataString))).AbsolutePath.Split('/').Length == key.Split('/').Length + 2);

    [Fact]
    public void Whatever_a_key_holds_its_display_is_one_line_of_bounded_length() =>
        Gen.String.Sample(key =>
        {
            var shown = StoreKey.ForDisplay(key);
            return shown.Length <= 220 && !shown.Any(char.IsControl);
        });
}
