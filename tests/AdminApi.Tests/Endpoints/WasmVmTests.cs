using System.Net;
using Managed.TestKit;
using Managed.TestKit.Wasm;

namespace Managed.AdminApi.Tests.Endpoints;

/// <summary>Wasm VMs as an operator sees them: listed, counted, heard, put aside.</summary>
public sealed class WasmVmTests
{
    // Says its path with a line end and an escape in it; traps at /trap; counts requests under a name with labels.
    private static readonly byte[] Module = new WatGuest()
        .With("(global $metric (mut i32) (i32.const 0)) (func $give_up (unreachable))")
        .On("configure", """
            (drop (call $proxy_define_metric (i32.const 0) "kind=.=all;.;_guest_requests" (global.get $NUM))) (global.set $metric (i32.load (global.get $NUM)))
            (drop (call $proxy_define_metric (i32.const 1) "odd\0aname 1" (global.get $NUM)))
            """)
        .On("request_headers", """
            (drop (call $proxy_increment_metric (global.get $metric) (i64.const 1)))
            (drop (call $proxy_log (i32.const 3) "one\0atwo \1b[31mred\07"))
            (drop (call $proxy_get_header_map_value (i32.const 0) ":path" (global.get $OUT) (global.get $SIZE)))
            (if (i32.eq (i32.load8_u (i32.add (i32.load (global.get $OUT)) (i32.const 1))) (i32.const 116)) (then (call $give_up)))
            """)
        .Build();

    private static string Document => $$"""
        listeners:
        - name: edge
          address: 127.0.0.1:0
          http_filters: [{{WasmGuest.Inline(Module, WasmGuest.Patient)}}]
          routes:
          - {name: all, match: {prefix: /}, direct_response: {status: 200} }
        """;

    [Fact]
    public async Task Machine_IsListedWithWhatItDid()
    {
        await using var node = await TestNode.StartAsync(Document);
        await AskAsync(node, "/fine", HttpStatusCode.OK);
        var vm = await VmAsync(node);
        Assert.Equal(("wasm", "guest", 0, "active", 1, 0, 0, 1),
            (vm.GetProperty("kind").GetString(), vm.GetProperty("name").GetString(), vm.GetProperty("worker").GetInt32(),
                vm.GetProperty("state").GetString(),
            vm.GetProperty("created").GetInt32(), vm.GetProperty("errors").GetInt32(), vm.GetProperty("reloads").GetInt32(),
                vm.GetProperty("active").GetInt32()));
        Assert.InRange(vm.GetProperty("executions").GetInt64(), 1, 20);
        Assert.Equal(128 << 10, vm.GetProperty("memory_bytes").GetInt64());
        Assert.NotEqual(0, vm.GetProperty("time_histogram").GetArrayLength());

        await AskAsync(node, "/trap", HttpStatusCode.ServiceUnavailable);
        vm = await VmAsync(node);
        Assert.Equal(("failed", 1), (vm.GetProperty("state").GetString(), vm.GetProperty("errors").GetInt32()));
        Assert.Equal("unreachable: the guest gave up (in give_up)", vm.GetProperty("last_error").GetString());
        // A module that is slow to start is started beside the worker: until then its streams are refused.
        await Eventually.TrueAsync(async () => await StatusAsync(node, "/fine") == HttpStatusCode.OK, "the new VM");
        vm = await VmAsync(node);
        Assert.Equal(("active", 2, 1), (vm.GetProperty("state").GetString(), vm.GetProperty("created").GetInt32(),
            vm.GetProperty("reloads").GetInt32()));
        Assert.Equal(1, (await node.GetAsync("vms?state=failed,active")).Json.GetProperty("total_size").GetInt32());
        Assert.Equal(0, (await node.GetAsync("vms?kind=lua")).Json.GetProperty("total_size").GetInt32());
    }

    [Fact]
    public async Task Lines_AreToldWithModuleVmAndRequest_OneLineEach()
    {
        await using var node = await TestNode.StartAsync(Document);
        using var reader = new SseReader(node, "events?types=script.log,vm.*");
        await reader.FirstAsync();
        await AskAsync(node, "/fine", HttpStatusCode.OK);
        var said = (await reader.NextAsync("script.log")).Json;
        Assert.Equal(("guest", "v1", "one\\ntwo \\x1b[31mred\\x07", "warning", 1, 0),
            (said.GetProperty("place").GetString(), said.GetProperty("vm_id").GetString(), said.GetProperty("text").GetString(),
            said.GetProperty("level").GetString(), said.GetProperty("version").GetInt32(), said.GetProperty("worker").GetInt32()));
        Assert.False(string.IsNullOrEmpty(said.GetProperty("request_id").GetString()));
        await AskAsync(node, "/trap", HttpStatusCode.ServiceUnavailable);
        var before = (await reader.NextAsync("script.log")).Json;
        var trapped = (await reader.NextAsync("script.log")).Json;
        Assert.Equal(("error", "unreachable: the guest gave up (in give_up)", before.GetProperty("request_id").GetString()),
            (trapped.GetProperty("level").GetString(), trapped.GetProperty("text").GetString(),
                trapped.GetProperty("request_id").GetString()));
        for (int i = 0; i < 500 && (await node.GetAsync("vms?state=quarantined")).Json.GetProperty("total_size").GetInt32() == 0; i++)
            await AskAsync(node, "/trap", HttpStatusCode.ServiceUnavailable);
        var aside = (await reader.NextAsync("vm.quarantined")).Json;
        Assert.Equal(("wasm", "guest"), (aside.GetProperty("kind").GetString(), aside.GetProperty("name").GetString()));
        var vm = (await node.GetAsync("vms?state=quarantined")).Json.GetProperty("items")[0];
        Assert.InRange(vm.GetProperty("retry_in_seconds").GetDouble(), 0, 60);
    }

    [Fact]
    public async Task Lines_OfALoudModule_LeaveRoomForOtherEvents()
    {
        await using var node = await TestNode.StartAsync(Document);
        using var reader = new SseReader(node, "events?types=script.log");
        await reader.FirstAsync();
        for (int i = 0; i < 60; i++) await AskAsync(node, "/fine", HttpStatusCode.OK);
        await node.Host.Proxy.PassAsync(1000); // the next second has room again
        await AskAsync(node, "/fine", HttpStatusCode.OK);
        long dropped = 0, told = 0;
        while (told + dropped < 61)
        {
            var line = (await reader.NextAsync("script.log")).Json;
            (told, dropped) = (told + 1, dropped + line.GetProperty("dropped").GetInt64());
        }
        Assert.Equal(61, told + dropped);
        Assert.True(dropped > 0, $"all {told} lines were told");
    }

    [Fact]
    public async Task Statistics_AreThereInBothForms()
    {
        await using var node = await TestNode.StartAsync(Document);
        await AskAsync(node, "/fine", HttpStatusCode.OK);
        await AskAsync(node, "/trap", HttpStatusCode.ServiceUnavailable);
        var text = (await node.GetAsync("/stats?filter=wasm")).Is(HttpStatusCode.OK).Body;
        Assert.Contains("wasm.guest.traps: 1\n", text, StringComparison.Ordinal);
        Assert.Contains("wasmcustom.kind=.=all;.;_guest_requests: 2\n", text, StringComparison.Ordinal);
        Assert.Contains("wasmcustom.odd\\nname 1: 0\n", text, StringComparison.Ordinal);
        Assert.Contains("wasm.envoy.wasm.runtime.wasmtime.active: ", text, StringComparison.Ordinal);
        var prometheus = (await node.GetAsync("/stats/prometheus")).Is(HttpStatusCode.OK).Body;
        Assert.Contains("# TYPE envoy_wasm_traps counter\nenvoy_wasm_traps{envoy_wasm_name=\"guest\"} 1\n", prometheus,
            StringComparison.Ordinal);
        Assert.Contains("# TYPE guest_requests counter\nguest_requests{kind=\"all\"} 2\n", prometheus, StringComparison.Ordinal);
        Assert.Contains("# TYPE envoy_wasm_envoy_wasm_runtime_wasmtime_created ", prometheus, StringComparison.Ordinal);
        Assert.All(prometheus.Split('\n', StringSplitOptions.RemoveEmptyEntries),
            line => Assert.Matches(
                """^(# TYPE [a-zA-Z_][a-zA-Z0-9_]* (counter|gauge|histogram)|"""
                    + """[a-zA-Z_][a-zA-Z0-9_]*\{([a-zA-Z_][a-zA-Z0-9_]*="([^"\\\n]|\\["\\n])*",?)*\} [-+0-9.eE]+)$""", line));
        Assert.Equal(prometheus.Split('\n').Where(l => l.StartsWith("# TYPE", StringComparison.Ordinal)).Distinct().Count(),
            prometheus.Split('\n').Count(l => l.StartsWith("# TYPE", StringComparison.Ordinal)));
    }

    private static async Task<System.Text.Json.JsonElement> VmAsync(TestNode node)
        => (await node.GetAsync("vms?kind=wasm&name=guest")).Is(HttpStatusCode.OK).Json.GetProperty("items")[0];

    private static async Task AskAsync(TestNode node, string path, HttpStatusCode status)
        => Assert.Equal(status, await StatusAsync(node, path));

    private static async Task<HttpStatusCode> StatusAsync(TestNode node, string path)
    {
        using var http = new HttpClient();
        using var answer = await http.GetAsync(new Uri($"http://{node.Host.Proxy.Listeners().Single().BoundAddress}{path}"),
            TestContext.Current.CancellationToken);
        return answer.StatusCode;
    }
}
