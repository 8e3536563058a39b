using Managed.TestKit;
using Managed.TestKit.Wasm;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.Wasm.Conformance;

/// <summary>
/// Each of Envoy's attributes, in each spelling that SDKs send, has the form that the ABI gives it; what belongs to TLS is not found.
/// </summary>
public sealed class AttributeTests
{
    private const string NotFound = "not found", Text = "text", Number = "8 bytes", Truth = "1 byte", Empty = "empty", Map = "map";

    // As of a response's headers callback, of a request to a route with metadata.
    private static readonly (string Path, string Form)[] Attributes =
    [
        ("request/path", Text), ("request/url_path", Text), ("request/host", Text), ("request/scheme", Text), ("request/method", Text),
        ("request/headers", Map), ("request/headers/user-agent", Text), ("request/headers/x-none", NotFound),
        ("request/headers_bytes", Number),
        ("request/referer", Text), ("request/useragent", Text), ("request/time", Number), ("request/id", Text), ("request/protocol", Text),
        ("request/query", Text), ("request/duration", Number), ("request/size", Number), ("request/total_size", Number),
        ("request/nothing", NotFound), ("request", NotFound),
        ("response/code", Number), ("response/code_details", Text), ("response/flags", Number), ("response/grpc_status", NotFound),
        ("response/headers", Map), ("response/headers/x-upstream", Text), ("response/headers_bytes", Number), ("response/trailers", Map),
        ("response/trailers/x", NotFound), ("response/size", Number), ("response/total_size", Number), ("response/backend_latency", Number),
        ("source/address", Text), ("source/port", Number), ("destination/address", Text), ("destination/port", Number),
        ("source", NotFound),
        ("connection/id", Number), ("connection/mtls", Truth), ("connection/requested_server_name", Empty),
        ("connection/tls_version", NotFound), ("connection/subject_local_certificate", NotFound),
        ("connection/subject_peer_certificate", NotFound), ("connection/dns_san_local_certificate", NotFound),
        ("connection/dns_san_peer_certificate", NotFound),
        ("connection/uri_san_local_certificate", NotFound), ("connection/uri_san_peer_certificate", NotFound),
        ("connection/sha256_peer_certificate_digest", NotFound), ("connection/peer_certificate", NotFound),
        ("connection/transport_failure_reason", NotFound), ("connection/termination_details", NotFound),
        ("upstream/address", Text), ("upstream/num_endpoints", Number), ("upstream/port", Number), ("upstream/local_address", NotFound),
        ("upstream/transport_failure_reason", Empty), ("upstream/request_attempt_count", Number),
        ("upstream/cx_pool_ready_duration", Number), ("upstream/locality", Empty), ("upstream/tls_version", NotFound),
        ("upstream/subject_local_certificate", NotFound), ("upstream/subject_peer_certificate", NotFound),
        ("upstream/dns_san_local_certificate", NotFound),
        ("upstream/dns_san_peer_certificate", NotFound), ("upstream/uri_san_local_certificate", NotFound),
        ("upstream/uri_san_peer_certificate", NotFound), ("upstream/sha256_peer_certificate_digest", NotFound),
        ("upstream/peer_certificate", NotFound),
        ("metadata", Map), ("metadata/filter_metadata", Map), ("metadata/filter_metadata/none/x", NotFound), ("filter_state", Map),
        ("filter_state/none", NotFound), ("upstream_filter_state", Map), ("upstream_filter_state/x", NotFound),
        ("xds/node", Text), ("xds/node/id", Text), ("node/id", Text), ("node/cluster", Text), ("node/metadata", Map),
        ("node/nothing", NotFound), ("xds/cluster_name", Text), ("xds/cluster_metadata", Map), ("xds/listener_direction", Number),
        ("xds/listener_metadata", Map), ("xds/route_name", Text), ("xds/route_metadata", Map),
        ("xds/route_metadata/filter_metadata/test/color", Text), ("xds/route_metadata/filter_metadata/test/depth", Map),
        ("xds/route_metadata/filter_metadata/test/depth/n", Number),
        ("xds/route_metadata/filter_metadata/test/list", Map), ("xds/route_metadata/filter_metadata/test/list/0", Text),
        ("xds/route_metadata/filter_metadata/test/list/9", NotFound), ("xds/virtual_host_name", Text), ("xds/virtual_host_metadata", Map),
        ("xds/virtual_host_metadata/filter_metadata/host/level", Number), ("xds/upstream_host_metadata", Map),
        ("xds/upstream_host_locality_metadata", Map), ("xds/filter_chain_name", Text),
        ("route_name", Text), ("cluster_name", Text), ("listener_direction", Number), ("listener_metadata", Map), ("cluster_metadata", Map),
        ("route_metadata", Map), ("plugin_name", Text), ("plugin_root_id", Text), ("plugin_vm_id", Text), ("nothing", NotFound),
        ("", NotFound),
    ];

    [Theory]
    [InlineData("\\00", "")] // Rust, Go
    [InlineData("\\00", "\\00")] // C++
    [InlineData(".", "")] // AssemblyScript: what its author wrote
    public async Task EveryAttribute_HasItsForm_InEverySpelling(string separator, string end)
    {
        string code = string.Concat(Attributes.Select((a, i) =>
            $"""(i32.store (global.get $SIZE) (i32.const 0)) (call $r "s"""
                + $"""{i}" (call $proxy_get_property "{a.Path.Replace("/", separator, StringComparison.Ordinal) + end}" (global.get """
                    + $"""$OUT) (global.get $SIZE))) (call $n "n{i}" (i32.load (global.get $SIZE))) (call $n "c{i}" (if (result i32) """
                        + $"""(i32.ge_u (i32.load (global.get $SIZE)) (i32.const 4)) (then (i32.load (i32.load (global.get $OUT)))) """
                            + $"""(else (i32.const -1))))""" + "\n"));
        await using var proxy = await WasmProxy.StartAsync(new WatGuest().On("response_headers", code).Build(),
            ", name: attributes, root_id: root, limits: {cpu_per_call: 2s}", ", vm_id: vm");
        Assert.Equal(200, (await proxy.GetAsync("/some/path?a=1", "user-agent: test\r\nreferer: http://r/\r\n")).Status);

        var said = proxy.Said.Select(s => s.Split(": "))
            .ToDictionary(s => s[0], s => int.Parse(s[1], System.Globalization.CultureInfo.InvariantCulture));
        var wrong = new List<string>();
        for (int i = 0; i < Attributes.Length; i++)
        {
            var (path, form) = Attributes[i];
            int status = said[$"s{i}"], size = said[$"n{i}"], count = said[$"c{i}"];
            bool right = form switch
            {
                NotFound => status == 1,
                Text => status == 0 && size > 0,
                Number => (status, size) == (0, 8),
                Truth => (status, size) == (0, 1),
                Empty => (status, size) == (0, 0),
                _ => status == 0 && size >= 4 && count >= 0 && size >= 4 + count * 10,
            };
            if (!right) wrong.Add($"{path} ({form}): status {status}, {size} bytes");
        }
        Assert.True(wrong.Count == 0, string.Join("\n", wrong));
    }

    [Fact]
    public async Task AtTheEnd_TheWholeIsKnown()
    {
        const string Get =
            """(drop (call $proxy_get_property "{0}" (global.get $OUT) (global.get $SIZE))) (call $n "{0}" (i32.load (i32.load """
                + """(global.get $OUT))))""";
        await using var proxy = await WasmProxy.StartAsync(new WatGuest()
            .On("log", "(if (i32.ne (local.get $ctx) (i32.const 1)) (then "
                + string.Concat(new[] { "request.size", "response.size", "response.code", "response.flags",
                    "upstream.request_attempt_count", "response.grpc_status" }.Select(p => Get.Replace("{0}", p, StringComparison.Ordinal)))
                        + "))").Build());
        proxy.Upstream.Answer = _ => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\ngrpc-status: 7\r\n\r\n";
        Assert.Equal(200, (await proxy.PostAsync("abc")).Status);
        await Eventually.Async(() => proxy.Said.Count == 6, proxy.Log);
        Assert.Equal(["request.size: 3", "response.size: 5", "response.code: 200", "response.flags: 0", "upstream.request_attempt_count: 1",
            "response.grpc_status: 7"], proxy.Said);
    }

    [Fact]
    public async Task WhatOneFilterSets_AnotherReads()
    {
        string first = WasmProxy.Filter(new WatGuest().On("request_headers", """
            (drop (call $proxy_set_property "mine\00key" "value"))
            (drop (call $proxy_call_foreign_function "set_envoy_filter_state" "\0a\05plain\12\04text" (i32.const 0) (i32.const 0)))
            """).Build(), name: "first");
        string second = WasmProxy.Filter(new WatGuest().On("request_headers", """
            (call $r "a" (call $proxy_get_property "mine\00key\00" (global.get $OUT) (global.get $SIZE))) (call $v "a")
            (call $r "b" (call $proxy_get_property "filter_state\00wasm.mine.key" (global.get $OUT) (global.get $SIZE))) (call $v "b")
            (call $r "c" (call $proxy_get_property "filter_state.plain" (global.get $OUT) (global.get $SIZE))) (call $v "c")
            """).Build(), ", name: second", name: "second");
        await using var upstream = RecordingUpstream.Start();
        await using var proxy = await ProxyFixture.StartAsync(WasmProxy.Document($"{first}, {second}", upstream.Port));
        Assert.Equal(200, (await proxy.GetAsync()).Status);
        Assert.Equal(["a: 0", "a = value", "b: 0", "b = value", "c: 0", "c = text"],
            proxy.Log.Lines.Select(l => l["second: ".Length..l.IndexOf(" (vm", StringComparison.Ordinal)]));
    }
}
