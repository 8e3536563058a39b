using System.Globalization;
using System.Text.RegularExpressions;
using Managed.TestKit;
using Xunit;

namespace Managed.Integration.Traffic;

/// <summary>Who the client is, what is believed of what it says, and how the proxy names itself.</summary>
public sealed class IdentityTests
{
    private const string Uuid = "^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$";

    [Fact]
    public async Task AtAnEdge_ThePeerIsAppendedAndAForeignRequestIdReplaced()
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync(EdgeDocument.To(up).ToString());

        await proxy.GetAsync(
            headers: "x-forwarded-for: 203.0.113.9\r\nx-request-id: mine\r\nx-forwarded-proto: https\r\nx-envoy-retry-on: 5xx\r\n");

        var request = Assert.Single(up.Requests);
        Assert.Equal("203.0.113.9,127.0.0.1", request["x-forwarded-for"]);
        Assert.Equal("http", request["x-forwarded-proto"]);
        Assert.Matches(Uuid, request["x-request-id"]);
        Assert.Null(request["x-envoy-retry-on"]);
    }

    [Fact]
    public async Task BehindTrustedProxies_TheirWordIsKept()
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync((EdgeDocument.To(up) with
        {
            Manager = "use_remote_address: false\nxff_num_trusted_hops: 1\npreserve_external_request_id: "
                + "true\nalways_set_request_id_in_response: true",
            Routes = "- {match: {prefix: /}, route: {cluster: up}, request_headers_to_add: [{header: {key: x-client, value: "
                + "\"%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%\"}}]}",
        }).ToString());

        var response =
            await proxy.GetAsync(
                headers: "x-forwarded-for: 198.51.100.1, 203.0.113.9, 10.0.0.7\r\nx-request-id: mine\r\nx-forwarded-proto: https\r\n");

        var request = Assert.Single(up.Requests);
        Assert.Equal("203.0.113.9", request["x-client"]);
        Assert.Equal("198.51.100.1, 203.0.113.9, 10.0.0.7", request["x-forwarded-for"]);
        Assert.Equal(("mine", "https"), (request["x-request-id"], request["x-forwarded-proto"]));
        Assert.Equal("mine", response["x-request-id"]);
    }

    [Fact]
    public async Task ServerViaAndDate_NameTheProxy()
    {
        await using var up = RecordingUpstream.Start();
        up.Answer = _ => RecordingUpstream.Ok("x", "Server: inner\r\nVia: 1.1 inner\r\n");
        await using var proxy = await ProxyFixture.StartAsync((EdgeDocument.To(up) with { Manager = "via: 1.1 edge\nserver_name: front" })
            .ToString());

        var response = await proxy.GetAsync(headers: "Via: 1.0 client\r\n");

        Assert.Equal(("front", "1.1 inner,1.1 edge"), (response["server"], response["via"]));
        Assert.Equal("1.0 client,1.1 edge", up.Requests[0]["via"]);
        Assert.True(DateTimeOffset.TryParseExact(response["date"], "r", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal,
            out var date));
        Assert.InRange(date, DateTimeOffset.UtcNow.AddSeconds(-5), DateTimeOffset.UtcNow.AddSeconds(5));
    }

    [Fact]
    public async Task ServerHeaderPassThrough_KeepsTheUpstreams()
    {
        await using var up = RecordingUpstream.Start();
        up.Answer = _ => RecordingUpstream.Ok("x", "Server: inner\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n");
        await using var proxy = await ProxyFixture.StartAsync(
            (EdgeDocument.To(up) with { Manager = "server_header_transformation: PASS_THROUGH" }).ToString());

        var response = await proxy.GetAsync();

        Assert.Equal(("inner", "Sun, 06 Nov 1994 08:49:37 GMT"), (response["server"], response["date"]));
    }

    [Fact]
    public async Task HopByHopFields_StayOnTheirHop()
    {
        await using var up = RecordingUpstream.Start();
        up.Answer = _ => RecordingUpstream.Ok("x",
            "Connection: x-hop\r\nx-hop: 1\r\nKeep-Alive: timeout=5\r\nProxy-Authenticate: Basic\r\n");
        await using var proxy = await ProxyFixture.StartAsync(EdgeDocument.To(up).ToString());

        var response =
            await proxy.GetAsync(
                headers: "Connection: x-mine, keep-alive\r\nx-mine: 1\r\nKeep-Alive: 300\r\nTE: trailers, gzip\r\nProxy-Connection: "
                    + "keep-alive\r\n");

        var request = Assert.Single(up.Requests);
        Assert.Equal((null, null, null, "trailers"),
            (request["x-mine"], request["keep-alive"], request["proxy-connection"], request["te"]));
        Assert.Equal((null, null), (response["x-hop"], response["keep-alive"]));
    }

    [Theory]
    [InlineData("normalize_path: true", "/a/./b/../c%7E", "/a/c~")]
    [InlineData("merge_slashes: true", "//a///b", "/a/b")]
    [InlineData("path_with_escaped_slashes_action: UNESCAPE_AND_FORWARD", "/a%2Fb%5Cc", "/a/b/c")]
    [InlineData("", "//a/./b%2F", "//a/./b%2F")]
    public async Task PathOptions_DecideWhatTheUpstreamSees(string options, string sent, string seen)
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync((EdgeDocument.To(up) with { Manager = options }).ToString());

        await proxy.GetAsync(sent);

        // %5C becomes a backslash, which Envoy also leaves to normalisation.
        Assert.Equal(seen, Regex.Replace(Assert.Single(up.Requests).Target, @"\\", "/"));
    }
}
