using PxBackup.Grains.Interfaces;
using Xunit;

namespace PxBackup.Tests.InProcess.Serialization;

public sealed class OutsideTextTests
{
    [Theory]
    [InlineData(null, "")]
    [InlineData("", "")]
    [InlineData("plain text", "plain text")]
    [InlineData("Übung 中文 😀", "Übung 中文 😀")]
    [InlineData("InvalidAccessKeyId: \n\tstatus code: 403,\r\n  host", "InvalidAccessKeyId: status code: 403, host")]
    [InlineData("  padded  ", "padded")]
    [InlineData("a\u001b[31mred\u0000", "a\\u001b[31mred\\u0000")]
    [InlineData("abc\u202etxt.exe", "abc\\u202etxt.exe")]
    [InlineData("line\u2028two", "line two")]
    public void A_text_from_outside_is_one_printable_line(string? text, string line) => Assert.Equal(line, OutsideText.OneLine(text));

    [Fact]
    public void Half_a_character_is_shown_as_its_number() => Assert.Equal("x\\ud83d", OutsideText.OneLine("x\ud83d"));

    [Fact]
    public void A_long_text_is_cut_at_its_bound()
    {
        var line = OutsideText.OneLine(new string('x', 60 * 1024 * 1024));

        Assert.Equal(OutsideText.MaxLength, line.Length);
        Assert.EndsWith("x…", line);
    }

    [Theory]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(7)]
    public void A_cut_leaves_no_half_of_a_character(int bound)
    {
        var line = OutsideText.OneLine("ab😀😀😀😀", bound);

        Assert.True(line.Length <= bound);
        Assert.Equal(line, OutsideText.OneLine(line));
    }

    [Fact]
    public void A_text_that_is_fine_is_not_copied()
    {
        const string text = "Volumes and resources were backed up successfully";

        Assert.Same(text, OutsideText.OneLine(text));
    }
}
