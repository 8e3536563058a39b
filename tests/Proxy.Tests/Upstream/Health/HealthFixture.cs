using System.Collections.Concurrent;
using Managed.Proxy.Core;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Upstream.Health;

/// <summary>A proxy whose clusters are checked every 20 ms, each in its way, before upstreams that answer checks by the path.</summary>
public sealed class HealthFixture : IAsyncLifetime
{
    private const string Often = "timeout: 30s, interval: 0.02s, no_traffic_interval: 0.02s, unhealthy_threshold: 2, healthy_threshold: 2";

    public RecordingUpstream Up { get; } = RecordingUpstream.Start("up");
    public RecordingUpstream Other { get; } = RecordingUpstream.Start("other");
    public RecordingUpstream Echo { get; } = RecordingUpstream.Start("echo");
    internal Http2Upstream Two { get; } = new();
    public ProxyFixture Proxy { get; private set; } = null!;
    public ConcurrentQueue<ProxyEvent> Events { get; } = [];
    /// <summary>What the other upstream says to /other.</summary>
    public volatile string OtherStatus = "200";
    public string Document { get; private set; } = "";

    public async ValueTask InitializeAsync()
    {
        Up.Answer = Answer;
        Other.Answer = r => r.Target == "/leave" ? RecordingUpstream.Ok("gone", "x-envoy-immediate-health-check-fail: true\r\n")
            : r.Target == "/other" ? $"HTTP/1.1 {OtherStatus} X\r\ncontent-length: 0\r\n\r\n" : null;
        Echo.Script = async peer =>
        {
            while (await peer.ReadSomeAsync() is { Length: > 0 } bytes) await peer.SendAsync((byte[])[1, .. bytes, 2]);
        };
        Two.Answer = call => call.Path.StartsWith("/grpc", StringComparison.Ordinal)
            ? new Http2Script().Headers(call.Id, false, ":status: 200", "content-type: application/grpc")
                .Data(call.Id, call.Received > 5 ? "\0\0\0\0\u0002\b\u0002" : "\0\0\0\0\u0002\b\u0001", false)
                .Headers(call.Id, true, "grpc-status: 0")
            : new Http2Script().Headers(call.Id, true, ":status: 200");
        var clusters = new List<string>();
        void Add(string name, string at, string rest) => clusters.Add($"- {{name: {name}, endpoints: [{at}], {rest}}}");
        void Checked(string name, string at, string check, string rest = "")
            => Add(name, $"'{at}'", $"health_checks: [{{{Often}, {check}}}]{rest}");
        void Http(string name, string check, string rest = "") => Checked(name, Up.Address, $"http_health_check: {{{check}}}", rest);
        const string never = ", common_lb_config: {healthy_panic_threshold: {value: 0}}";
        Http("ok", "path: /ok");
        Http("no", "path: /no", never);
        Http("panic", "path: /no");
        Http("expected", "path: /no, expected_statuses: [{start: 500, end: 504}]");
        Http("degraded", "path: /degraded");
        Http("body", "path: /ok, receive: [{text: '7570'}, {text: 2f6f6b}]");
        Http("otherbody", "path: /ok, receive: [{text: 2f6f6b}, {text: '7570'}]");
        Http("post", "path: /post, method: POST, send: {text: '6869'}, host: checks.test, "
            + "request_headers_to_add: [{header: {key: x-check, value: '%UPSTREAM_HOST%'}}]");
        Http("service", "path: /service, service_name_matcher: {prefix: shop}");
        Http("otherservice", "path: /service, service_name_matcher: {prefix: web}");
        Checked("anew", Up.Address, "reuse_connection: false, http_health_check: {path: /ok}");
        Add("slow", $"'{Up.Address}'", "health_checks: [{timeout: 0.05s, interval: 0.02s, no_traffic_interval: 0.02s, "
            + "unhealthy_threshold: 1, healthy_threshold: 1, http_health_check: {path: /slow}}]");
        Checked("two", Two.Address, "http_health_check: {path: /ok, codec_client_type: HTTP2}");
        Checked("grpc", Two.Address, "grpc_health_check: {}", ", http2: true");
        Checked("othergrpc", Two.Address, "grpc_health_check: {service_name: shop}", ", http2: true");
        Checked("connect", Up.Address, "tcp_health_check: {}");
        Checked("dead", "127.0.0.1:1", "tcp_health_check: {}");
        Checked("bytes", Echo.Address, "tcp_health_check: {send: {text: 686f}, receive: [{text: '0168'}, {binary: bwI=}]}");
        Add("pair", $"'{Up.Address}', '{Other.Address}'", $"health_checks: [{{{Often}, http_health_check: {{path: /other}}}}]{never}");
        Add("leaver", $"'{Up.Address}', '{Other.Address}'", $"health_checks: [{{timeout: 5s, interval: 3600s, "
            + $"no_traffic_interval: 3600s, unhealthy_threshold: 5, healthy_threshold: 1, tcp_health_check: {{}}}}]{never}");
        Add("outlier", $"'{Up.Address}', '{Other.Address}'",
            "outlier_detection: {consecutive_5xx: 3, max_ejection_percent: 50, base_ejection_time: 3600s}");
        Document = $$"""
            listeners:
            - name: edge
              address: "127.0.0.1:0"
              routes:
              - match: {prefix: /}
                route: {cluster_header: x-cluster}
            clusters:
            {{string.Join("\n", clusters)}}
            - name: elsewhere
              health_checks:
              - { {{Often}}, alt_port: {{Up.Port}}, http_health_check: {path: /ok} }
              load_assignment:
                endpoints:
                - lb_endpoints:
                  - endpoint: {address: {socket_address: {port_value: 1, address: 127.0.0.1} } }
                  - endpoint:
                      address: {socket_address: {port_value: 2, address: 127.0.0.1} }
                      health_check_config: {port_value: 1}
                  - endpoint:
                      address: {socket_address: {port_value: 3, address: 127.0.0.1} }
                      health_check_config: {disable_active_health_check: true}
            """;
        Proxy = await ProxyFixture.StartAsync("");
        Proxy.Server.EventRaised += Events.Enqueue;
        await Proxy.PublishAsync(Document);
    }

    public async ValueTask DisposeAsync()
    {
        if (Proxy is not null) await Proxy.DisposeAsync();
        await Up.DisposeAsync();
        await Other.DisposeAsync();
        await Echo.DisposeAsync();
        await Two.DisposeAsync();
    }

    private static string? Answer(UpstreamRequest request) => request.Target switch
    {
        "/no" => "HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n",
        "/bad" => "HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n",
        "/degraded" => RecordingUpstream.Ok("", "x-envoy-degraded: true\r\n"),
        "/service" => RecordingUpstream.Ok("", "x-envoy-upstream-healthchecked-cluster: shop-7\r\n"),
        "/post" => request is { Method: "POST", Text: "hi" } && request["host"] == "checks.test" && request["x-check"] is { Length: > 8 }
            && request["user-agent"] == "Envoy/HC" ? null : "HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n",
        "/slow" => "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n", // and no more
        _ => null,
    };
}
