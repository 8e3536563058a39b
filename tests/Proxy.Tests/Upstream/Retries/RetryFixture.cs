using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Upstream.Retries;

/// <summary>
/// A proxy whose routes have a retry policy each, before upstreams that do as the path says: <c>/POLICY/503-close-200</c> is answered
/// with 503 first, then not at all, then with 200, and so for ever.
/// </summary>
public sealed class RetryFixture : IAsyncLifetime
{
    private readonly ConcurrentDictionary<string, int> _asked = new();

    public RecordingUpstream Up { get; } = RecordingUpstream.Start("up");
    public RecordingUpstream Other { get; } = RecordingUpstream.Start("other");
    internal Http2Upstream Two { get; } = new();
    public ProxyFixture Proxy { get; private set; } = null!;
    /// <summary>Nobody listens there.</summary>
    public int DeadPort { get; } = UnusedPort();

    public async ValueTask InitializeAsync()
    {
        foreach (var up in (RecordingUpstream[])[Up, Other])
        {
            up.Answer = Answer;
            up.OnHead = OnHeadAsync;
        }
        Two.Answer = Answer;
        Proxy = await ProxyFixture.StartAsync(AttemptsYaml.Of("""
            response_headers_to_add:
            - {header: {key: x-flags, value: "%RESPONSE_FLAGS%"} }
            - {header: {key: x-details, value: "%RESPONSE_CODE_DETAILS%"} }
            retry_policy: {retry_on: gateway-error, num_retries: 3, retry_back_off: {base_interval: 0.001s} }
            """, Routes(), $$"""
            - {name: up, endpoints: ["{{Up.Address}}"], common_http_protocol_options: {max_requests_per_connection: 1} }
            - {name: two, endpoints: ["{{Two.Address}}"], http2: true}
            - {name: dead, endpoints: ["127.0.0.1:{{DeadPort}}"] }
            - {name: empty, endpoints: []}
            - {name: half, endpoints: ["127.0.0.1:{{DeadPort}}", "{{Up.Address}}"]}
            - {name: none, endpoints: ["{{Up.Address}}"], circuit_breakers: {thresholds: [{max_retries: 0} ] } }
            - name: budget
              endpoints: ["{{Up.Address}}"]
              circuit_breakers: {thresholds: [{max_retries: 0, retry_budget: {budget_percent: {value: 50}, min_retry_concurrency: 1} } ]}
            - name: canary
              load_assignment:
                endpoints:
                - lb_endpoints:
                  - endpoint: {address: {socket_address: {port_value: {{Up.Port}}, address: 127.0.0.1} } }
                  - endpoint: {address: {socket_address: {port_value: {{Other.Port}}, address: 127.0.0.1} } }
                    metadata: {filter_metadata: {envoy.lb: {canary: true, stage: next} } }
            """));
    }

    public async ValueTask DisposeAsync()
    {
        if (Proxy is not null) await Proxy.DisposeAsync();
        await Up.DisposeAsync();
        await Other.DisposeAsync();
        await Two.DisposeAsync();
    }

    private static string Routes()
    {
        var routes = new List<string>();
        foreach (string on in (string[])["5xx", "gateway-error", "reset", "reset-before-request", "connect-failure", "envoy-ratelimited",
            "retriable-4xx", "refused-stream", "retriable-status-codes", "retriable-headers", "cancelled", "deadline-exceeded", "internal",
            "resource-exhausted", "unavailable", "http3-post-connect-failure"])
            Add(on, $"retry_on: '{on}', retriable_status_codes: [418, 500], "
                + "retriable_headers: [{name: x-again, string_match: {exact: 'yes'}}]");
        Add("none", "num_retries: 1");
        Add("three", "retry_on: '5xx,connect-failure', num_retries: 3");
        Add("zero", "retry_on: 5xx, num_retries: 0");
        Add("try", "retry_on: 5xx, num_retries: 2, per_try_timeout: 0.1s");
        Add("idle", "retry_on: reset, per_try_idle_timeout: 0.1s");
        Add("onlytry", "per_try_timeout: 0.1s");
        Add("longtry", "retry_on: 5xx, num_retries: 3, per_try_timeout: 10s", ", timeout: 0.2s");
        Add("asked", "retry_on: 5xx, rate_limited_retry_back_off: {reset_headers: [{name: retry-after}, {name: x-at, "
            + "format: UNIX_TIMESTAMP}], max_interval: 300s}", ", timeout: 0.3s");
        Add("header", "retry_on: 5xx, retriable_request_headers: [{name: x-may, string_match: {exact: 'yes'}}]");
        Add("hosts", "retry_on: 5xx, num_retries: 1, retry_host_predicate: [{name: envoy.retry_host_predicates.previous_hosts}], "
            + "host_selection_retry_max_attempts: 5");
        Add("canaries", "retry_on: 5xx, num_retries: 2, retry_host_predicate: [{name: envoy.retry_host_predicates.omit_canary_hosts}], "
            + "host_selection_retry_max_attempts: 5");
        Add("metadata", "retry_on: 5xx, num_retries: 2, host_selection_retry_max_attempts: 5, retry_priority: {name: "
            + "envoy.retry_priorities.previous_priorities, typed_config: {'@type': type.googleapis.com/envoy.extensions.retry.priority."
            + "previous_priorities.v3.PreviousPrioritiesConfig, update_frequency: 2}}, retry_host_predicate: [{name: x, typed_config: "
            + "{'@type': type.googleapis.com/envoy.extensions.retry.host.omit_host_metadata.v3.OmitHostMetadataConfig, "
            + "metadata_match: {filter_metadata: {envoy.lb: {stage: next}}}}}]");
        routes.Add("- {match: {prefix: '/large/'}, request_body_buffer_limit: 100000, "
            + "route: {cluster_header: x-cluster, retry_policy: {retry_on: 5xx}}}");
        routes.Add("- {match: {prefix: '/small/'}, per_request_buffer_limit_bytes: 10, "
            + "route: {cluster_header: x-cluster, retry_policy: {retry_on: 5xx}}}");
        routes.Add("- {match: {prefix: '/'}, route: {cluster_header: x-cluster}}");
        return string.Join("\n", routes);

        void Add(string name, string policy, string route = "") => routes.Add($"- {{match: {{prefix: '/{name}/'}}, route: "
            + $"{{cluster_header: x-cluster, retry_policy: {{retry_back_off: {{base_interval: 0.001s}}, {policy}}}{route}}}}}");
    }

    private string Step(string path)
    {
        var steps = path[(path.LastIndexOf('/') + 1)..].Split('?')[0].Split('-');
        return steps[(_asked.AddOrUpdate(path, 1, static (_, n) => n + 1) - 1) % steps.Length];
    }

    private string? Answer(UpstreamRequest request)
    {
        string step = Step(request.Target);
        return step switch
        {
            "200" => RecordingUpstream.Ok(
                $"{request["x-envoy-attempt-count"]} {request["x-envoy-is-timeout-retry"]} {request.Body.Length}"),
            "limited" => "HTTP/1.1 503 Later\r\nx-envoy-ratelimited: true\r\ncontent-length: 0\r\n\r\n",
            "again" => "HTTP/1.1 404 No\r\nx-again: yes\r\ncontent-length: 5\r\n\r\nagain",
            "later" => "HTTP/1.1 503 Later\r\nretry-after: 200\r\ncontent-length: 0\r\n\r\n",
            "muchlater" => "HTTP/1.1 503 Later\r\nretry-after: 1000\r\ncontent-length: 0\r\n\r\n",
            "close" => "",
            "half" => "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-le",
            "cut" => "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 100\r\n\r\nhello",
            "garbage" => "WHAT?\r\nconnection: close\r\n",
            "switch" => "HTTP/1.1 101 Switching Protocols\r\nupgrade: none\r\nconnection: close\r\n\r\n",
            ['g', .. var code] => $"HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\ngrpc-status: {code}\r\ncontent-length: 0\r\n\r\n",
            _ => $"HTTP/1.1 {step} Status\r\ncontent-length: 4\r\n\r\nbody",
        };
    }

    private async Task OnHeadAsync(UpstreamRequest request, UpstreamPeer peer)
    {
        string steps = request.Target[request.Target.LastIndexOf('/')..];
        if (!steps.Contains("reset", StringComparison.Ordinal) && !steps.Contains("wait", StringComparison.Ordinal)) return;
        // These do not read the body before they do it.
        string step = Step(request.Target);
        if (step == "reset") peer.Close(reset: true);
        if (step == "wait") await new TaskCompletionSource().Task;
        await peer.SendAsync(RecordingUpstream.Ok($"{request["x-envoy-attempt-count"]} {request["x-envoy-is-timeout-retry"]}",
            "Connection: close\r\n"));
    }

    private Http2Script? Answer(Http2Call call)
    {
        string step = Step(call.Path);
        return step switch
        {
            "refused" => new Http2Script().Reset(call.Id, Managed.Proxy.Http.Codecs.Http2.Frames.Http2Error.RefusedStream),
            "rst" => new Http2Script().Reset(call.Id, Managed.Proxy.Http.Codecs.Http2.Frames.Http2Error.Internal),
            "away" => new Http2Script().GoAway(0),
            _ => new Http2Script().Headers(call.Id, false, $":status: {step}").Data(call.Id,
                $"{call["x-envoy-attempt-count"]} {call["x-envoy-is-timeout-retry"]} {call.Received}", true),
        };
    }

    private static int UnusedPort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }
}
