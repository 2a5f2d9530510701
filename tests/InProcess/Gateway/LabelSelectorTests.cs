using PxBackup.Gateway.Requests;
using PxBackup.Grains.Interfaces;
using Xunit;

namespace PxBackup.Tests.InProcess.Gateway;

public sealed class LabelSelectorTests
{
    [Theory]
    [InlineData("a")]
    [InlineData("!a")]
    [InlineData("a=b")]
    [InlineData("a==b")]
    [InlineData("a!=b")]
    [InlineData("a=")]
    [InlineData("app.kubernetes.io/name = shop , tier != db")]
    [InlineData("a in (b)")]
    [InlineData("a in (b, c),d notin (e,f)")]
    [InlineData("a notin (,)")]
    public void What_Kubernetes_takes_is_taken(string selector) => LabelSelector.Check("s", selector);

    [Theory]
    [InlineData("=b")]
    [InlineData("a=b=c")]
    [InlineData("a,,b")]
    [InlineData("a,")]
    [InlineData("a in b")]
    [InlineData("a in (b")]
    [InlineData("a in b)")]
    [InlineData("a in ((b))")]
    [InlineData("a within (b)")]
    [InlineData("in (b)")]
    [InlineData("A_B/c=d")]
    [InlineData("a b")]
    [InlineData("-a")]
    [InlineData("a=b c")]
    [InlineData("a=b\n")]
    public void What_Kubernetes_refuses_is_refused(string selector)
    {
        var refusal = Assert.Throws<DomainException>(() => LabelSelector.Check("ns_label_selectors", selector));

        Assert.Equal("ns_label_selectors", refusal.Facts["field"]);
    }
}
