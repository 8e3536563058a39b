using System.Buffers.Binary;
using System.Text;
using Managed.Proxy.Core.Buffers;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.RateLimit;

public sealed class RateLimitFilterTests(RateLimitFilterTests.Edge edge) : IClassFixture<RateLimitFilterTests.Edge>
{
    private const string Service = "rate_limit_service: {grpc_service: {envoy_grpc: {cluster_name: limits}}, transport_api_version: V3}";

    public sealed class Edge : IAsyncLifetime
    {
        internal Http2Upstream Limits { get; } = new();
        public RecordingUpstream Up { get; } = RecordingUpstream.Start();
        public ProxyFixture Proxy { get; private set; } = null!;

        public async ValueTask InitializeAsync()
        {
            static string Filter(string more)
                => $"{{name: ratelimit, typed_config: {{domain: shop, timeout: 20s, {Service}{more}}}}}, {{name: router}}";
            string all = """
                {name: r, virtual_hosts: [{name: v, domains: ["*"], rate_limits: [{actions: [{generic_key: {descriptor_value: host}}]}],
                  routes: [
                  {match: {prefix: /actions}, metadata: {filter_metadata: {team: {a: {b: red}}}}, route: {cluster: up, rate_limits: [
                    {actions: [{destination_cluster: {}}, {remote_address: {}}, {masked_remote_address: {v4_prefix_mask_len: 12}}, {generic_key: {descriptor_key: k, descriptor_value: v}},
                      {request_headers: {header_name: x-a, descriptor_key: a}}, {request_headers: {header_name: x-none, descriptor_key: b, skip_if_absent: true}},
                      {query_parameters: {query_parameter_name: q, descriptor_key: q}},
                      {header_value_match: {descriptor_value: yes, headers: [{name: x-a}]}}, {query_parameter_value_match: {descriptor_value: "no", expect_match: false, query_parameters: [{name: z}]}},
                      {metadata: {descriptor_key: m, metadata_key: {key: team, path: [{key: a}, {key: b}]}, source: ROUTE_ENTRY}},
                      {metadata: {descriptor_key: d, metadata_key: {key: none, path: [{key: a}]}, default_value: absent}}]},
                    {actions: [{request_headers: {header_name: x-none, descriptor_key: b}}]},
                    {stage: 1, actions: [{generic_key: {descriptor_value: other stage}}]}]}},
                  {match: {prefix: /both}, route: {cluster: up, include_vh_rate_limits: true, rate_limits: [{actions: [{generic_key: {descriptor_value: route}}]}]}},
                  {match: {prefix: /own}, route: {cluster: up, rate_limits: [{actions: [{generic_key: {descriptor_value: route}}]}]}},
                  {match: {prefix: /include}, route: {cluster: up, rate_limits: [{actions: [{generic_key: {descriptor_value: route}}]}]}, typed_per_filter_config: {ratelimit: {vh_rate_limits: INCLUDE, domain: mine}}},
                  {match: {prefix: /ignore}, route: {cluster: up}, typed_per_filter_config: {ratelimit: {vh_rate_limits: IGNORE}}},
                  {match: {prefix: /replaced}, route: {cluster: up}, typed_per_filter_config: {ratelimit: {rate_limits: [{actions: [{generic_key: {descriptor_value: replaced}}]}]}}},
                  {match: {prefix: /off}, route: {cluster: up}, typed_per_filter_config: {ratelimit: {disabled: true}}},
                  {match: {prefix: /}, route: {cluster: up}}]}]}
                """;
            string Listener(string name, string more) => $"- {{name: {name}, address: '127.0.0.1:0', filter_chains: [{{name: main, "
                + $"filters: [{{name: http_connection_manager, typed_config: {{stat_prefix: {name}, http_filters: [{Filter(more)}], "
                + $"route_config: {all}}}}}]}}]}}\n";
            Proxy = await ProxyFixture.StartAsync($"clusters:\n- {{name: up, endpoints: ['{Up.Address}']}}\n"
                + $"- {{name: limits, endpoints: ['{Limits.Address}'], http2: true}}\n"
                + "- {name: dead, endpoints: ['127.0.0.1:1'], http2: true}\nlisteners:\n"
                + Listener("edge", ", enable_x_ratelimit_headers: DRAFT_VERSION_03, response_headers_to_add: "
                    + "[{header: {key: x-more, value: m}}]")
                + Listener("soft", ", filter_enforced: {default_value: {numerator: 0}}, stat_prefix: soft")
                + Listener("open", "").Replace("cluster_name: limits", "cluster_name: dead", StringComparison.Ordinal)
                + Listener("closed", ", failure_mode_deny: true, status_on_error: {code: 503}")
                    .Replace("cluster_name: limits", "cluster_name: dead", StringComparison.Ordinal)
                + Listener("slow", ", failure_mode_deny: true").Replace("timeout: 20s", "timeout: 0.05s", StringComparison.Ordinal)
                + Listener("inside", ", request_type: internal, rate_limited_status: {code: 420}"));
        }

        public async ValueTask DisposeAsync()
        {
            await Proxy.DisposeAsync();
            await Limits.DisposeAsync();
            await Up.DisposeAsync();
        }
    }

    // What was asked: the domain, then each descriptor.
    private static string Asked(string body)
    {
        ReadOnlySpan<byte> rest = Encoding.Latin1.GetBytes(body).AsSpan(5);
        var shown = new StringBuilder();
        while (!rest.IsEmpty)
        {
            Assert.True(ProtoReader.TryNext(ref rest, out int field, out var bytes, out _));
            if (field == 1) shown.Append(Encoding.UTF8.GetString(bytes));
            if (field != 2) continue;
            shown.Append(" |");
            var entries = bytes;
            while (!entries.IsEmpty)
            {
                Assert.True(ProtoReader.TryNext(ref entries, out _, out var entry, out _));
                ProtoReader.TryField(entry, 1, out var key);
                ProtoReader.TryField(entry, 2, out var value);
                shown.Append($" {Encoding.UTF8.GetString(key)}={Encoding.UTF8.GetString(value)}");
            }
        }
        return shown.ToString();
    }

    private void Answers(ulong code, Action<ByteWriter>? more = null)
    {
        var to = new ByteWriter();
        ProtoWriter.Number(to, 1, code);
        more?.Invoke(to);
        byte[] prefix = new byte[5];
        BinaryPrimitives.WriteInt32BigEndian(prefix.AsSpan(1), to.Length);
        string message = Encoding.Latin1.GetString([.. prefix, .. to.Written]);
        edge.Limits.Answer = c => new Http2Script().Headers(c.Id, false, ":status: 200", "content-type: application/grpc")
            .Data(c.Id, message).Headers(c.Id, true, "grpc-status: 0");
    }

    private static void Header(ByteWriter to, int field, string key, string value)
    {
        int at = ProtoWriter.Begin(to, field);
        ProtoWriter.Field(to, 1, key);
        ProtoWriter.Field(to, 2, value);
        ProtoWriter.End(to, at);
    }

    [Theory]
    [InlineData("/", "shop | generic_key=host")]
    [InlineData("/both", "shop | generic_key=route | generic_key=host")]
    [InlineData("/own", "shop | generic_key=route")]
    [InlineData("/include", "mine | generic_key=route | generic_key=host")]
    [InlineData("/ignore", null)]
    [InlineData("/off", null)]
    [InlineData("/replaced", "shop | generic_key=replaced")]
    [InlineData("/actions?q=1%202&y", "shop | destination_cluster=up remote_address=127.0.0.1 masked_remote_address=127.0.0.0/12 k=v a=1 "
        + "q=1%202 header_match=yes query_match=no m=red d=absent")]
    [InlineData("/actions", null)] // without the parameter there is no descriptor
    [InlineData("/actions?q=1&z=1", null)]
    public async Task Service_IsAskedWithTheDescriptors(string path, string? asked)
    {
        Answers(1);
        int before = edge.Limits.Calls.Count;
        Assert.Equal(200, (await edge.Proxy.GetAsync(path, headers: "x-a: 1\r\n")).Status);
        var calls = edge.Limits.Calls.Skip(before).ToList();
        Assert.Equal(asked, calls.Count == 0 ? null : Asked(Assert.Single(calls).Body));
        if (calls.Count > 0) Assert.Equal(("/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit", "limits", "application/grpc"),
            (calls[0].Path, calls[0][":authority"], calls[0]["content-type"]));
    }

    [Fact]
    public async Task Request_IsRefusedOverTheLimit()
    {
        Answers(2, to =>
        {
            int status = ProtoWriter.Begin(to, 2);
            ProtoWriter.Number(to, 1, 2);
            int limit = ProtoWriter.Begin(to, 2);
            ProtoWriter.Number(to, 1, 10);
            ProtoWriter.Number(to, 2, 2);
            ProtoWriter.Field(to, 3, "per-ip");
            ProtoWriter.End(to, limit);
            int until = ProtoWriter.Begin(to, 4);
            ProtoWriter.Number(to, 1, 33);
            ProtoWriter.End(to, until);
            ProtoWriter.End(to, status);
            Header(to, 3, "X-From", "service");
            Header(to, 3, "transfer-encoding", "chunked");
            Header(to, 3, "bad", "a\r\nb: c");
            ProtoWriter.Field(to, 5, "slow down");
        });
        edge.Up.Clear();
        long before = edge.Proxy.Stat("cluster.up.ratelimit.over_limit");
        var answer = await edge.Proxy.GetAsync();
        Assert.Equal((429, "slow down", "true", "service", "m"), (answer.Status, answer.Text, answer["x-envoy-ratelimited"],
            answer["x-from"], answer["x-more"]));
        Assert.Equal(("10, 10;w=60;name=\"per-ip\"", "0", "33", null, null), (answer["x-ratelimit-limit"], answer["x-ratelimit-remaining"],
            answer["x-ratelimit-reset"], answer["transfer-encoding"], answer["bad"]));
        Assert.Empty(edge.Up.Requests);
        Assert.Equal(before + 1, edge.Proxy.Stat("cluster.up.ratelimit.over_limit"));
        // Not enforced it goes on, and is counted.
        Assert.Equal(200, (await edge.Proxy.GetAsync(listener: "soft")).Status);
        Assert.Equal(1, edge.Proxy.Stat("cluster.up.ratelimit.soft.over_limit"));
        // Requests from outside are not asked about here.
        Assert.Equal(200, (await edge.Proxy.GetAsync(listener: "inside")).Status);
    }

    [Fact]
    public async Task Answer_ChangesHeaders()
    {
        Answers(1, to =>
        {
            Header(to, 4, "x-tier", "gold");
            Header(to, 4, "host", "evil");
            Header(to, 3, "x-left", "9");
        });
        edge.Up.Clear();
        var answer = await edge.Proxy.GetAsync();
        Assert.Equal((200, "9"), (answer.Status, answer["x-left"]));
        Assert.Equal(("gold", "example.test"), (edge.Up.Requests[0]["x-tier"], edge.Up.Requests[0]["host"]));
    }

    [Fact]
    public async Task ServiceThatDoesNotAnswer_LetsInOrKeepsOut()
    {
        Assert.Equal(200, (await edge.Proxy.GetAsync(listener: "open")).Status);
        Assert.Equal(503, (await edge.Proxy.GetAsync(listener: "closed")).Status);
        Assert.True(edge.Proxy.Stat("cluster.up.ratelimit.failure_mode_allowed") >= 1);
        edge.Limits.Answer = _ => null;
        Assert.Equal(500, (await edge.Proxy.GetAsync(listener: "slow")).Status);
        // Bytes that are no message are no answer either.
        foreach (string data in new[] { "", "\0\0\0\0\u0005\u0012", "nonsense that is no message" })
        {
            edge.Limits.Answer = c => new Http2Script().Headers(c.Id, false, ":status: 200").Data(c.Id, data)
                .Headers(c.Id, true, data.Length == 0 ? "grpc-status: 13" : "grpc-status: 0");
            Assert.Equal(500, (await edge.Proxy.GetAsync(listener: "slow")).Status);
        }
        Assert.True(edge.Proxy.Stat("cluster.up.ratelimit.error") >= 6);
    }

    [Theory]
    [InlineData("domain: a", "rate_limit_service")]
    [InlineData("domain: a, rate_limit_service: {grpc_service: {envoy_grpc: {cluster_name: nope}}}", "cluster 'nope' does not exist")]
    [InlineData("domain: a, request_type: some, rate_limit_service: {grpc_service: {envoy_grpc: {cluster_name: up}}}", "'some' is no kind")]
    [InlineData("domain: a, failure_mode_deny_percent: {}, rate_limit_service: {grpc_service: {envoy_grpc: {cluster_name: up}}}",
        "'failure_mode_deny_percent' is not supported")]
    [InlineData("domain: a, rate_limit_service: {grpc_service: {envoy_grpc: {cluster_name: up}}}, rate_limits: "
        + "[{actions: [{extension: {}}]}]", "'extension' is not supported")]
    public void WhatIsWrong_IsSaid(string config, string error)
        => Assert.Contains(edge.Proxy.Build(Downstream.NetworkFilters.HttpConnectionManager.Edge.Document("127.0.0.1:1",
            filters: $"{{name: ratelimit, typed_config: {{{config}}}}},")).Errors,
            e => (e.Detail + e.Pointer).Contains(error, StringComparison.Ordinal));
}
