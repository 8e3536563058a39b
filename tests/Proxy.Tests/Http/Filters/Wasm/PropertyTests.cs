using System.Globalization;
using Managed.TestKit.Wasm;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.Wasm;

/// <summary>Attributes by their paths, in every form that guests write them.</summary>
public sealed class PropertyTests
{
    private static string Get(string path)
        => $"""(call $r "{path.Replace("\\00", "/", StringComparison.Ordinal)}" (call $proxy_get_property "{path}" (global.get $OUT) """
            + $"""(global.get $SIZE))) (call $v "=")""";

    private static async Task<IReadOnlyList<string>> OnResponseAsync(string code, string plugin = "", string vm = "")
    {
        await using var proxy = await WasmProxy.StartAsync(new WatGuest().On("response_headers", code).Build(), plugin, vm);
        Assert.Equal(200,
            (await proxy.GetAsync("/some/path?a=1&b=2", "user-agent: test/1\r\nreferer: http://r/\r\nx-many: 1\r\nx-many: 2\r\n")).Status);
        return proxy.Said;
    }

    [Theory]
    [InlineData("request\\00path", "/some/path?a=1&b=2")]
    [InlineData("request\\00path\\00", "/some/path?a=1&b=2")] // C++ ends each segment with a NUL
    [InlineData("request.path", "/some/path?a=1&b=2")] // AssemblyScript sends what the author wrote
    [InlineData("request\\00url_path", "/some/path")]
    [InlineData("request\\00query", "a=1&b=2")]
    [InlineData("request\\00host", "example.test")]
    [InlineData("request\\00scheme", "http")]
    [InlineData("request\\00method", "GET")]
    [InlineData("request\\00protocol", "HTTP/1.1")]
    [InlineData("request\\00useragent", "test/1")]
    [InlineData("request\\00referer", "http://r/")]
    [InlineData("request\\00headers\\00x-many", "1,2")]
    [InlineData("request\\00headers\\00User-Agent", "test/1")]
    [InlineData("response\\00headers\\00x-upstream", "up")]
    [InlineData("response\\00code_details", "via_upstream")]
    [InlineData("xds\\00route_name", "main")]
    [InlineData("route_name", "main")]
    [InlineData("xds\\00cluster_name", "up")]
    [InlineData("cluster_name", "up")]
    [InlineData("xds\\00virtual_host_name", "all")]
    [InlineData("xds\\00filter_chain_name", "main")]
    [InlineData("route_metadata\\00filter_metadata\\00test\\00color", "red")]
    [InlineData("xds\\00route_metadata\\00filter_metadata\\00test\\00list\\001", "b")]
    [InlineData("plugin_name", "gate")]
    [InlineData("plugin_root_id", "root")]
    [InlineData("plugin_vm_id", "machine")]
    [InlineData("connection\\00requested_server_name", "")]
    public async Task Text_IsAsItIs(string path, string expected)
    {
        var said = await OnResponseAsync(Get(path), ", name: gate, root_id: root", ", vm_id: machine");
        Assert.EndsWith(": 0", said[0], StringComparison.Ordinal);
        Assert.Equal("= = " + expected, said[1]);
    }

    [Theory]
    [InlineData("response\\00code", 200)]
    [InlineData("request\\00size", 0)]
    [InlineData("upstream\\00request_attempt_count", 1)]
    [InlineData("upstream\\00num_endpoints", 1)]
    [InlineData("response\\00flags", 0)]
    [InlineData("xds\\00listener_direction", 0)]
    public async Task Number_HasEightBytes(string path, int expected)
        => Assert.Equal(["status: 0", "size: 8", $"low: {expected}"], await OnResponseAsync($"""
            (call $r "status" (call $proxy_get_property "{path}" (global.get $OUT) (global.get $SIZE))) (call $n "size" (i32.load (global.get $SIZE))) (call $n "low" (i32.load (i32.load (global.get $OUT))))
            """));

    [Fact]
    public async Task TruthHasOneByte_TimesCountNanoseconds()
    {
        var said = await OnResponseAsync("""
            (drop (call $proxy_get_property "connection\00mtls" (global.get $OUT) (global.get $SIZE))) (call $n "mtls size" (i32.load (global.get $SIZE)))
            (drop (call $proxy_get_property "request\00time" (global.get $OUT) (global.get $SIZE))) (call $n "time" (i32.wrap_i64 (i64.div_u (i64.load (i32.load (global.get $OUT))) (i64.const 1000000000))))
            (call $r "duration" (call $proxy_get_property "request\00duration" (global.get $OUT) (global.get $SIZE)))
            (call $r "latency" (call $proxy_get_property "response\00backend_latency" (global.get $OUT) (global.get $SIZE)))
            (call $r "port" (call $proxy_get_property "upstream\00port" (global.get $OUT) (global.get $SIZE)))
            (call $r "source port" (call $proxy_get_property "source\00port" (global.get $OUT) (global.get $SIZE)))
            (call $r "map" (call $proxy_get_property "request\00headers" (global.get $OUT) (global.get $SIZE))) (call $n "has" (i32.gt_u (i32.load (i32.load (global.get $OUT))) (i32.const 5)))
            (call $r "id" (call $proxy_get_property "connection\00id" (global.get $OUT) (global.get $SIZE)))
            (call $r "node" (call $proxy_get_property "node\00id" (global.get $OUT) (global.get $SIZE)))
            """);
        Assert.Equal("mtls size: 1", said[0]);
        Assert.InRange(DateTimeOffset.UtcNow.ToUnixTimeSeconds() - int.Parse(said[1]["time: ".Length..], CultureInfo.InvariantCulture), -2,
            10);
        Assert.Equal(["duration: 0", "latency: 0", "port: 0", "source port: 0", "map: 0", "has: 1", "id: 0", "node: 0"], said.Skip(2));
    }

    [Theory]
    [InlineData("nothing")]
    [InlineData("request\\00nothing")]
    [InlineData("request\\00headers\\00x-none")]
    [InlineData("connection\\00tls_version")]
    [InlineData("upstream\\00subject_peer_certificate")]
    [InlineData("metadata\\00filter_metadata\\00none\\00x")]
    [InlineData("a\\00b\\00c\\00d\\00e\\00f\\00g\\00h\\00i\\00j\\00k\\00l\\00m\\00n\\00o\\00p\\00q\\00r")]
    [InlineData("")]
    public async Task WhatIsNotThere_IsNotFound(string path)
        => Assert.EndsWith(": 1", (await OnResponseAsync(Get(path)))[0], StringComparison.Ordinal);

    [Fact]
    public async Task SetProperty_IsReadBackByTheSamePath()
        => Assert.Equal(["set: 0", "a/b: 0", "= = mine", "filter_state/wasm.a.b: 0", "= = mine", "nameless: 2"],
            await Guests.OnRequestSaysAsync($"""
            (call $r "set" (call $proxy_set_property "a\00b" "mine")) {Get("a\\00b")} {Get("filter_state\\00wasm.a.b")} (call $r "nameless" (call $proxy_set_property "" "x"))
            """));
}
