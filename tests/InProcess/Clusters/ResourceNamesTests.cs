using System.Text.RegularExpressions;
using CsCheck;
using Xunit;
using PxBackup.Grains.Clusters;

namespace PxBackup.Tests.InProcess.Clusters;

public sealed partial class ResourceNamesTests
{
    private static readonly Gen<string> AnyText = Gen.OneOf(Gen.String, Gen.String[Gen.Char["aZ09.-_ /ä"], 0, 300]);

    [Theory]
    [InlineData("Nightly shop", "nightly-shop")]
    [InlineData("--Ünder_score--", "nder-score")]
    [InlineData("v1.0", "v1.0")]
    [InlineData("a..b.-c-.d", "a.b.c.d")]
    [InlineData("...", "x")]
    [InlineData("", "x")]
    public void Names_are_made_fit_for_Kubernetes(string name, string clean) => Assert.Equal(clean, ResourceNames.Clean(name));

    [Fact]
    public void Any_name_and_uid_give_a_name_that_Kubernetes_takes() => Gen.Select(AnyText, AnyText).Sample((name, uid) =>
    {
        var made = StorkLabels.NameFor(ResourceNames.Clean(name), uid);

        Assert.InRange(made.Length, 1, 253);
        Assert.Matches(Subdomain(), made);
    }, iter: 5_000);

    [Fact]
    public void Any_uid_gives_a_label_value_that_Kubernetes_takes() => AnyText.Sample(uid => Assert.Matches(LabelValue(), StorkLabels.For(uid)[StorkLabels.Uid]), iter: 5_000);

    [Fact]
    public void A_uuid_is_its_own_label_and_two_long_uids_have_two()
    {
        var uid = Guid.NewGuid().ToString();
        var (one, other) = (new string('a', 100) + "1", new string('a', 100) + "2");

        Assert.Equal(uid, StorkLabels.ValueOf(uid));
        Assert.NotEqual(StorkLabels.ValueOf(one), StorkLabels.ValueOf(other));
    }

    [Fact]
    public void A_repeat_meets_the_same_name() =>
        Assert.Equal("nightly-shop-0b0c4a5", StorkLabels.NameFor(ResourceNames.Clean("Nightly shop"), "0b0c4a54-0000-4000-8000-000000000001"));

    [GeneratedRegex("^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")]
    private static partial Regex Subdomain();

    [GeneratedRegex("^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$")]
    private static partial Regex LabelValue();
}
