using System.Diagnostics;
using Managed.TestKit;
using Managed.TestKit.Wasm;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.Wasm;

/// <summary>Guests that take what they can get: memory, tables, keys, queues, metrics, log lines, calls, time between requests.</summary>
[Collection("heap")] // it looks at the heap of the process
public sealed class HostileResourceTests
{
    private const string Head = """(drop (call $proxy_log (i32.const 3) "head"))""";

    // Does it so many times; $i counts.
    private static string Times(int count, string code)
        => $"(local.set $x (i32.const 0)) (loop $again {code} (local.set $x (i32.add (local.get $x) (i32.const 1))) (br_if $again "
            + $"(i32.lt_u (local.get $x) (i32.const {count}))))";

    // The number as eight characters at 2048, for names that differ.
    private const string Name = """
        (func $name (param $n i32) (local $i i32)
          (loop $l (i32.store8 (i32.add (i32.const 2048) (local.get $i)) (i32.add (i32.const 97) (i32.and (i32.shr_u (local.get $n) (i32.mul (local.get $i) (i32.const 4))) (i32.const 15))))
            (local.set $i (i32.add (local.get $i) (i32.const 1))) (br_if $l (i32.lt_u (local.get $i) (i32.const 8)))))
        """;
    private const string Named = "(i32.const 2048) (i32.const 8)";

    private static IReadOnlyList<string> Said(HostileProxy proxy)
        => [.. proxy.Proxy.Log.Lines.Where(l => l.StartsWith("bad: ", StringComparison.Ordinal))
            .Select(l => l[5..l.LastIndexOf(" (vm '", StringComparison.Ordinal)])];

    [Fact]
    public async Task Memory_GrowsToItsCap_AndIsUsable()
    {
        await using var proxy = await HostileProxy.StartAsync(new WatGuest().On("request_headers", """
            (loop $more (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
            (call $n "pages" (memory.size))
            (i32.store (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 4)) (i32.const 7))
            (call $n "last" (i32.load (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 4))))
            (call $n "more" (memory.grow (i32.const 1)))
            """).Build(), ", limits: {memory: 4MiB}");
        Assert.Equal(200, (await proxy.GetAsync()).Status);

        Assert.Equal(["pages: 64", "last: 7", "more: -1"], Said(proxy));
        await Eventually.Async(() => proxy.Vm.MemoryBytes == 4 << 20, "the stream's end shows it");
        await proxy.OthersAreServedAsync();
    }

    [Fact]
    public async Task Memory_ThatIsGrownAndLost_IsGivenBack()
    {
        // Each request fills 64 MiB of a VM of its own and traps.
        await using var proxy = await HostileProxy.StartAsync(new WatGuest().On("request_headers", """
            (drop (memory.grow (i32.const 1000))) (memory.fill (i32.const 131072) (i32.const 1) (i32.const 65000000)) unreachable
            """).Build(), ", limits: {cpu_per_call: 1s}");
        long Resident()
            => 1024 * long.Parse(File.ReadLines("/proc/self/status").First(l => l.StartsWith("RssAnon", StringComparison.Ordinal))
                .Split(':')[1].Replace("kB", "", StringComparison.Ordinal), null);
        Assert.Equal(503, (await proxy.GetAsync()).Status);
        long before = Resident();
        for (int i = 0; i < 8; i++) Assert.Equal(503, (await proxy.GetAsync()).Status);

        await Eventually.Async(() => proxy.Vm.Active == 0, "all VMs are gone");
        Assert.InRange(Resident() - before, long.MinValue, 200 << 20); // eight times as much was filled
        await proxy.OthersAreServedAsync();
    }

    [Fact]
    public async Task Tables_GrowToTheirCap()
    {
        await using var proxy = await HostileProxy.StartAsync(new WatGuest().With("(table $t 1 funcref)").On("request_headers", """
            (loop $more (br_if $more (i32.ne (table.grow $t (ref.null func) (i32.const 1000)) (i32.const -1))))
            (call $n "entries" (table.size $t))
            """).Build(), ", limits: {table_elements: 5000}");
        Assert.Equal(200, (await proxy.GetAsync()).Status);
        Assert.Equal(["entries: 4001"], Said(proxy));
        await proxy.OthersAreServedAsync();
    }

    [Fact]
    public async Task MinimaBeyondTheLimits_AreRefused()
    {
        await using var proxy = await HostileProxy.StartAsync(new WatGuest().Build());
        Assert.False((await proxy.TryPublishAsync(new WatGuest().With("(table $t 200000 funcref)").Build())).Applied);
        Assert.False((await proxy.TryPublishAsync(new WatGuest().Build(), ", limits: {memory: 64KiB}")).Applied);
        Assert.Equal(200, (await proxy.GetAsync()).Status);
        await proxy.OthersAreServedAsync();
    }

    [Fact]
    public async Task SharedData_TakesTenThousandKeys_AndNoByteOverItsLimit()
    {
        await using var proxy = await HostileProxy.StartAsync(new WatGuest().With(Name + "(global $full (mut i32) (i32.const 0))")
            .On("request_headers", $"""
            {Times(10_000, $"(call $name (local.get $x)) (local.set $y (i32.or (local.get $y) (call $proxy_set_shared_data {Named} {Named} (i32.const 0))))")}
            (call $n "ten thousand" (local.get $y))
            (call $name (i32.const 9999)) (call $n "last" (call $proxy_get_shared_data {Named} (global.get $OUT) (global.get $SIZE) (global.get $NUM)))
            {Times(64, $"(call $name (i32.add (local.get $x) (i32.const 100000))) (local.set $y (call $proxy_set_shared_data {Named} (i32.const 0) (i32.const 131072) (i32.const 0)))")}
            (call $n "full" (local.get $y))
            (call $n "still" (call $proxy_set_shared_data "k" "v" (i32.const 0)))
            (call $name (i32.const 5000)) (call $n "kept" (call $proxy_get_shared_data {Named} (global.get $OUT) (global.get $SIZE) (global.get $NUM)))
            """).Build(), ", limits: {shared_data: 4MiB, cpu_per_call: 5s}");
        Assert.Equal(200, (await proxy.GetAsync()).Status);
        Assert.Equal(["ten thousand: 0", "last: 0", "full: 10", "still: 0", "kept: 0"], Said(proxy));
        await proxy.OthersAreServedAsync();
    }

    [Fact]
    public async Task Queues_AreBoundedInNumberAndBytes()
    {
        await using var proxy = await HostileProxy.StartAsync(new WatGuest().With(Name).On("request_headers", $"""
            {Times(1500, $"(call $name (local.get $x)) (local.set $y (call $proxy_register_shared_queue {Named} (global.get $NUM)))")}
            (call $n "too many" (local.get $y))
            (call $name (i32.const 0)) (call $n "known" (call $proxy_register_shared_queue {Named} (global.get $NUM)))
            {Times(400, $"(call $name (i32.and (local.get $x) (i32.const 3))) (drop (call $proxy_resolve_shared_queue \"\" {Named} (global.get $NUM))) (local.set $y (call $proxy_enqueue_shared_queue (i32.load (global.get $NUM)) (i32.const 0) (i32.const 131072)))")}
            (call $n "all full" (local.get $y))
            """).Build(), ", limits: {cpu_per_call: 5s}");
        Assert.Equal(200, (await proxy.GetAsync()).Status);
        // 400 messages of 128 KiB in four queues: 50 MiB, more than all queues of one vm_id may hold.
        Assert.Equal(["too many: 10", "known: 0", "all full: 10"], Said(proxy));
        await proxy.OthersAreServedAsync();
    }

    [Fact]
    public async Task Metrics_AreBounded()
    {
        await using var proxy = await HostileProxy.StartAsync(new WatGuest().With(Name).On("request_headers", $"""
            {Times(12_000, $"(call $name (local.get $x)) (local.set $y (call $proxy_define_metric (i32.const 0) {Named} (global.get "
                + $"$NUM)))")}
            (call $n "too many" (local.get $y))
            (call $name (i32.const 1)) (call $n "known" (call $proxy_define_metric (i32.const 0) {Named} (global.get $NUM)))
            (call $n "counts" (call $proxy_increment_metric (i32.load (global.get $NUM)) (i64.const 1)))
            """).Build(), ", limits: {cpu_per_call: 5s}");
        Assert.Equal(200, (await proxy.GetAsync()).Status);
        Assert.Equal(["too many: 10", "known: 0", "counts: 0"], Said(proxy));
        await proxy.OthersAreServedAsync();
    }

    [Fact]
    public async Task LogFlood_IsCutShort_AndSaysHowMuchIsMissing()
    {
        await using var proxy = await HostileProxy.StartAsync(new WatGuest().On("request_headers", Times(100_000, Head)).Build(),
            ", limits: {cpu_per_call: 5s}");
        for (int i = 0; i < 2; i++) Assert.Equal(200, (await proxy.GetAsync()).Status);

        Assert.InRange(Said(proxy).Count, 100, 20_000);
        await proxy.OthersAreServedAsync();
        Assert.True(proxy.Proxy.Stat("wasm.bad.log_dropped") >= 180_000, $"{proxy.Proxy.Stat("wasm.bad.log_dropped")} of 200,000");
        // The next line after a pause says so.
        await Eventually.Async(() =>
        {
            proxy.GetAsync().GetAwaiter().GetResult();
            return proxy.Log.Length > 0
                && proxy.Proxy.Log.Lines.Any(l => l.Contains("lines of Wasm module bad were left out", StringComparison.Ordinal));
        }, "the gap is named");
    }

    [Fact]
    public async Task Output_OfWasi_IsALogLikeAnyOther()
    {
        await using var proxy = await HostileProxy.StartAsync(new WatGuest().On("request_headers", $"""
            (i32.store (i32.const 64) (i32.const 0)) (i32.store (i32.const 68) (i32.const 131072))
            {Times(2000, "(drop (call $fd_write (i32.const 2) (i32.const 64) (i32.const 1) (global.get $NUM)))")}
            (call $n "random" (call $random_get (i32.const 0) (i32.const 131072)))
            (call $n "negative" (call $random_get (i32.const 0) (i32.const -1)))
            (call $n "vectors" (call $fd_write (i32.const 1) (i32.const 0) (i32.const 100000) (global.get $NUM)))
            """).Build(), ", limits: {cpu_per_call: 5s}");
        Assert.Equal(200, (await proxy.GetAsync()).Status);
        Assert.InRange(proxy.Proxy.Log.Lines.Sum(l => (long)l.Length), 0, 2 << 20); // 256 MB were written
        await proxy.OthersAreServedAsync();
    }

    [Theory]
    [InlineData("""(drop (call $proxy_get_header_map_value (i32.const 0) ":path" (global.get $OUT) (global.get $SIZE)))""")]
    [InlineData("""(drop (call $proxy_get_property "request\00method" (global.get $OUT) (global.get $SIZE)))""")]
    [InlineData("""(drop (call $proxy_get_header_map_pairs (i32.const 0) (global.get $OUT) (global.get $SIZE)))""")]
    [InlineData("""(drop (call $proxy_replace_header_map_value (i32.const 0) "x-a" "1"))""")]
    [InlineData("""(drop (call $proxy_set_property "mine" "1"))""")]
    [InlineData("""(drop (call $proxy_get_current_time_nanoseconds (global.get $NUM)))""")]
    [InlineData("""(drop (call $proxy_set_effective_context (i32.const 1)))""")]
    [InlineData("""(drop (call $proxy_continue_stream (i32.const 0)))""")]
    [InlineData("""(drop (call $proxy_set_tick_period_milliseconds (local.get $x)))""")]
    public async Task HundredThousandHostCalls_InOneCallback_AreDoneOrStopped(string call)
    {
        await using var proxy = await HostileProxy.StartAsync(new WatGuest().On("request_headers", Times(100_000, call)).Build());
        Assert.True((await proxy.GetAsync()).Status is 200 or 503);
        Assert.InRange(proxy.Vm.TimeMicros, 1, 8_000_000); // of CPU
        await proxy.OthersAreServedAsync();
    }

    [Theory]
    // Each makes the host hold 128 KiB more, over and over, for one stream.
    [InlineData("""(drop (call $proxy_add_header_map_value (i32.const 0) "x-big" (i32.const 65536) (i32.const 65000)))""")]
    [InlineData("""(drop (call $proxy_set_buffer_bytes (i32.const 0) (i32.const -1) (i32.const 0) (i32.const 0) (i32.const 131072)))""")]
    [InlineData(
        """(i32.store (i32.const 2048) (local.get $x)) (drop (call $proxy_set_property (i32.const 2048) (i32.const 4) (i32.const 0) """
            + """(i32.const 131072)))""")]
    [InlineData(
        """(drop (call $proxy_call_foreign_function "managed.call_back" (i32.const 0) (i32.const 131072) (i32.const 0) (i32.const 0)))""")]
    [InlineData(
        """(drop (call $proxy_http_call "up" (i32.const 3072) (i32.load (i32.const 3068)) (i32.const 0) (i32.const 131072) "" """
            + """(i32.const 100) (global.get $NUM)))""")]
    [InlineData("""(drop (call $proxy_grpc_call "grpc" "s" "m" "" (i32.const 0) (i32.const 131072) (i32.const 100) (global.get $NUM)))""")]
    [InlineData("""(drop (call $proxy_grpc_send (i32.const 1) (i32.const 0) (i32.const 131072) (i32.const 0)))""")]
    public async Task WhatTheHostKeepsForAGuest_IsBounded(string call)
    {
        string pairs = WatGuest.Pairs((":method", "POST"), (":path", "/call"), (":authority", "up"));
        await using var proxy = await HostileProxy.StartAsync(new WatGuest()
            // pairs are written as \\xx
            .On("configure", $"(memory.copy (i32.const 3072) {pairs}) (i32.store (i32.const 3068) (i32.const {(pairs.Length - 2) / 3}))")
            .On("request_body", """(drop (call $proxy_grpc_stream "grpc" "s" "m" "" (global.get $NUM)))""" + Times(4000, call)).Build(),
                ", limits: {cpu_per_call: 5s}");
        proxy.Upstream.Answer = r => r.Target == "/call" ? "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n" : null;
        long before = GC.GetTotalMemory(forceFullCollection: true), most = 0;
        using var watch = new Timer(_ => most = Math.Max(most, GC.GetTotalMemory(false)), null, 0, 1);

        await proxy.PostAsync("/");

        await proxy.OthersAreServedAsync();
        most = Math.Max(most, GC.GetTotalMemory(false));
        Assert.True(most - before < 128 << 20, $"the heap grew by {(most - before) >> 20} MiB; 500 MiB were asked for");
    }

    [Fact]
    public async Task LargeLocalResponse_IsRefused()
    {
        await using var proxy = await HostileProxy.StartAsync(new WatGuest().On("request_headers", """
            (drop (memory.grow (i32.const 160)))
            (call $n "huge" (call $proxy_send_local_response (i32.const 200) "" (i32.const 0) (i32.const 9000000) "" (i32.const -1)))
            (call $n "large" (call $proxy_send_local_response (i32.const 200) "" (i32.const 0) (i32.const 1000000) "" (i32.const -1)))
            """).Build(), ", limits: {cpu_per_call: 5s}");
        Assert.Equal(1_000_000, (await proxy.GetAsync()).Text.Length);
        Assert.Equal(["huge: 2", "large: 0"], Said(proxy));
        await proxy.OthersAreServedAsync();
    }

    [Fact]
    public async Task LongWorkWithinOneHostCall_CountsAgainstTheBudget()
    {
        await using var proxy = await HostileProxy.StartAsync(new WatGuest().With("(global $seed (mut i32) (i32.const 1))")
            .On("vm_start", """
            (drop (memory.grow (i32.const 20)))
            (local.set $x (i32.const 131072))
            (loop $fill (global.set $seed (i32.add (i32.mul (global.get $seed) (i32.const 1664525)) (i32.const 1013904223))) (i32.store (local.get $x) (global.get $seed))
              (local.set $x (i32.add (local.get $x) (i32.const 3))) (br_if $fill (i32.lt_u (local.get $x) (i32.const 400000))))
            """).On("request_body",
            """(drop (call $proxy_call_foreign_function "compress" (i32.const 131072) (i32.const 262144) (i32.const 0) (i32.const 0)))""")
                .Build(), ", limits: {cpu_per_call: 0.001s}");
        // The guest is back in its own code only to return: nobody but the host function can have looked.
        Assert.Equal(503, await proxy.PostAsync("/"));
        Assert.Equal(1, proxy.Vm.Breaches);
        await proxy.OthersAreServedAsync();
    }

    // ---- work that no request waits for

    private static async Task<double> SlowestAsync(HostileProxy proxy, int requests)
    {
        double slowest = 0;
        for (int i = 0; i < requests; i++)
        {
            long began = Stopwatch.GetTimestamp();
            Assert.Equal(200, (await proxy.Proxy.GetAsync(listener: "plain")).Status);
            slowest = Math.Max(slowest, Stopwatch.GetElapsedTime(began).TotalMilliseconds);
        }
        return slowest;
    }

    [Fact]
    public async Task TickOfZero_IsNone_AndOneOfAMillisecondThatTakesLong_LeavesTheWorkerAlone()
    {
        await using (var none = await HostileProxy.StartAsync(new WatGuest()
            .On("configure", "(drop (call $proxy_set_tick_period_milliseconds (i32.const 0)))").On("tick", "unreachable").Build()))
        {
            await none.GetAsync();
            await none.Proxy.PassAsync(50);
            Assert.Equal(0, none.Vm.Errors);
        }
        // 15 ms of work each millisecond.
        await using var proxy = await HostileProxy.StartAsync(new WatGuest()
            .On("configure", "(drop (call $proxy_set_tick_period_milliseconds (i32.const 1)))").On("tick", $"""
            (drop (call $proxy_get_current_time_nanoseconds (i32.const 64)))
            (loop $l (drop (call $proxy_get_current_time_nanoseconds (i32.const 72))) (br_if $l (i64.lt_u (i64.sub (i64.load (i32.const 72)) (i64.load (i32.const 64))) (i64.const 15000000))))
            """).Build(), ", limits: {cpu_per_call: 5s}");
        await proxy.Proxy.PassAsync(1000);
        long before = proxy.Vm.TimeMicros, began = Stopwatch.GetTimestamp();
        await SlowestAsync(proxy, 200);
        await proxy.Proxy.PassAsync(500);
        double share = (proxy.Vm.TimeMicros - before) / Stopwatch.GetElapsedTime(began).TotalMicroseconds;
        Assert.True(share < 0.05, $"ticks took {share:P1} of the worker");
        await proxy.OthersAreServedAsync();
    }

    [Fact]
    public async Task ManyMessagesInAQueue_HaveOnePlaceInLine()
    {
        // What is asked for after them need not wait until the guest has been told of them all.
        await using var proxy = await HostileProxy.StartAsync(new WatGuest()
            .With("(global $told (mut i32) (i32.const 0))")
            .On("configure", """(drop (call $proxy_register_shared_queue "q" (global.get $NUM)))""")
            .On("queue_ready",
                "(global.set $told (i32.add (global.get $told) (i32.const 1))) (if (i32.eq (global.get $told) (i32.const 10000)) (then "
                    + "(call $n \"all\" (global.get $told))))")
            .On("foreign_function", """(call $n "told" (global.get $told))""")
            .On("request_headers", Times(10_000, """(drop (call $proxy_enqueue_shared_queue (i32.const 1) "m"))""")
                + """(drop (call $proxy_call_foreign_function "managed.call_back" "" (i32.const 0) (i32.const 0)))""").Build(),
            ", limits: {cpu_per_call: 5s}");
        Assert.Equal(200, (await proxy.GetAsync()).Status);

        await Eventually.Async(() => Said(proxy).Contains("all: 10000"), "all are told of in the end");
        var told = Said(proxy).Where(s => s.StartsWith("told: ", StringComparison.Ordinal)).Select(s => int.Parse(s.AsSpan(6), null));
        Assert.InRange(Assert.Single(told), 0, 5000); // as many as it had saved the time for
    }

    public static TheoryData<string, string> Endless()
    {
        string call =
            $"""(drop (call $proxy_http_call "none" {WatGuest.Pairs((":method", "GET"), (":path", "/"), (":authority", "x"))}"""
                + $""" "" "" (i32.const 1000) (global.get $NUM)))""";
        return new()
        {
            { "foreign_function",
                """(drop (call $proxy_call_foreign_function "managed.call_back" "" (i32.const 0) (i32.const 0))) (drop (call """
                    + """$proxy_call_foreign_function "managed.call_back" "" (i32.const 0) (i32.const 0)))""" },
            { "http_call_response", call + call },
            { "http_call_response", call.Replace("none", "grpc", StringComparison.Ordinal)
                + call.Replace("none", "grpc", StringComparison.Ordinal) },
            { "http_call_response", call.Replace("none", "up", StringComparison.Ordinal)
                + call.Replace("none", "up", StringComparison.Ordinal) },
            { "queue_ready",
                """(drop (call $proxy_dequeue_shared_queue (i32.const 1) (global.get $OUT) (global.get $SIZE))) (drop (call """
                    + """$proxy_enqueue_shared_queue (i32.const 1) "m")) (drop (call $proxy_enqueue_shared_queue (i32.const 1) "m"))""" },
            { "grpc_close",
                """(drop (call $proxy_grpc_call "grpc" "s" "m" "" "" (i32.const 1000) (global.get $NUM))) (drop (call """
                    + """$proxy_grpc_call "grpc" "s" "m" "" "" (i32.const 1000) (global.get $NUM)))""" },
        };
    }

    /// <summary>Each callback asks for two more of its kind: without an end, and twice as many each time.</summary>
    [Theory]
    [MemberData(nameof(Endless))]
    public async Task CallbacksThatBringForthCallbacks_LeaveTheWorkerAndTheMemoryAlone(string callback, string act)
    {
        await using var proxy = await HostileProxy.StartAsync(new WatGuest()
            .On("configure", """(drop (call $proxy_register_shared_queue "q" (global.get $NUM)))""").On("request_headers", act)
                .On(callback, act).Build());
        Assert.Equal(200, (await proxy.GetAsync()).Status);
        await proxy.Proxy.PassAsync(500);
        long heap = GC.GetTotalMemory(forceFullCollection: true), calls = proxy.Vm.Executions, micros = proxy.Vm.TimeMicros,
            began = Stopwatch.GetTimestamp();

        await SlowestAsync(proxy, 100);
        await proxy.Proxy.PassAsync(1000);

        double share = (proxy.Vm.TimeMicros - micros) / Stopwatch.GetElapsedTime(began).TotalMicroseconds;
        await Eventually.Async(() => proxy.Vm.Executions > calls, "it goes on");
        Assert.True(share < 0.4, $"{proxy.Vm.Executions - calls} callbacks took {share:P1} of the worker");
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - heap, long.MinValue, 16 << 20);
        await proxy.OthersAreServedAsync();
    }
}
