using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Downstream.NetworkFilters.HttpConnectionManager;

/// <summary>Original addresses, early mutations and proxy-status.</summary>
public sealed class ManagerExtensionTests(ManagerExtensionTests.Proxies proxies) : IClassFixture<ManagerExtensionTests.Proxies>
{
    private const string Xff = "{name: a, typed_config: {'@type': type.googleapis.com/envoy.extensions.http.original_ip_detection.xff.v3."
        + "XffConfig, ";
    private const string Custom = "{name: b, typed_config: {'@type': type.googleapis.com/envoy.extensions.http.original_ip_detection."
        + "custom_header.v3.CustomHeaderConfig, ";
    private const string Early = "{name: c, typed_config: {'@type': type.googleapis.com/envoy.extensions.http.early_header_mutation."
        + "header_mutation.v3.HeaderMutation, ";

    public sealed class Proxies : IAsyncLifetime
    {
        public RecordingUpstream Upstream { get; } = RecordingUpstream.Start("up");
        public ProxyFixture Proxy { get; private set; } = null!;

        public async ValueTask InitializeAsync()
        {
            const string seen = "{match: {prefix: /}, route: {cluster: up}, request_headers_to_add: [{header: {key: x-seen, value: "
                + "'%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%'}}]}";
            string Listener(string name, string manager, string routes = seen) => "- " + Edge.Listener(name, manager,
                $"{{name: all, domains: ['*'], routes: [{routes}]}}") + "\n";
            string Addresses(string list) => $"use_remote_address: false, original_ip_detection_extensions: [{list}], "
                + "internal_address_config: {cidr_ranges: [{address_prefix: 10.0.0.0, prefix_len: 8}]},";
            Proxy = await ProxyFixture.StartAsync($"clusters: [{{name: up, endpoints: ['{Upstream.Address}']}}, {{name: dead, endpoints: "
                + "['127.0.0.1:1']}]\nlisteners:\n"
                + Listener("hops", Addresses(Xff + "xff_num_trusted_hops: 1, skip_xff_append: false}}"))
                + Listener("proxies", Addresses(Xff + "xff_trusted_cidrs: {cidrs: [{address_prefix: 127.0.0.0, prefix_len: 8}, "
                    + "{address_prefix: 192.168.0.0, prefix_len: 16}]}}}"))
                + Listener("header", Addresses(Custom + "header_name: X-Client, allow_extension_to_set_address_as_trusted: true}}"))
                + Listener("strict", Addresses(Custom + "header_name: x-client, reject_with_status: {code: 200}}}"))
                + Listener("several", Addresses(Custom + "header_name: x-client}}, " + Xff + "}}"))
                + Listener("early", "early_header_mutation_extensions: [" + Early + "mutations: [{remove: x-role}, {append: {header: "
                    + "{key: x-tenant, value: '%REQ(:authority)%'}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}}]}}],",
                    "{match: {prefix: /, headers: [{name: x-role}]}, direct_response: {status: 403}}, {match: {prefix: /, headers: "
                    + "[{name: x-tenant, string_match: {exact: t.test}}]}, route: {cluster: up}}")
                + Listener("status", "server_name: edge, proxy_status_config: {},", "{match: {path: /dead}, route: {cluster: dead}}, "
                    + "{match: {path: /up}, route: {cluster: up}}, {match: {path: /own}, direct_response: {status: 500}}")
                + Listener("bare", "proxy_status_config: {remove_details: true, remove_response_flags: true, literal_proxy_name: "
                    + "'my \"proxy\"', set_recommended_response_codes: true},", "{match: {path: /up}, route: {cluster: up}}"));
        }

        public async ValueTask DisposeAsync()
        {
            await Proxy.DisposeAsync();
            await Upstream.DisposeAsync();
        }
    }

    [Theory]
    [InlineData("hops", "x-forwarded-for: 1.1.1.1, 2.2.2.2, 3.3.3.3\r\n", "2.2.2.2", "1.1.1.1, 2.2.2.2, 3.3.3.3,127.0.0.1", null)]
    [InlineData("hops", "x-forwarded-for: 1.1.1.1\r\n", "127.0.0.1", "1.1.1.1", null)]
    [InlineData("proxies", "x-forwarded-for: 1.1.1.1, 2.2.2.2, 192.168.0.1\r\n", "2.2.2.2", "1.1.1.1, 2.2.2.2, 192.168.0.1", null)]
    [InlineData("proxies", "x-forwarded-for: 192.168.0.2, 192.168.0.1\r\n", "127.0.0.1", "192.168.0.2, 192.168.0.1", null)]
    [InlineData("proxies", "x-forwarded-for: 10.1.2.3\r\n", "10.1.2.3", "10.1.2.3", null)]
    [InlineData("header", "x-client: 10.1.2.3\r\n", "10.1.2.3", null, "true")]
    [InlineData("header", "x-client: ::1\r\nx-envoy-internal: true\r\n", "::1", null, null)]
    [InlineData("header", "x-client: 1.1.1.1\r\nx-client: 10.1.2.3\r\n", "127.0.0.1", null, null)]
    [InlineData("header", "x-client: nonsense\r\nx-forwarded-for: 10.0.0.1\r\n", "127.0.0.1", "10.0.0.1", null)]
    [InlineData("several", "x-forwarded-for: 10.0.0.1\r\n", "10.0.0.1", "10.0.0.1", "true")]
    [InlineData("several", "x-client: 10.0.0.2\r\nx-forwarded-for: 10.0.0.1\r\n", "10.0.0.2", "10.0.0.1", null)]
    public async Task OriginalAddress_IsWhatTheFirstExtensionFinds(string listener, string fields, string client, string? forwarded,
        string? isInternal)
    {
        proxies.Upstream.Clear();
        await proxies.Proxy.GetAsync(listener: listener, headers: fields);
        var seen = proxies.Upstream.Requests.Single();
        Assert.Equal((client, forwarded, isInternal), (seen["x-seen"], seen["x-forwarded-for"], seen["x-envoy-internal"]));
    }

    [Fact]
    public async Task RequestWithoutAnAddress_IsRejected()
    {
        Assert.Equal(403, (await proxies.Proxy.GetAsync(listener: "strict")).Status);
        Assert.Equal(200, (await proxies.Proxy.GetAsync(listener: "strict", headers: "x-client: 1.2.3.4\r\n")).Status);
    }

    [Fact]
    public async Task EarlyMutation_IsThereBeforeTheRoute()
    {
        const string fields = "x-role: a\r\nx-tenant: t.test\r\n";
        Assert.Equal(200, (await proxies.Proxy.GetAsync(listener: "early", host: "t.test", headers: fields)).Status);
        Assert.Equal(404, (await proxies.Proxy.GetAsync(listener: "early", host: "u.test", headers: fields)).Status);
    }

    [Theory]
    [InlineData("status", "/dead", 503, "edge; error=connection_refused; details=\"upstream_reset_before_response_started", "; UF")]
    [InlineData("status", "/none", 404, "edge; error=destination_not_found; details=\"route_not_found; NR\"", "\"")]
    [InlineData("bare", "/none", 500, "\"my \\\"proxy\\\"\"; error=destination_not_found", "found")]
    [InlineData("status", "/own", 500, null, null)]
    [InlineData("status", "/up", 200, "cache; hit", "hit")]
    public async Task ProxyStatus_SaysWhatWentWrong(string listener, string path, int status, string? begins, string? ends)
    {
        proxies.Upstream.Answer = _ => RecordingUpstream.Ok("", "proxy-status: cache; hit\r\n");
        var answer = await proxies.Proxy.GetAsync(path, listener: listener);
        proxies.Upstream.Answer = _ => null;
        Assert.Equal(status, answer.Status);
        Assert.Equal(begins is null, answer["proxy-status"] is null);
        if (begins is not null) Assert.StartsWith(begins, answer["proxy-status"], StringComparison.Ordinal);
        if (ends is not null) Assert.Contains(ends, answer["proxy-status"], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("original_ip_detection_extensions: [" + Xff + "}}],", "needs use_remote_address: false")]
    [InlineData("use_remote_address: false, original_ip_detection_extensions: [{name: a, typed_config: {'@type': a.b/c.D}}],",
        "the extension 'c.D' is not available")]
    [InlineData("use_remote_address: false, original_ip_detection_extensions: [" + Custom + "header_name: 'a b'}}],",
        "is not a header name")]
    [InlineData("early_header_mutation_extensions: [{name: a, typed_config: {'@type': c.D}}],", "the extension 'c.D' is not available")]
    [InlineData("proxy_status_config: {use_node_id: true},", "'use_node_id' is not supported")]
    public void WrongConfiguration_IsRefused(string manager, string says)
        => Assert.Contains(proxies.Proxy.Build(Edge.Document("127.0.0.1:1", manager)).Errors,
            e => e.Detail.Contains(says, StringComparison.Ordinal));
}
