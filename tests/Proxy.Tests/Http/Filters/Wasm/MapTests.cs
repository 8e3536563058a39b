using Managed.TestKit.Wasm;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.Wasm;

/// <summary>Header maps: read, changed, as pairs, with right and wrong arguments.</summary>
public sealed class MapTests
{
    private const string Get =
        """(call $r "get" (call $proxy_get_header_map_value (i32.const 0) "x-a" (global.get $OUT) (global.get $SIZE)))""";

    [Fact]
    public async Task Value_IsTheFirst_WhateverTheCaseOfTheName()
        => Assert.Equal(["get: 0", "x = one", "upper: 0", "x = one"], await Guests.OnRequestSaysAsync($"""
            {Get} (call $v "x")
            (call $r "upper" (call $proxy_get_header_map_value (i32.const 0) "X-A" (global.get $OUT) (global.get $SIZE))) (call $v "x")
            """, headers: "x-a: one\r\nX-A: two\r\n"));

    [Theory]
    [InlineData("0_1_0", "get: 0")]
    [InlineData("0_2_0", "get: 1")]
    [InlineData("0_2_1", "get: 1")]
    public async Task MissingField_IsEmptyIn010_NotFoundAfterwards(string abi, string said)
        => Assert.Equal([said], await Guests.OnRequestSaysAsync(Get, abi: abi));

    [Fact]
    public async Task PseudoHeaders_AreThere()
        => Assert.Equal(["m = GET", "p = /x?y=1", "a = example.test", "s = http"], await Guests.OnRequestSaysAsync("""
            (drop (call $proxy_get_header_map_value (i32.const 0) ":method" (global.get $OUT) (global.get $SIZE))) (call $v "m")
            (drop (call $proxy_get_header_map_value (i32.const 0) ":path" (global.get $OUT) (global.get $SIZE))) (call $v "p")
            (drop (call $proxy_get_header_map_value (i32.const 0) ":authority" (global.get $OUT) (global.get $SIZE))) (call $v "a")
            (drop (call $proxy_get_header_map_value (i32.const 0) ":scheme" (global.get $OUT) (global.get $SIZE))) (call $v "s")
            """, target: "/x?y=1"));

    [Fact]
    public async Task Changes_ReachTheUpstream()
    {
        await using var proxy = await WasmProxy.StartAsync(new WatGuest().On("request_headers", """
            (call $r "add" (call $proxy_add_header_map_value (i32.const 0) "x-a" "3"))
            (call $r "replace" (call $proxy_replace_header_map_value (i32.const 0) "x-b" "new"))
            (call $r "replace" (call $proxy_replace_header_map_value (i32.const 0) "x-c" "made"))
            (call $r "remove" (call $proxy_remove_header_map_value (i32.const 0) "X-D"))
            (call $r "remove" (call $proxy_remove_header_map_value (i32.const 0) "x-none"))
            (call $r "method" (call $proxy_replace_header_map_value (i32.const 0) ":path" "/elsewhere"))
            (call $r "empty" (call $proxy_add_header_map_value (i32.const 0) "x-e" ""))
            """).Build());

        var response = await proxy.GetAsync(headers: "x-a: 1\r\nx-a: 2\r\nx-b: 1\r\nx-b: 2\r\nx-d: 1\r\n");

        Assert.True(response.Status == 200, proxy.Log);
        var seen = Assert.Single(proxy.Upstream.Requests);
        Assert.Equal("/elsewhere", seen.Target);
        Assert.Equal("1,2,3", seen["x-a"]);
        Assert.Equal("new", seen["x-b"]);
        Assert.Equal("made", seen["x-c"]);
        Assert.Null(seen["x-d"]);
        Assert.Equal("", seen["x-e"]);
        Assert.All(proxy.Said, s => Assert.EndsWith(": 0", s, StringComparison.Ordinal));
    }

    [Fact]
    public async Task ResponseAndItsTrailers_CanBeChanged()
    {
        await using var proxy = await WasmProxy.StartAsync(new WatGuest()
            .On("response_headers", """
                (call $r "status" (call $proxy_replace_header_map_value (i32.const 2) ":status" "404"))
                (call $r "server" (call $proxy_remove_header_map_value (i32.const 2) "server"))
                """)
            .On("response_trailers", """(call $r "trailer" (call $proxy_add_header_map_value (i32.const 3) "x-late" "1"))""").Build());
        proxy.Upstream.Answer = _ => "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\netag: 1\r\n\r\n";

        var response = await proxy.GetAsync();

        Assert.Equal(404, response.Status);
        Assert.Null(response["server"]);
        Assert.Equal(["status: 0", "server: 0", "trailer: 0"], proxy.Said);
    }

    [Fact]
    public async Task Pairs_AreReadAndWritten()
    {
        await using var proxy = await WasmProxy.StartAsync(new WatGuest().On("request_headers", $"""
            (call $r "size" (call $proxy_get_header_map_size (i32.const 0) (global.get $NUM)))
            (call $r "pairs" (call $proxy_get_header_map_pairs (i32.const 0) (global.get $OUT) (global.get $SIZE)))
            (call $r "same" (i32.eq (i32.load (global.get $NUM)) (i32.load (global.get $SIZE))))
            (call $r "count" (i32.eq (i32.load (i32.load (global.get $OUT))) (local.get $a)))
            (call $r "set" (call $proxy_set_header_map_pairs (i32.const 0) {WatGuest.Pairs((":path", "/p"), ("X-One", "1"), ("x-one", "2"))}))
            """).Build());

        var response = await proxy.GetAsync(headers: "x-old: 1\r\n");

        Assert.True(response.Status == 200, proxy.Log);
        Assert.Equal(["size: 0", "pairs: 0", "same: 1", "count: 1", "set: 0"], proxy.Said);
        var seen = Assert.Single(proxy.Upstream.Requests);
        Assert.Equal(("/p", "1,2", null), (seen.Target, seen["x-one"], seen["x-old"]));
    }

    [Theory]
    [InlineData("\"\"")]
    [InlineData("\"\\00\"")]
    [InlineData("\"\\00\\00\\00\\00\"")]
    public async Task EmptyMap_HasThreeForms(string pairs)
        => Assert.Equal(["set: 0", "get: 1"],
            await Guests.OnRequestSaysAsync($"""(call $r "set" (call $proxy_set_header_map_pairs (i32.const 0) {pairs})) {Get}""",
                headers: "x-a: 1\r\n"));

    [Theory]
    [InlineData("\"\\01\\00\\00\\00\"")] // one pair that is not there
    [InlineData("\"\\ff\\ff\\ff\\ff\"")]
    [InlineData("\"\\01\\00\\00\\00\\01\\00\\00\\00\\01\\00\\00\\00a\\00b\"")] // no NUL at the end
    [InlineData("\"\\01\\00\\00\\00\\01\\00\\00\\00\\01\\00\\00\\00a\\00b\\00z\"")] // one byte more
    [InlineData("\"\\01\\00\\00\\00\\ff\\ff\\ff\\7f\\ff\\ff\\ff\\7fa\\00b\\00\"")]
    public async Task WrongPairs_ChangeNothing(string pairs)
        => Assert.Equal(["set: 3", "get: 0"],
            await Guests.OnRequestSaysAsync($"""(call $r "set" (call $proxy_set_header_map_pairs (i32.const 0) {pairs})) {Get}""",
                headers: "x-a: 1\r\n"));

    [Fact]
    public async Task WrongArguments_AreRefused()
        => Assert.Equal(
            ["type: 2", "negative: 2", "pairs: 2", "size: 2", "add: 2", "remove: 2", "early: 1", "add early: 2", "early pairs: 0",
                "name: 2", "value: 2", "framing: 0", "pseudo: 2", "status: 2", "bad name: 1"],
            await Guests.OnRequestSaysAsync("""
                (call $r "type" (call $proxy_get_header_map_value (i32.const 8) "x" (global.get $OUT) (global.get $SIZE)))
                (call $r "negative" (call $proxy_get_header_map_value (i32.const -1) "x" (global.get $OUT) (global.get $SIZE)))
                (call $r "pairs" (call $proxy_get_header_map_pairs (i32.const 99) (global.get $OUT) (global.get $SIZE)))
                (call $r "size" (call $proxy_get_header_map_size (i32.const 99) (global.get $OUT)))
                (call $r "add" (call $proxy_add_header_map_value (i32.const 99) "a" "b"))
                (call $r "remove" (call $proxy_remove_header_map_value (i32.const 99) "a"))
                (call $r "early" (call $proxy_get_header_map_value (i32.const 2) "server" (global.get $OUT) (global.get $SIZE)))
                (call $r "add early" (call $proxy_add_header_map_value (i32.const 2) "a" "b"))
                (call $r "early pairs" (call $proxy_get_header_map_pairs (i32.const 2) (global.get $OUT) (global.get $SIZE)))
                (call $r "name" (call $proxy_add_header_map_value (i32.const 0) "a b" "c"))
                (call $r "value" (call $proxy_add_header_map_value (i32.const 0) "a" "b\0d\0ac: d"))
                (call $r "framing" (call $proxy_add_header_map_value (i32.const 0) "transfer-encoding" "chunked"))
                (call $r "pseudo" (call $proxy_add_header_map_value (i32.const 0) ":protocol" "x"))
                (call $r "status" (call $proxy_replace_header_map_value (i32.const 0) ":path" "/a b"))
                (call $r "bad name" (call $proxy_get_header_map_value (i32.const 0) "" (global.get $OUT) (global.get $SIZE)))
                """) is var said ? said.Where(s => !s.StartsWith("header '", StringComparison.Ordinal)) : []);

    [Fact]
    public async Task PluginContext_HasNoMaps()
        => Assert.Equal(["get: 2", "pairs: 2", "add: 2", "get: 2", "pairs: 2", "add: 2"], await new WatGuest().On("configure", $"""
            {Get}
            (call $r "pairs" (call $proxy_get_header_map_pairs (i32.const 0) (global.get $OUT) (global.get $SIZE)))
            (call $r "add" (call $proxy_add_header_map_value (i32.const 0) "a" "b"))
            """).SaysAsync());

    [Fact]
    public async Task ChangedRequest_IsRoutedAnew()
    {
        await using var proxy = await WasmProxy.StartAsync(new WatGuest().On("request_headers", """
            (drop (call $proxy_get_property "route_name" (global.get $OUT) (global.get $SIZE))) (call $v "route")
            (drop (call $proxy_replace_header_map_value (i32.const 0) ":path" "/other"))
            (drop (call $proxy_get_property "route_name" (global.get $OUT) (global.get $SIZE))) (call $v "route")
            """).Build());

        Assert.Equal("other route", (await proxy.GetAsync()).Text);
        Assert.Equal(["route = main", "route = other"], proxy.Said);
    }
}
