using Managed.TestKit;
using Managed.TestKit.Wasm;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.Wasm;

/// <summary>HTTP calls of guests: each answered once, to the plugin, after the guest has returned.</summary>
public sealed class HttpCallTests
{
    private static string Head(params (string, string)[] more)
        => WatGuest.Pairs([(":method", "POST"), (":path", "/check"), (":authority", "auth"), .. more]);

    private static string Call(string cluster = "up", string? head = null, string body = "question", string trailers = "\"\"",
        int timeout = 1000)
        => $"""(call $proxy_http_call "{cluster}" {head ?? Head(("Content-Type", "text/plain"), ("x-who", "guest"))} "{body}" """
            + $"""{trailers} (i32.const {timeout}) (global.get $NUM))""";

    // Asks, waits, and goes on (or answers) when the answer comes.
    private static WatGuest Asker(string call, string then = "(drop (call $proxy_continue_stream (i32.const 0)))") => new WatGuest()
        .With("(global $who (mut i32) (i32.const 0))")
        .On("request_headers", $"""(call $r "call" {call}) (global.set $who (local.get $ctx)) (return (i32.const 1))""")
        .On("http_call_response", $"""
            (call $n "headers" (i32.gt_s (local.get $b) (i32.const 0))) (call $n "body" (local.get $c)) (call $n "trailers" (local.get $d))
            (call $r "status" (call $proxy_get_header_map_value (i32.const 6) ":status" (global.get $OUT) (global.get $SIZE)))
            (if (local.get $b) (then (call $v "status")))
            (call $r "bytes" (call $proxy_get_buffer_bytes (i32.const 4) (i32.const 0) (i32.const 100) (global.get $OUT) (global.get $SIZE))) (call $v "bytes")
            (call $r "pairs" (call $proxy_get_header_map_pairs (i32.const 7) (global.get $OUT) (global.get $SIZE)))
            (call $r "effective" (call $proxy_set_effective_context (global.get $who)))
            {then}
            """);

    [Fact]
    public async Task Answer_IsReadInItsCallback_AndTheStreamGoesOn()
    {
        await using var proxy = await WasmProxy.StartAsync(Asker(Call()).Build());
        proxy.Upstream.Answer = r => r.Target == "/check"
            ? "HTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\n\r\n6\r\nanswer\r\n0\r\netag: 1\r\n\r\n" : null;

        Assert.Equal(200, (await proxy.GetAsync()).Status);

        Assert.Equal(["call: 0", "headers: 1", "body: 6", "trailers: 1", "status: 0", "status = 201", "bytes: 0", "bytes = answer",
            "pairs: 0", "effective: 0"], proxy.Said);
        var asked = proxy.Upstream.Requests[0];
        Assert.Equal(("POST", "/check", "question", "guest", "auth", "8"),
            (asked.Method, asked.Target, asked.Text, asked["x-who"], asked["host"], asked["content-length"]));
        Assert.Equal("/", proxy.Upstream.Requests[1].Target);
    }

    [Fact]
    public async Task Call_OverHttp2_IsTheSame()
    {
        await using var up = new Http2Upstream
        {
            Answer = c => new Http2Script().Headers(c.Id, false, ":status: 201").Data(c.Id, "answer").Headers(c.Id, true, "etag: 1"),
        };
        await using var proxy = await ProxyFixture.StartAsync(WasmProxy.Yaml(
            Asker(Call("h2", trailers: WatGuest.Pairs(("x-sum", "9")))).Build(), FreePort.Next())
            .Replace("- {name: up,", $"- {{name: h2, http2: true, endpoints: [\"{up.Address}\"]}}\n- {{name: up,",
                StringComparison.Ordinal));
        await proxy.GetAsync();
        var asked = Assert.Single(up.Calls);
        Assert.Equal(("POST", "/check", "question", "guest", "auth"),
            (asked[":method"], asked.Path, asked.Body, asked["x-who"], asked[":authority"]));
        Assert.Equal(["x-sum: 9"], asked.Trailers);
        foreach (string said in (string[])["call: 0", "body: 6", "trailers: 1", "status = 201", "bytes = answer", "effective: 0"])
            Assert.Contains(proxy.Log.Lines, l => l.Contains($": {said} (vm '", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Trailers_AreSent()
    {
        await using var proxy = await WasmProxy.StartAsync(Asker(Call(trailers: WatGuest.Pairs(("x-sum", "9")))).Build());
        Assert.Equal(200, (await proxy.GetAsync()).Status);
        Assert.Contains("chunked", proxy.Upstream.Requests[0]["transfer-encoding"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task FailedCall_IsAnsweredWithNothing()
    {
        await using var proxy = await WasmProxy.StartAsync(Asker(Call(timeout: 50), then: """
            (call $r "get_status" (call $proxy_get_status (global.get $NUM) (global.get $OUT) (global.get $SIZE))) (call $n "code" (i32.load (global.get $NUM))) (call $v "why")
            (drop (call $proxy_send_local_response (i32.const 504) "" "late" "" (i32.const -1)))
            """).Build());
        proxy.Upstream.Script = async peer => { await peer.ReadRequestAsync(); await peer.ReadSomeAsync(); }; // and never answers

        Assert.Equal((504, "late"), await proxy.GetAsync() is var r ? (r.Status, r.Text) : default);
        Assert.Equal(["call: 0", "headers: 0", "body: 0", "trailers: 0", "status: 1", "bytes: 0", "bytes = ", "pairs: 0", "effective: 0",
            "get_status: 0", "code: 11", "why = upstream request timeout"], proxy.Said);
    }

    [Fact]
    public async Task WrongArguments_AreRefused()
    {
        var said = await Guests.OnRequestSaysAsync($"""
            (call $r "cluster" {Call("nowhere")})
            (call $r "no cluster" {Call("")})
            (call $r "no head" {Call(head: "\"\"")})
            (call $r "no method" {Call(head: WatGuest.Pairs((":path", "/"), (":authority", "a")))})
            (call $r "no authority" {Call(head: WatGuest.Pairs((":path", "/"), (":method", "GET")))})
            (call $r "empty authority" {Call(head: WatGuest.Pairs((":path", "/"), (":method", "GET"), (":authority", "")))})
            (call $r "garbage" {Call(head: "\"garbage\"")})
            (call $r "value" {Call(head: Head(("x", "a\nb")))})
            (call $r "timeout" {Call(timeout: -1)})
            """);
        Assert.Equal(["cluster: 2", "no cluster: 2", "no head: 2", "no method: 2", "no authority: 2", "empty authority: 0", "garbage: 2",
            "value: 2", "timeout: 2"], said);
    }

    [Fact]
    public async Task CallFromTheStart_IsMadeWhenThereIsAWorker()
    {
        await using var proxy = await WasmProxy.StartAsync(new WatGuest()
            .On("vm_start", $"""(call $r "call" {Call()})""")
            .On("http_call_response", """(call $n "answered" (local.get $c))""").Build());
        await Eventually.Async(() => proxy.Said.Any(s => s.StartsWith("answered", StringComparison.Ordinal)), proxy.Log);
        // One by the VM that tried the configuration, whose call is never made, and one by the VM in service.
        Assert.Equal(2, proxy.Said.Count(s => s == "call: 0"));
        Assert.Single(proxy.Upstream.Requests);
    }

    [Fact]
    public async Task ManyCalls_OverTheLimit_AreRefused()
    {
        var said = await Guests.OnRequestSaysAsync(string.Concat(Enumerable.Range(0, 4).Select(i => $"""(call $r "{i}" {Call()})""")),
            plugin: ", limits: {calls: 3}");
        Assert.Equal(["0: 0", "1: 0", "2: 0", "3: 10"], said.Take(4));
    }

    [Fact]
    public async Task AnswerThatTheGuestHasNotHeardOf_CountsAsACallUnderWay()
    {
        // Each callback that nobody's stream waits for takes so long that the next has to wait, and asks for more than may be under way.
        string many = string.Concat(Enumerable.Repeat($"(drop {Call()})", 10));
        await using var proxy = await WasmProxy.StartAsync(new WatGuest()
            .On("request_headers", many)
            .On("http_call_response", $"(call $n \"heard\" (i32.const 1)) {Guests.Busy(1500)} {many}").Build(), ", limits: {calls: 5}");
        proxy.Upstream.Answer = r => r.Target == "/check" ? "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n" : null;
        Assert.Equal(200, (await proxy.GetAsync("/other")).Status);

        await Eventually.Async(() => proxy.Said.Count(s => s == "heard: 1") >= 8, proxy.Log);

        int asked = proxy.Upstream.Requests.Count(r => r.Target == "/check"), heard = proxy.Said.Count(s => s == "heard: 1");
        Assert.InRange(asked - heard, 0, 5);
    }

    [Fact]
    public async Task StreamThatWaitsForAnAnswer_FailsWithTheCallbackThatBringsIt()
    {
        await using var proxy = await WasmProxy.StartAsync(new WatGuest()
            .On("request_headers", $"""(drop {Call()}) (return (i32.const 1))""")
            .On("http_call_response", "unreachable").Build());
        Assert.Equal(503, (await proxy.GetAsync()).Status);
    }

    [Fact]
    public async Task ClientThatGoes_LeavesItsCallToThePlugin()
    {
        var release = new TaskCompletionSource();
        await using var proxy = await WasmProxy.StartAsync(Asker(Call(), then: "").Build());
        proxy.Upstream.OnHead = async (_, _) => await release.Task;
        var client = await proxy.Proxy.ConnectAsync();
        await client.GetAsync();
        await Eventually.Async(() => proxy.Said.Contains("call: 0"), proxy.Log);
        client.Reset();
        await Eventually.Async(() => proxy.Proxy.Stat("http.edge.downstream_cx_active") == 0, "the client to be gone");
        release.SetResult();
        await Eventually.Async(() => proxy.Said.Contains("effective: 2"), proxy.Log);
    }
}
