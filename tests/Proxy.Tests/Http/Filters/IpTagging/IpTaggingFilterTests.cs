using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.IpTagging;

public sealed class IpTaggingFilterTests
{
    private const string Tags = "ip_tags: [{ip_tag_name: local, ip_list: [{address_prefix: 127.0.0.0, prefix_len: 8}]}, {ip_tag_name: far, "
        + "ip_list: [{address_prefix: 9.9.0.0, prefix_len: 16}, {address_prefix: '2001:db8::', prefix_len: 32}]}, {ip_tag_name: nine, "
        + "ip_list: [{address_prefix: 9.9.9.9, prefix_len: 32}]}, {ip_tag_name: v4, ip_list: [{address_prefix: 0.0.0.0, prefix_len: 0}]}]";

    private static Task<LiveProxy> StartAsync(string more = "") => LiveProxy.StartAsync(
        $"{{name: ip_tagging, typed_config: {{{Tags}{more}}}}}",
        """
        {match: {prefix: /, headers: [{name: x-envoy-ip-tags, string_match: {contains: nine}}]}, direct_response: {status: 202}},
        """ + LiveProxy.EchoRoute.Replace("REQ(x)", "REQ(X-ENVOY-IP-TAGS)% %REQ(x)", StringComparison.Ordinal),
        more: "use_remote_address: false");

    [Fact]
    public async Task Tags_AreTellingWhereTheClientIs()
    {
        await using var proxy = await StartAsync();
        Assert.EndsWith("[local,v4 -]", await proxy.GetAsync());
        Assert.EndsWith("[far,v4 -]", await proxy.GetAsync("/", "x-forwarded-for: 9.9.1.1"));
        Assert.EndsWith("[far -]", await proxy.GetAsync("/", "x-forwarded-for: 2001:db8::7"));
        Assert.EndsWith("[- -]", await proxy.GetAsync("/", "x-forwarded-for: 2001:db9::7"));
        // The route is matched with the tags.
        Assert.StartsWith("HTTP/1.1 202", await proxy.GetAsync("/", "x-forwarded-for: 9.9.9.9"));
        Assert.Equal((5, 1, 3, 1), (proxy.Stats.Value("http.edge.ip_tagging.total"), proxy.Stats.Value("http.edge.ip_tagging.no_hit"),
            proxy.Stats.Value("http.edge.ip_tagging.far.hit"), proxy.Stats.Value("http.edge.ip_tagging.nine.hit")));
    }

    [Theory]
    [InlineData("", "9.9.1.1", "[- sent,far,v4]")]
    [InlineData(", action: SANITIZE", "2001:db9::1", "[- -]")]
    [InlineData(", action: SANITIZE", "9.9.1.1", "[- far,v4]")]
    [InlineData(", action: APPEND_IF_EXISTS_OR_ADD", "9.9.1.1", "[- sent,far,v4]")]
    [InlineData(", action: APPEND_IF_EXISTS_OR_ADD", "2001:db9::1", "[- sent]")]
    public async Task OwnHeader_ReplacesOrKeepsWhatTheClientSends(string action, string client, string end)
    {
        if (action.Length == 0) end = end.Replace("sent,", "", StringComparison.Ordinal); // SANITIZE is what happens otherwise
        await using var proxy = await StartAsync($", ip_tag_header: {{header: X{action}}}");
        Assert.EndsWith(end, await proxy.GetAsync("/", "x: sent", "x-forwarded-for: " + client));
    }

    [Theory]
    [InlineData("INTERNAL", "[- -]")]
    [InlineData("EXTERNAL", "[local,v4 -]")]
    public async Task RequestType_ChoosesTheRequests(string type, string end)
    {
        await using var proxy = await StartAsync(", request_type: " + type);
        Assert.EndsWith(end, await proxy.GetAsync());
    }

    [Theory]
    [InlineData("{}", "ip_tags")]
    [InlineData("{ip_tags: [{ip_tag_name: a, ip_list: [{address_prefix: 1.2.3.4, prefix_len: 40}]}]}", "address_prefix")]
    [InlineData("{ip_tags_file_provider: {}}", "ip_tags_file_provider")]
    public async Task WhatIsWrong_IsSaid(string config, string place)
    {
        await using var proxy = await ProxyFixture.StartAsync("");
        Assert.Contains(proxy.Build("listeners: [{name: edge, address: '127.0.0.1:0', routes: [], http_filters: [{name: ip_tagging, "
            + $"typed_config: {config}}}]}}]").Errors, e => e.Pointer.Contains(place, StringComparison.Ordinal));
    }
}
