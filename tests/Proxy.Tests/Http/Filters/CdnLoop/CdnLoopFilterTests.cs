using System.Text;
using Managed.Proxy.Http.Filters.CdnLoop;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.CdnLoop;

public sealed class CdnLoopFilterTests
{
    [Theory]
    [InlineData("cdn", 1)]
    [InlineData("cdn, cdn,,cdn", 3)]
    [InlineData("cdn; v=1; q=\"a,cdn;\\\"\" , other", 1)]
    [InlineData("cdn:80, cdn.example, [::1]:443, other", 0)]
    [InlineData("CDN", 0)]
    [InlineData("", 0)]
    [InlineData(" , ,", 0)]
    [InlineData("cdn cdn", -1)]
    [InlineData("cdn;", -1)]
    [InlineData("cdn; v", -1)]
    [InlineData("cdn; v=\"open", -1)]
    [InlineData("cdn; v=\"open\\", -1)]
    [InlineData("[::1", -1)]
    [InlineData("[", -1)]
    [InlineData("=x;\"", -1)]
    [InlineData("\"cdn\"", -1)]
    [InlineData("a@b", -1)]
    public void List_IsReadAsTheStandardHasIt(string list, int count)
        => Assert.Equal(count, CdnInfo.Count(Encoding.Latin1.GetBytes(list), "cdn"u8));

    [Fact]
    public async Task OurName_IsAddedAndCounted()
    {
        await using var proxy = await LiveProxy.StartAsync("{name: cdn_loop, typed_config: {cdn_id: me, max_allowed_occurrences: 1}}",
            LiveProxy.EchoRoute.Replace("REQ(x)", "REQ(CDN-LOOP)", StringComparison.Ordinal));
        Assert.EndsWith("[me]", await proxy.GetAsync());
        Assert.EndsWith("[a, b,me;x=1,me]", await proxy.GetAsync("/", "cdn-loop: a, b", "cdn-loop: me;x=1"));
        Assert.StartsWith("HTTP/1.1 502", await proxy.GetAsync("/", "cdn-loop: me, me"));
        Assert.StartsWith("HTTP/1.1 400", await proxy.GetAsync("/", "cdn-loop: me me"));
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("{cdn_id: 'a b'}")]
    [InlineData("{cdn_id: ''}")]
    public async Task NameThatIsNone_IsRefused(string config)
    {
        await using var proxy = await ProxyFixture.StartAsync("");
        Assert.Contains(proxy.Build("listeners: [{name: edge, address: '127.0.0.1:0', routes: [], http_filters: [{name: cdn_loop, "
            + $"typed_config: {config}}}]}}]").Errors, e => e.Pointer.Contains("cdn_id", StringComparison.Ordinal));
    }
}
