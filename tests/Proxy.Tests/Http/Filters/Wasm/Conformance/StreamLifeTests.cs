using System.Diagnostics;
using Managed.TestKit;
using Managed.TestKit.Wasm;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.Wasm.Conformance;

/// <summary>The life of a stream's context, however the stream goes: its callbacks in order, and done, log, delete once each.</summary>
public sealed class StreamLifeTests
{
    private const string Whole = "request_headers response_headers response_body";

    // Routes that answer themselves, one that leads nowhere, and one with a time-out.
    private static string Routes(string document) => document.Replace("- {name: other,", """
        - {name: moved, match: {prefix: /moved}, redirect: {path_redirect: /there} }
                    - {name: slow, match: {prefix: /slow}, route: {cluster: up, timeout: 0.1s} }
                    - {name: dead, match: {prefix: /dead}, route: {cluster: dead} }
                    - {name: other,
        """, StringComparison.Ordinal)
        .Replace("prefix: /}, metadata", "prefix: /up}, metadata", StringComparison.Ordinal)
            .Replace("stat_prefix: edge", "stat_prefix: edge\n        upgrade_configs: [{upgrade_type: websocket}]",
                StringComparison.Ordinal)
        .Replace("clusters:", "clusters:\n- {name: dead, endpoints: [\"127.0.0.1:1\"]}", StringComparison.Ordinal);

    private static async Task<(ProxyFixture Proxy, RecordingUpstream Upstream)> StartAsync(string filters)
    {
        var upstream = RecordingUpstream.Start();
        return (await ProxyFixture.StartAsync(Routes(WasmProxy.Document(filters, upstream.Port))), upstream);
    }

    private static IReadOnlyList<string> Said(ProxyFixture proxy)
        => [.. proxy.Log.Lines.Where(l => l.StartsWith("teller: ", StringComparison.Ordinal))
            .Select(l => l["teller: ".Length..l.LastIndexOf(" (vm '", StringComparison.Ordinal)])];

    // By the loops' clock.
    private static long Now() => Stopwatch.GetTimestamp() / (Stopwatch.Frequency / 1_000_000);

    private static string Teller(string at = "", string doing = "", string plugin = "")
        => WasmProxy.Filter(Lives.Guest(Lives.OfStreams, at: at, doing: doing).Build(), ", name: teller" + plugin);

    // A further request has passed after all that the first left behind, and both are whole.
    private static async Task<string> LifeAsync(ProxyFixture proxy, int contexts = 1)
    {
        try { await Eventually.Async(() => Lives.Read(Said(proxy)).Count >= contexts && Lives.AreOver(Said(proxy)), ""); }
        catch (TimeoutException) { Assert.Fail($"not {contexts} contexts that are over: " + string.Join("\n", proxy.Log.Lines)); }
        Assert.Equal(200, (await proxy.GetAsync("/other")).Status);
        await Eventually.Async(() => Lives.Read(Said(proxy)).Count == contexts + 1 && Lives.AreOver(Said(proxy)),
            string.Join("\n", proxy.Log.Lines));
        Lives.AreWhole(Said(proxy));
        await Eventually.Async(() => proxy.Stat("http.edge.downstream_rq_active") == 0, "no request is left");
        return Lives.Middle(Lives.Read(Said(proxy)).OrderBy(l => l.Key).First().Value);
    }

    [Theory]
    [InlineData("GET /up HTTP/1.1\r\nHost: h\r\n\r\n", 200, Whole)]
    [InlineData("HEAD /up HTTP/1.1\r\nHost: h\r\n\r\n", 200, "request_headers response_headers")]
    [InlineData("POST /up HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc", 200,
        "request_headers request_body response_headers response_body")]
    [InlineData("POST /up HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx: y\r\n\r\n", 200,
        "request_headers request_body request_trailers response_headers response_body")]
    [InlineData("GET /other HTTP/1.1\r\nHost: h\r\n\r\n", 200, Whole)]
    [InlineData("GET /moved HTTP/1.1\r\nHost: h\r\n\r\n", 301, "request_headers response_headers")]
    [InlineData("GET /nowhere HTTP/1.1\r\nHost: h\r\n\r\n", 404, "request_headers response_headers")]
    [InlineData("GET /dead HTTP/1.1\r\nHost: h\r\n\r\n", 503, Whole)]
    public async Task Stream_IsToldOfInOrder(string request, int status, string callbacks)
    {
        var (proxy, upstream) = await StartAsync(Teller());
        await using (upstream)
        await using (proxy)
        {
            await using var client = await proxy.ConnectAsync();
            Assert.Equal(status, (await client.AskAsync(request, isHead: request.StartsWith("HEAD", StringComparison.Ordinal))).Status);
            Assert.Equal(callbacks, await LifeAsync(proxy));
        }
    }

    [Fact]
    public async Task BadRequest_HasNoContext()
    {
        var (proxy, upstream) = await StartAsync(Teller());
        await using (upstream)
        await using (proxy)
        {
            await using var client = await proxy.ConnectAsync();
            Assert.Equal(400, (await client.AskAsync("GET / HTTP/1.1\r\nno colon\r\n\r\n")).Status);
            Assert.Equal(Whole, await LifeAsync(proxy, contexts: 0));
        }
    }

    [Theory]
    [InlineData("", 503, Whole)] // closes without a word
    [InlineData("garbage\r\n\r\n", 502, Whole)]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\nhalf", 200, Whole)]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n4\r\nhalf\r\n", 200, Whole)]
    [InlineData("HTTP/1.1 103 Early\r\nx: y\r\n\r\nHTTP/1.1 204 None\r\n\r\n", 103, "request_headers response_headers")]
    public async Task Upstream_OfAllManners(string answer, int status, string callbacks)
    {
        var (proxy, upstream) = await StartAsync(Teller());
        await using (upstream)
        await using (proxy)
        {
            upstream.Answer = _ => answer;
            await using var client = await proxy.ConnectAsync();
            await client.GetAsync("/up");
            if (!answer.EndsWith("half", StringComparison.Ordinal) && !answer.EndsWith("half\r\n", StringComparison.Ordinal))
                Assert.Equal(status, (await client.ReadAsync()).Status);
            else await client.ReadToEndAsync();
            Assert.Equal(callbacks, await LifeAsync(proxy));
        }
    }

    [Fact]
    public async Task Upgrade_LastsAsLongAsItsTunnel()
    {
        var (proxy, upstream) = await StartAsync(Teller());
        await using (upstream)
        await using (proxy)
        {
            var seen = new TaskCompletionSource();
            upstream.Script = async peer =>
            {
                await peer.ReadRequestAsync(null);
                await peer.SendAsync("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nhello");
                await seen.Task;
            };
            await using var client = await proxy.ConnectAsync();
            Assert.Equal(101,
                (await client.AskAsync("GET /up HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")).Status);
            Assert.Equal("hello", await client.ReadTextAsync(5));
            Assert.DoesNotContain(Said(proxy), s => s.StartsWith("done", StringComparison.Ordinal));
            seen.SetResult();
            await client.ReadToEndAsync();
            await client.DisposeAsync();
            Assert.Equal("request_headers response_headers", await LifeAsync(proxy)); // the bytes of a tunnel pass no filter
        }
    }

    [Fact]
    public async Task TimeOut_EndsInTheResponseOfTheProxy()
    {
        var (proxy, upstream) = await StartAsync(Teller());
        await using (upstream)
        await using (proxy)
        {
            var late = new TaskCompletionSource();
            upstream.OnHead = (_, _) => late.Task;
            Assert.Equal(504, (await proxy.GetAsync("/slow")).Status);
            late.SetResult();
            Assert.Equal(Whole, await LifeAsync(proxy));
        }
    }

    [Theory]
    [InlineData(true, "response_headers response_body")] // the reply passes this filter on its way out, though the request never came to it
    [InlineData(false, Whole)]
    public async Task ReplyOfAnotherFilter_IsToldOf(bool before, string callbacks)
    {
        string other = WasmProxy.Filter(new WatGuest().On("request_headers", $"""
            (if (i32.eqz (call $proxy_get_header_map_value (i32.const 0) "x-reply" (global.get $OUT) (global.get $SIZE))) (then (drop (call $proxy_send_local_response (i32.const 418) "" "no" "" (i32.const -1)))))
            """).Build(), name: "other");
        var (proxy, upstream) = await StartAsync(before ? $"{other}, {Teller()}" : $"{Teller()}, {other}");
        await using (upstream)
        await using (proxy)
        {
            Assert.Equal(418, (await proxy.GetAsync("/up", headers: "x-reply: 1\r\n")).Status);
            Assert.Equal(callbacks, await LifeAsync(proxy));
        }
    }

    [Theory]
    [InlineData("request_headers", "GET /up HTTP/1.1\r\nHost: h\r\n\r\n")]
    [InlineData("request_headers", "POST /up HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc")]
    [InlineData("request_body", "POST /up HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc")]
    [InlineData("request_body", "POST /up HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc")]
    [InlineData("request_trailers", "POST /up HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx: y\r\n\r\n")]
    [InlineData("response_headers", "GET /up HTTP/1.1\r\nHost: h\r\n\r\n")]
    [InlineData("response_body", "GET /up HTTP/1.1\r\nHost: h\r\n\r\n")]
    [InlineData("", "POST /up HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc")] // in the middle of its own request
    public async Task ClientThatGoes_InEachPhase(string pausedIn, string request)
    {
        var (proxy, upstream) = await StartAsync(
            Teller(pausedIn, pausedIn.Length == 0 ? ""
                : """(drop (call $proxy_get_property "request.url_path" (global.get $OUT) (global.get $SIZE))) (if (i32.eq (i32.load """
                    + """(global.get $SIZE)) (i32.const 3)) (then (return (i32.const 1))))"""));
        await using (upstream)
        await using (proxy)
        {
            var client = await proxy.ConnectAsync();
            await client.SendAsync(request);
            await Eventually.Async(() => Said(proxy)
                .Any(s => s.StartsWith(pausedIn.Length == 0 ? "request_body" : pausedIn, StringComparison.Ordinal)),
                    string.Join("\n", proxy.Log.Lines));
            client.Reset();
            await LifeAsync(proxy);
        }
    }

    [Fact]
    public async Task ClientThatAsksAndGoesAtOnce_LeavesNoStreamThatWaits()
    {
        // The worker is busy for a moment, and finds the request and the reset behind it together.
        string busy = WasmProxy.Filter(new WatGuest().On("request_headers", """
            (drop (call $proxy_get_property "request.url_path" (global.get $OUT) (global.get $SIZE)))
            (if (i32.ne (i32.load (global.get $SIZE)) (i32.const 5)) (then (return (i32.const 0))))
            (local.set $x (i32.const 300000000)) (loop $l (br_if $l (local.tee $x (i32.sub (local.get $x) (i32.const 1)))))
            """).Build(), ", name: busy, limits: {cpu_per_call: 20s}", name: "busy");
        var (proxy, upstream) = await StartAsync(
            $"{busy}, {Teller("request_headers", """(drop (call $proxy_get_property "request.url_path" (global.get $OUT) (global.get """
                + """$SIZE))) (if (i32.eq (i32.load (global.get $SIZE)) (i32.const 3)) (then (return (i32.const 1))))""")}");
        await using (upstream)
        await using (proxy)
        {
            var client = await proxy.ConnectAsync();
            Assert.Equal(200, (await client.AskAsync("GET /other?1 HTTP/1.1\r\nHost: h\r\n\r\n")).Status);
            var working = proxy.GetAsync("/busy");
            // In a turn that is as long as none before.
            var loop = proxy.Server.WorkerAt(0).Loop;
            await Eventually.Async(() => working.IsCompleted || Volatile.Read(ref loop.TurnBegan) is > 0 and var began
                && Now() - began > 20_000, "the worker to be busy");
            await client.SendAsync("GET /up HTTP/1.1\r\nHost: h\r\n\r\n");
            client.Reset();
            await working;
            // The first filter hears of it, and no further one: there is nobody to answer.
            await LifeAsync(proxy, contexts: 2);
            Assert.Equal(4, proxy.Stat("http.edge.downstream_rq_total"));
        }
    }

    [Fact]
    public async Task ReplyToAReply_IsWhatTheClientGets()
    {
        // The first filter sees the second one's reply on its way out and says something else.
        string first = WasmProxy.Filter(new WatGuest()
            .On("response_headers", """(drop (call $proxy_send_local_response (i32.const 418) "" "first" "" (i32.const -1)))""").Build(),
                name: "first");
        string second = WasmProxy.Filter(new WatGuest()
            .On("request_headers", """(drop (call $proxy_send_local_response (i32.const 403) "" "second" "" (i32.const -1)))""").Build(),
                name: "second");
        var (proxy, upstream) = await StartAsync($"{first}, {second}");
        await using (upstream)
        await using (proxy)
        {
            var response = await proxy.GetAsync("/up");
            Assert.Equal((418, "first"), (response.Status, response.Text));
            Assert.Empty(upstream.Requests);
        }
    }

    [Theory]
    [MemberData(nameof(Interferences))]
    public async Task WhatAGuestDoesInACallback_LeavesItsLifeWhole(string callback, string doing)
    {
        var (proxy, upstream) = await StartAsync(Teller(callback, doing));
        await using (upstream)
        await using (proxy)
        {
            upstream.Answer = _ => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\netag: 1\r\n\r\n";
            for (int i = 0; i < 2; i++)
            {
                await using var client = await proxy.ConnectAsync();
                await client.SendAsync(
                    "POST /up HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx: y\r\n\r\n");
                await client.ReadToEndAsync();
            }
            await Eventually.Async(() => Lives.Read(Said(proxy)).Count == 2 && Lives.AreOver(Said(proxy)),
                string.Join("\n", proxy.Log.Lines));
            await Eventually.Async(() => proxy.Stat("http.edge.downstream_rq_active") == 0, "no request is left");
            Lives.AreWhole(Said(proxy));
            Assert.Equal(0, Assert.Single(proxy.Server.GuestVms()).Errors);
        }
    }

    public static MatrixTheoryData<string, string> Interferences() => new(Lives.OfStreams,
    [
        """(drop (call $proxy_send_local_response (i32.const 418) "" "no tea" "" (i32.const -1)))""",
        """(drop (call $proxy_close_stream (i32.const 0)))""",
        """(drop (call $proxy_continue_stream (i32.const 0))) (drop (call $proxy_continue_stream (i32.const 1)))""",
        """(drop (call $proxy_send_local_response (i32.const 418) "" "no tea" "" (i32.const -1))) (drop (call $proxy_close_stream """
            + """(i32.const 1))) (drop (call $proxy_continue_stream (i32.const 0)))""",
    ]);
}
