using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Downstream.NetworkFilters.HttpConnectionManager;

/// <summary>What is believed of what a request says of itself, by who says it (Envoy: HTTP header sanitizing).</summary>
public sealed class HeaderTrustTests
{
    private const string Loopback = "internal_address_config: {cidr_ranges: [{address_prefix: 127.0.0.0, prefix_len: 8}]},";

    private static readonly string[] Obeyed =
    [
        "x-envoy-hedge-on-per-try-timeout", "x-envoy-max-retries", "x-envoy-retriable-header-names", "x-envoy-retriable-status-codes",
        "x-envoy-retry-grpc-on", "x-envoy-retry-on", "x-envoy-upstream-rq-per-try-timeout-ms", "x-envoy-upstream-rq-timeout-ms",
    ];

    private static readonly string[] Steering =
    [
        "x-envoy-expected-rq-timeout-ms", "x-envoy-force-trace", "x-envoy-hedge-on-per-try-timeout", "x-envoy-ip-tags",
        "x-envoy-max-retries", "x-envoy-original-url", "x-envoy-retriable-header-names",
        "x-envoy-retriable-status-codes", "x-envoy-retry-grpc-on", "x-envoy-retry-on", "x-envoy-upstream-alt-stat-name",
        "x-envoy-upstream-rq-per-try-timeout-ms",
        "x-envoy-upstream-rq-timeout-alt-response", "x-envoy-upstream-rq-timeout-ms",
    ];

    private static readonly string[] AtAnEdge =
    [
        "x-envoy-attempt-count", "x-envoy-decorator-operation", "x-envoy-downstream-service-cluster", "x-envoy-downstream-service-node",
        "x-envoy-original-path", "x-envoy-original-dst-host",
    ];

    private static readonly string[] Twins =
    [
        "x_envoy_retry_on", "x-envoy_retry-on", "x_envoy-internal", "x.envoy.retry.on", "x_forwarded_for", "x-forwarded_for",
        "x_forwarded-proto", "x_forwarded_client_cert", "x.forwarded.host", "x_request_id", "x-request_id",
    ];

    [Fact]
    public async Task FromOutside_NothingSteers()
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync(Edge.Document(up));
        string[] all = [.. Steering, .. AtAnEdge, .. Twins, "x-envoy-internal", "x-forwarded-client-cert"];

        // Each twice, in odd case: all values go.
        await proxy.GetAsync(headers: string.Concat(all.Where(n => n != "x-envoy-expected-rq-timeout-ms")
            .Select(n => $"{n}: a\r\n{n.ToUpperInvariant()}: b\r\n"))
                + "x-envoy-external-address: 8.8.8.8\r\nx-kept: 1\r\nx-under_score: 1\r\n");

        var request = Assert.Single(up.Requests);
        foreach (var name in all.Where(n => n != "x-envoy-expected-rq-timeout-ms")) Assert.True(request[name] is null, name);
        Assert.Equal(("127.0.0.1", "1", "1"), (request["x-envoy-external-address"], request["x-kept"], request["x-under_score"]));
    }

    [Theory]
    [InlineData("", null)]
    [InlineData(Loopback, "1, 2")]
    public async Task InternalOnlyHeaders_AreOfInternalRequestsAlone(string manager, string? kept)
    {
        await using var up = RecordingUpstream.Start();
        string document = $$"""
            clusters: [{name: up, endpoints: ["{{up.Address}}"]}]
            listeners:
            - name: edge
              address: 127.0.0.1:0
              filter_chains:
              - filters:
                - name: http_connection_manager
                  typed_config:
                    {{manager.TrimEnd(',')}}
                    stat_prefix: edge
                    http_filters: [{name: router}]
                    route_config:
                      internal_only_headers: [X-Own]
                      virtual_hosts: [{name: all, domains: ["*"], routes: [{match: {prefix: /}, route: {cluster: up} }] }]
            """;
        await using var proxy = await ProxyFixture.StartAsync(document);
        await proxy.GetAsync(headers: "x-own: 1\r\nX-OWN: 2\r\nx-other: 3\r\n");
        var request = Assert.Single(up.Requests);
        Assert.Equal((kept is null, "3"), (request["x-own"] is null, request["x-other"]));
        Assert.Contains(proxy.Build(document.Replace("X-Own", ":path", StringComparison.Ordinal)).Errors,
            e => e.Pointer.Contains("internal_only_headers", StringComparison.Ordinal));
    }

    [Fact]
    public async Task ExpectedTimeout_IsTheProxysWordAlone()
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync(
            Edge.Document(up,
                routes: "{match: {prefix: /none}, route: {cluster: up, timeout: 0s}}, {match: {prefix: /}, route: {cluster: up, "
                    + "timeout: 3s}}"));
        await proxy.GetAsync("/none", headers: "x-envoy-expected-rq-timeout-ms: 1\r\n");
        await proxy.GetAsync("/", headers: "x-envoy-expected-rq-timeout-ms: 1\r\n");
        Assert.Equal([null, "3000"], up.Requests.Select(r => r["x-envoy-expected-rq-timeout-ms"]));
    }

    [Fact]
    public async Task BehindAProxyThatIsTrusted_ItsNamesStayAndSteeringGoes()
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync(
            Edge.Document(up, "use_remote_address: false,", routes: "{match: {prefix: /}, route: {cluster: up, timeout: 0s}}"));

        await proxy.GetAsync(headers: string.Concat(Steering.Concat(AtAnEdge).Concat(Twins).Select(n => $"{n}: a\r\n"))
            + "x-envoy-internal: true\r\nx-forwarded-client-cert: a\r\nx-forwarded-for: 9.9.9.9\r\n");

        var request = Assert.Single(up.Requests);
        foreach (var name in Steering.Concat(Twins).Append("x-envoy-internal").Append("x-forwarded-client-cert"))
            Assert.True(request[name] is null, name);
        foreach (var name in AtAnEdge) Assert.True(request[name] == "a", name);
    }

    [Fact]
    public async Task FromAnInternalAddress_EverythingStaysButTheCertificate()
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync(
            Edge.Document(up, Loopback, routes: "{match: {prefix: /}, route: {cluster: up, timeout: 0s}}"));

        await proxy.GetAsync(headers: string.Concat(Steering.Concat(AtAnEdge).Select(n => $"{n}: a\r\n"))
            + "x-envoy-internal: false\r\nx-forwarded-client-cert: a\r\nx-request-id: mine\r\n");

        var request = Assert.Single(up.Requests);
        // What steers retries and times is done, and goes no further.
        foreach (var name in Steering.Concat(AtAnEdge)) Assert.True(request[name] == (Obeyed.Contains(name) ? null : "a"), name);
        Assert.Equal(("true", null, "mine", null),
            (request["x-envoy-internal"], request["x-forwarded-client-cert"], request["x-request-id"],
                request["x-envoy-external-address"]));
    }

    [Theory]
    [InlineData("", "x-forwarded-for: 127.0.0.9\r\n", null)] // with a word of its own, a client at an edge is none of ours (Envoy's rule)
    [InlineData("use_remote_address: false,", "x-forwarded-for: 127.0.0.9\r\n", "true")]
    [InlineData("use_remote_address: false,", "x-forwarded-for: 9.9.9.9, 127.0.0.9\r\n", null)]
    [InlineData("use_remote_address: false,", "x-forwarded-for: 9.9.9.9\r\nx-forwarded-for: 127.0.0.9\r\n", null)]
    [InlineData("use_remote_address: false,", "x-forwarded-for: nonsense\r\n", null)]
    [InlineData("use_remote_address: false,", "", null)]
    [InlineData("use_remote_address: false, xff_num_trusted_hops: 1,", "x-forwarded-for: 127.0.0.9, 127.0.0.8\r\n", null)]
    [InlineData("xff_num_trusted_hops: 1,", "x-forwarded-for: 127.0.0.9\r\n", null)]
    [InlineData("xff_num_trusted_hops: 1,", "", "true")]
    [InlineData("", "", "true")]
    public async Task InternalIs_ASingleInternalAddress(string manager, string headers, string? isInternal)
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync(Edge.Document(up, manager + Loopback));
        await proxy.GetAsync(headers: headers + "x-envoy-internal: true\r\n");
        Assert.Equal(isInternal, Assert.Single(up.Requests)["x-envoy-internal"]);
    }

    [Theory]
    [InlineData("", "", "http")]
    [InlineData("", "x-forwarded-proto: https\r\n", "http")]
    [InlineData("xff_num_trusted_hops: 1,", "x-forwarded-proto: https\r\n", "https")]
    [InlineData("use_remote_address: false,", "x-forwarded-proto: https\r\n", "https")]
    [InlineData("use_remote_address: false,", "x-forwarded-proto: http\r\nx-forwarded-proto: https\r\n", "http")]
    [InlineData("use_remote_address: false,", "x-forwarded-proto: https\r\nx-forwarded-proto: http\r\n", "http")]
    public async Task Scheme_IsBelievedOfATrustedHopAlone(string manager, string headers, string seen)
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync(Edge.Document(up, manager, host: "require_tls: ALL,"));
        var answer = await proxy.GetAsync("/", headers: headers);
        Assert.Equal(seen == "https" ? 200 : 301, answer.Status);
        if (seen == "https") Assert.Equal("https", Assert.Single(up.Requests)["x-forwarded-proto"]);
    }

    [Fact]
    public async Task HttpsInTheTarget_OfAConnectionThatIsNot_IsRefused()
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync(Edge.Document(up, host: "require_tls: ALL,"));
        Assert.Equal(400, (await proxy.GetAsync("https://example.test/")).Status);
        Assert.Empty(up.Requests);
    }

    [Theory]
    [InlineData("", false)]
    [InlineData("preserve_external_request_id: true,", true)]
    [InlineData("use_remote_address: false,", true)]
    [InlineData("generate_request_id: false,", true)]
    public async Task RequestId_OfAnEdgeIsMadeAnew(string manager, bool kept)
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync(Edge.Document(up, manager));
        await proxy.GetAsync(headers: "x-request-id: mine\r\n");
        Assert.Equal(kept, Assert.Single(up.Requests)["x-request-id"] == "mine");
    }

    [Fact]
    public async Task ClientCertificate_IsForwardedWhereSaidOnly()
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync(Edge.Document(up, "forward_client_cert_details: ALWAYS_FORWARD_ONLY,"));
        await proxy.GetAsync(headers: "x-forwarded-client-cert: Hash=1\r\nx_forwarded_client_cert: Hash=2\r\n");
        Assert.Equal(("Hash=1", null), (Assert.Single(up.Requests)["x-forwarded-client-cert"], up.Requests[0]["x_forwarded_client_cert"]));
    }

    [Fact]
    public async Task Trailers_SayNothingThatHeadersMayNot()
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync(Edge.Document(up, "http_protocol_options: {enable_trailers: true},"));
        await using var client = await proxy.ConnectAsync();
        await client.AskAsync(
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nx-envoy-retry-on: "
                + "5xx\r\nx-forwarded-client-cert: a\r\nx_forwarded_for: a\r\nx-request-id: a\r\ncontent_length: 5\r\nx-sum: 1\r\n\r\n");
        Assert.Equal(["x-sum"], Assert.Single(up.Requests).Trailers.Select(t => t.Key));
    }

    [Theory]
    [InlineData("{cidr_ranges: [{address_prefix: 10.0.0.0, prefix_len: 33}]}")]
    [InlineData("{cidr_ranges: [{address_prefix: ten, prefix_len: 8}]}")]
    public async Task ABlockThatIsNone_IsRefused(string config)
    {
        await using var up = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync(Edge.Document(up));
        Assert.Contains((await proxy.TryPublishAsync(Edge.Document(up, $"internal_address_config: {config},"))).Errors,
            e => e.Detail.Contains("is not a block", StringComparison.Ordinal));
    }
}
