using Managed.TestKit;
using Xunit;

namespace Managed.Integration.Traffic;

public sealed class RoutingTests
{
    [Fact]
    public async Task PathIsRewritten_UpstreamSeesTheNewOneAndTheOriginalInAHeader()
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync((EdgeDocument.To(up) with
        {
            Routes = """
                - {match: {prefix: /api/}, route: {cluster: up, prefix_rewrite: /v1/}}
                - {match: {prefix: /users}, route: {cluster: up, regex_rewrite: {pattern: {regex: "^/users/([0-9]+)"}, substitution: "/u?id=\\1"}}}
                - {match: {path: /host}, route: {cluster: up, host_rewrite_literal: inner.test, append_x_forwarded_host: true}}
                """,
        }).ToString());

        await proxy.GetAsync("/api/items?x=1");
        await proxy.GetAsync("/users/42");
        await proxy.GetAsync("/host", host: "outer.test");

        var seen = up.Requests;
        Assert.Equal(["/v1/items?x=1", "/u?id=42", "/host"], seen.Select(r => r.Target));
        Assert.Equal("/api/items?x=1", seen[0]["x-envoy-original-path"]);
        Assert.Equal("inner.test", seen[2]["host"]);
        Assert.Equal("outer.test", seen[2]["x-forwarded-host"]);
    }

    [Fact]
    public async Task RedirectAndDirectResponse_AreAnsweredWithoutAnUpstream()
    {
        await using var proxy = await ProxyFixture.StartAsync(new EdgeDocument
        {
            Routes = """
                - {match: {prefix: /old}, redirect: {prefix_rewrite: /new, response_code: PERMANENT_REDIRECT}}
                - {match: {path: /secure}, redirect: {https_redirect: true}}
                - {match: {path: /teapot}, direct_response: {status: 418, body: {inline_string: "short and stout"}}}
                """,
            Clusters = "- {name: unused, endpoints: [\"127.0.0.1:1\"]}",
        }.ToString());
        await using var client = await proxy.ConnectAsync();

        await client.GetAsync("/old/page?q=1", host: "example.test:8080");
        var moved = await client.ReadAsync();
        await client.GetAsync("/secure");
        var secure = await client.ReadAsync();
        await client.GetAsync("/teapot");
        var teapot = await client.ReadAsync();
        await client.GetAsync("/nothing");
        var missing = await client.ReadAsync();

        Assert.Equal((308, "http://example.test:8080/new/page?q=1"), (moved.Status, moved["location"]));
        Assert.Equal((301, "https://example.test/secure"), (secure.Status, secure["location"]));
        Assert.Equal((418, "short and stout"), (teapot.Status, teapot.Text));
        Assert.Equal(404, missing.Status);
    }

    [Fact]
    public async Task WeightedClusters_ShareTheTrafficByWeight()
    {
        await using var blue = RecordingUpstream.Start("blue");
        await using var green = RecordingUpstream.Start("green");
        await using var proxy = await ProxyFixture.StartAsync(new EdgeDocument
        {
            Routes = "- {match: {prefix: /}, route: {weighted_clusters: {clusters: [{name: blue, weight: 80}, {name: green, weight: "
                + "20}]}}}",
            Clusters = EdgeDocument.Cluster("blue", "", blue) + "\n" + EdgeDocument.Cluster("green", "", green),
        }.ToString());
        await using var client = await proxy.ConnectAsync();

        for (int i = 0; i < 1000; i++)
        {
            await client.GetAsync();
            Assert.Equal(200, (await client.ReadAsync()).Status);
        }

        // Ten standard deviations around 200 of 1,000.
        Assert.InRange(green.Requests.Count, 75, 325);
        Assert.Equal(1000, blue.Requests.Count + green.Requests.Count);
    }

    [Fact]
    public async Task ClusterHeader_NamesTheCluster_AndAnUnknownOneIsRefused()
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync((EdgeDocument.To(up) with
        {
            Routes = "- {match: {prefix: /}, route: {cluster_header: x-to, cluster_not_found_response_code: NOT_FOUND}}",
        }).ToString());

        Assert.Equal(200, (await proxy.GetAsync(headers: "x-to: up\r\n")).Status);
        Assert.Equal(404, (await proxy.GetAsync(headers: "x-to: nowhere\r\n")).Status);
        Assert.Single(up.Requests);
    }

    [Fact]
    public async Task MatchesByMethodHeaderAndQuery_ChooseTheRoute()
    {
        await using var proxy = await ProxyFixture.StartAsync(new EdgeDocument
        {
            Routes = """
                - {match: {prefix: /, headers: [{name: ":method", string_match: {exact: DELETE}}]}, direct_response: {status: 405}}
                - {match: {path_separated_prefix: /a}, direct_response: {status: 201}}
                - {match: {safe_regex: {regex: "/b[0-9]+"}}, direct_response: {status: 202}}
                - {match: {prefix: /, query_parameters: [{name: debug, present_match: true}]}, direct_response: {status: 203}}
                - {match: {prefix: /}, direct_response: {status: 200}}
                """,
            Clusters = "- {name: unused, endpoints: [\"127.0.0.1:1\"]}",
        }.ToString());
        await using var client = await proxy.ConnectAsync();

        var seen = new List<int>();
        foreach (var line in new[] { "DELETE /a", "GET /a/x", "GET /ab", "GET /b12", "GET /b12x", "GET /?debug=1" })
            seen.Add((await client.AskAsync($"{line} HTTP/1.1\r\nHost: example.test\r\n\r\n")).Status);

        Assert.Equal([405, 201, 200, 202, 200, 203], seen);
    }

    [Fact]
    public async Task HeaderRulesOfRouteAndVirtualHost_ChangeRequestAndResponse()
    {
        await using var up = RecordingUpstream.Start();
        up.Answer = _ => RecordingUpstream.Ok("x", "x-secret: 1\r\nx-keep: 1\r\n");
        await using var proxy = await ProxyFixture.StartAsync((EdgeDocument.To(up) with
        {
            VirtualHost =
                "request_headers_to_add: [{header: {key: x-vh, value: \"%REQ(:path)%\"}}]\nresponse_headers_to_remove: [x-secret]",
            Routes = """
                - match: {prefix: /}
                  route: {cluster: up}
                  request_headers_to_add:
                  - {header: {key: x-new, value: "%PROTOCOL%"}, append_action: ADD_IF_ABSENT}
                  - {header: {key: x-over, value: proxy}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}
                  - {header: {key: x-more, value: two}}
                  request_headers_to_remove: [x-drop]
                  response_headers_to_add: [{header: {key: x-code, value: "%RESPONSE_CODE%"}}]
                """,
        }).ToString());

        var response = await proxy.GetAsync("/p", headers: "x-over: client\r\nx-more: one\r\nx-drop: 1\r\n");

        var request = Assert.Single(up.Requests);
        Assert.Equal(("/p", "HTTP/1.1", "proxy", "one,two", null),
            (request["x-vh"], request["x-new"], request["x-over"], request["x-more"], request["x-drop"]));
        Assert.Equal((null, "1", "200"), (response["x-secret"], response["x-keep"], response["x-code"]));
    }
}
