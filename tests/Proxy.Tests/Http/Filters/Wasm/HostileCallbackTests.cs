using Managed.TestKit;
using Managed.TestKit.Wasm;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.Wasm;

/// <summary>
/// A guest that never returns from one of its callbacks, or traps in it: its stream ends as the policy says, the VM is replaced, nobody
/// else notices.
/// </summary>
public sealed class HostileCallbackTests
{
    private const string Head = "POST / HTTP/1.1\r\nhost: h\r\n";

    /// <summary>What becomes of the stream in which the callback fails.</summary>
    private enum Cost { Nothing, Stream, NextStream, Response }

    private static readonly (string Callback, Cost Cost, string Trigger)[] Callbacks =
    [
        ("context_create", Cost.NextStream, ""),
        ("request_headers", Cost.Stream, ""), ("request_body", Cost.Stream, ""), ("request_trailers", Cost.Stream, ""),
        ("response_headers", Cost.Stream, ""), ("response_body", Cost.Response, ""), ("response_trailers", Cost.Response, ""),
        ("done", Cost.Nothing, ""), ("log", Cost.Nothing, ""), ("delete", Cost.Nothing, ""),
        ("tick", Cost.Nothing, "(drop (call $proxy_set_tick_period_milliseconds (i32.const 5)))"),
        ("queue_ready", Cost.Nothing, """(drop (call $proxy_enqueue_shared_queue (global.get $queue) "m"))"""),
        ("foreign_function", Cost.Nothing,
            """(drop (call $proxy_call_foreign_function "managed.call_back" "" (i32.const 0) (i32.const 0)))"""),
        ("http_call_response", Cost.Stream,
            $"""(drop (call $proxy_http_call "up" {WatGuest.Pairs((":method", "GET"), (":path", "/call"), (":authority", "up"))}"""
                + $""" "" "" (i32.const 5000) (global.get $NUM))) (return (i32.const 1))"""),
        ("grpc_receive", Cost.Stream,
            """(drop (call $proxy_grpc_call "grpc" "test.Echo" "Say" "" "hi" (i32.const 5000) (global.get $NUM))) (return (i32.const """
                + """1))"""),
        ("grpc_receive_initial_metadata", Cost.Stream, Streaming), ("grpc_receive_trailing_metadata", Cost.Stream, Streaming),
        ("grpc_close", Cost.Stream, Streaming),
        ("allocate", Cost.Stream,
            """(drop (call $proxy_get_header_map_value (i32.const 0) ":path" (global.get $OUT) (global.get $SIZE)))"""),
    ];

    private const string Streaming = """
        (drop (call $proxy_grpc_stream "grpc" "test.Echo" "Say" "" (global.get $NUM)))
        (drop (call $proxy_grpc_send (i32.load (global.get $NUM)) "hi" (i32.const 1))) (return (i32.const 1))
        """;

    public static TheoryData<string, string, string> Cases()
    {
        var cases = new TheoryData<string, string, string>();
        foreach (var (callback, _, _) in Callbacks)
            foreach (string act in (string[])["loop", "trap"])
                foreach (string policy in (string[])["FAIL_CLOSED", "FAIL_OPEN", "FAIL_RELOAD"]) cases.Add(callback, act, policy);
        return cases;
    }

    // Harmless until a request for /t… arms it.
    private static byte[] Guest(string callback, string act)
    {
        string armed = $"(if (global.get $armed) (then {(act == "loop" ? "(loop $l (br $l))" : "unreachable")}))",
            trigger = Callbacks.First(c => c.Callback == callback).Trigger;
        var guest = new WatGuest().With("(global $armed (mut i32) (i32.const 0)) (global $queue (mut i32) (i32.const 0))")
            .On("configure",
                """(drop (call $proxy_register_shared_queue "q" (global.get $NUM))) (global.set $queue (i32.load (global.get $NUM)))""");
        if (callback is not ("request_headers" or "allocate")) guest.On(callback, armed);
        guest.On("request_headers", $"""
            (drop (call $proxy_get_header_map_value (i32.const 0) ":path" (global.get $OUT) (global.get $SIZE)))
            (if (i32.eq (i32.load8_u (i32.add (i32.load (global.get $OUT)) (i32.const 1))) (i32.const 116)) (then (global.set $armed (i32.const 1)) {trigger}))
            {(callback == "request_headers" ? armed : "")}
            """);
        const string allocator = "(param $n i32) (result i32) (local $p i32)";
        return callback == "allocate" ? Wasmtime.Module.ConvertText(guest.Text()
            .Replace(allocator, allocator + armed, StringComparison.Ordinal)) : guest.Build();
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Callback_ThatNeverReturnsOrTraps_CostsItsStreamAndItsVmAlone(string callback, string act, string policy)
    {
        var cost = Callbacks.First(c => c.Callback == callback).Cost;
        await using var grpc = callback.StartsWith("grpc", StringComparison.Ordinal) ? await GrpcEcho.StartAsync() : null;
        await using var proxy = await HostileProxy.StartAsync(Guest(callback, act),
            $", failure_policy: {policy}, reload_config: {{backoff: {{base_interval: 0.02s}} }}", grpc?.Port ?? 1);
        proxy.Upstream.Answer = _ => "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\netag: 1\r\n\r\n";
        Assert.Equal(200, await proxy.PostAsync("/fine"));

        int status = await proxy.PostAsync("/t");
        if (cost == Cost.NextStream)
        {
            Assert.Equal(200, status);
            status = await proxy.PostAsync("/fine");
        }

        bool open = policy == "FAIL_OPEN" || cost == Cost.Nothing;
        // A response that has begun can only be cut.
        if (open) Assert.Equal(200, status); else if (cost == Cost.Response) Assert.True(status is 0 or 503, $"{status}");
        else Assert.Equal(503, status);
        await Eventually.Async(() => proxy.Vm.Errors == 1, $"the failure is counted; errors {proxy.Vm.Errors}: {proxy.Log}");
        await proxy.OthersAreServedAsync();
        Assert.Equal(act == "loop" ? 1 : 0, proxy.Vm.Breaches);
        Assert.Contains(act == "loop" ? "ran longer than 10 ms" : "unreachable", proxy.Vm.LastError, StringComparison.Ordinal);

        if (policy == "FAIL_RELOAD")
            await Eventually.Async(() => proxy.PostAsync("/fine").GetAwaiter().GetResult() == 200, "the back-off passes");
        Assert.Equal(200, await proxy.PostAsync("/fine"));
        await Eventually.Async(() => proxy.Vm.Active == 1, $"the VM that failed goes: {proxy.Vm}");
        Assert.Equal((1, 2, 1, "active"), (proxy.Vm.Errors, proxy.Vm.Created, proxy.Vm.Reloads, proxy.Vm.State));
        Assert.Equal(1, proxy.Proxy.Stat("wasm.bad.traps"));
        Assert.Equal(act == "loop" ? 1 : 0, proxy.Proxy.Stat("wasm.bad.cpu_exceeded"));
        Assert.Equal(1, proxy.Proxy.Stat("wasm.bad.vm_active"));
        await proxy.OthersAreServedAsync();
    }

    [Theory]
    [InlineData("_initialize")]
    [InlineData("_start")]
    [InlineData("main")]
    [InlineData("start section")]
    [InlineData("context_create")]
    [InlineData("vm_start")]
    [InlineData("configure")]
    public async Task Start_ThatNeverReturnsOrTraps_IsRefusedAndTheFormerVersionServes(string callback)
    {
        await using var proxy = await HostileProxy.StartAsync(new WatGuest()
            .On("response_headers", """(drop (call $proxy_add_header_map_value (i32.const 2) "x-former" "1"))""").Build());
        foreach (var (act, said) in ((string, string)[])[("(loop $l (br $l))", "ran longer than 50 ms"), ("unreachable", "unreachable"),
            ("(call $deep)", "stack overflow")])
        {
            var guest = new WatGuest().With("(func $deep (call $deep) (call $deep))");
            if (callback == "start section") guest.With($"(start $begin) (func $begin {act})");
            else if (callback == "main") guest.On("_initialize", "").On("main", act);
            else guest.On(callback, act);

            var result = await proxy.TryPublishAsync(guest.Build(), ", limits: {cpu_on_start: 0.05s}");

            Assert.False(result.Applied);
            Assert.Contains(said, Assert.Single(result.Errors).ToString(), StringComparison.Ordinal);
            Assert.Equal("1", (await proxy.GetAsync())["x-former"]);
            Assert.Equal((1, 1), (proxy.Vm.Active, proxy.Vm.Created));
        }
        await proxy.OthersAreServedAsync();
    }

    // What starts well at first, and never again: the worker itself makes the second VM.
    [Theory]
    [InlineData("_initialize")]
    [InlineData("vm_start")]
    [InlineData("configure")]
    public async Task SecondStart_ThatNeverReturns_DoesNotHoldTheWorker(string callback)
    {
        await using var proxy = await HostileProxy.StartAsync(new WatGuest()
            .On("request_headers", """(drop (call $proxy_set_shared_data "poison" "x" (i32.const 0))) unreachable""")
            .On(callback,
                """(if (i32.eqz (call $proxy_get_shared_data "poison" (global.get $OUT) (global.get $SIZE) (global.get $NUM))) (then """
                    + """(loop $l (br $l))))""").Build(), ", limits: {cpu_on_start: 30s}");
        Assert.Equal(503, (await proxy.GetAsync()).Status);

        for (int i = 0; i < 3; i++)
        {
            long began = Environment.TickCount64;
            Assert.Equal(503, (await proxy.GetAsync()).Status);
            Assert.Equal(200, (await proxy.Proxy.GetAsync(listener: "plain")).Status);
            Assert.True(Environment.TickCount64 - began < 10_000, $"a start of 30 s held the worker: {Environment.TickCount64 - began} ms");
        }
        await proxy.OthersAreServedAsync();
        Assert.Contains("ran longer than", proxy.Vm.LastError, StringComparison.Ordinal);
    }

    [Fact]
    public async Task StreamsUnderWay_AreFailedByTheQuarantineToo()
    {
        // Each loops when its answer comes: those that wait for it must not all get to try.
        await using var proxy = await HostileProxy.StartAsync(new WatGuest().On("response_headers", "(loop $l (br $l))").Build());
        var go = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        proxy.Upstream.Script = async peer =>
        {
            await peer.ReadRequestAsync();
            await go.Task;
            await peer.SendAsync("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
        };
        var clients = await Task.WhenAll(Enumerable.Range(0, 40).Select(_ => proxy.Proxy.ConnectAsync()));
        foreach (var client in clients) await client.SendAsync(Head + "content-length: 0\r\n\r\n");
        await Eventually.Async(() => proxy.Proxy.Stat("cluster.up.upstream_rq_active") == 40, "all wait for their answers");
        go.SetResult();
        foreach (var client in clients) Assert.Equal(503, (await client.ReadAsync()).Status);
        foreach (var client in clients) await client.DisposeAsync();

        Assert.Equal("quarantined", proxy.Vm.State);
        Assert.InRange(proxy.Vm.Breaches, 1, 10);
        await Eventually.Async(() => proxy.Vm.Active == 0, "no stream holds an old VM");
        proxy.Upstream.Script = null;
        await proxy.OthersAreServedAsync();
    }
}
