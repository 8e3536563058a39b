using System.Globalization;
using System.Text.RegularExpressions;
using System.Text;
using Managed.Proxy.Bindings.Wasm;
using Managed.TestKit;
using Managed.TestKit.Wasm;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.Wasm.Conformance;

/// <summary>Runs the table: for each version and place one guest that makes all calls of the place and says what was answered.</summary>
public sealed partial class ConformanceTests
{
    private const string Plugin =
        ", name: conformance, root_id: root, configuration: of the plugin, limits: {cpu_per_call: 2s, cpu_on_start: 5s}";
    private const string Vm = ", vm_id: conformance, configuration: of the VM, environment_variables: {key_values: {KEY: value} }";

    public static MatrixTheoryData<string, Place> Runs() => new(["0_1_0", "0_2_0", "0_2_1"], Enum.GetValues<Place>());

    [Theory]
    [MemberData(nameof(Runs))]
    public async Task EveryCall_IsAnsweredWithTheRightStatus(string abi, Place place)
    {
        var rows = ConformanceTable.Rows.Where(r => r.Place == place).ToList();
        string code =
            string.Concat(rows.Select((row, i) => string.Create(CultureInfo.InvariantCulture, $"(call $r \"r{i}\" {row.Code()})\n")));

        var answers = Answers(place == Place.Connection ? await ConnectionSaysAsync(abi, code) : await StreamSaysAsync(abi, place, code));

        var wrong = new StringBuilder();
        for (int i = 0; i < rows.Count; i++)
        {
            if (!answers.TryGetValue(i, out var got)) wrong.AppendLine($"{rows[i]}: was not called");
            else if (got.Any(s => s != rows[i].StatusIn(abi)))
                wrong.AppendLine($"{rows[i]}: {string.Join(", ", got)} instead of {rows[i].StatusIn(abi)}");
        }
        Assert.True(wrong.Length == 0, wrong.ToString());
    }

    [Fact]
    public void EveryHostFunction_HasRowsOfRightAndWrongUse()
    {
        var missing = HostFunctions.Known.Where(name => !ConformanceTable.Elsewhere.ContainsKey(name))
            .SelectMany(name => new[] { true, false }.Where(right =>
                !ConformanceTable.Rows.Any(r => r.Function == name && r.IsRight == right))
                    .Select(right => $"{name} has no row of {(right ? "right" : "wrong")} use"));
        Assert.Empty(missing);
        Assert.Empty(ConformanceTable.Rows.Select(r => r.Function).Concat(ConformanceTable.Elsewhere.Keys).Except(HostFunctions.Known));
    }

    [Fact]
    public void EveryFunctionOfAStream_HasRowsOfWhereItDoesNotBelong()
    {
        // What needs a context is called without one as well: while the guest starts, and within its allocator.
        var named = HostFunctions.Known.Where(n => n.StartsWith("proxy_", StringComparison.Ordinal)).ToList();
        foreach (var place in new[] { Place.Initialize, Place.Allocator })
            Assert.Empty(named.Except(ConformanceTable.Rows.Where(r => r.Place == place).Select(r => r.Function)));
    }

    private static async Task<IReadOnlyList<string>> StreamSaysAsync(string abi, Place place, string code)
    {
        var guest = Guest(abi);
        switch (place)
        {
            case Place.Initialize: guest.On("_initialize", code); break;
            case Place.StartSection: guest.With($"(start $begin) (func $begin {code})"); break;
            case Place.Plugin: guest.On("configure", code); break;
            case Place.RequestHeaders: guest.On("request_headers", code); break;
            case Place.RequestBody: guest.On("request_body", code); break;
            case Place.ResponseHeaders: guest.On("response_headers", code); break;
            case Place.ResponseTrailers: guest.On("response_trailers", code); break;
            case Place.Log: guest.On("log", $"(if (i32.ne (local.get $ctx) (i32.const 1)) (then {code}))"); break;
            case Place.Answer:
                guest.With("(global $asked (mut i32) (i32.const 0))")
                    .On("request_headers",
                        $"(if (global.get $asked) (then (return (i32.const 0)))) (global.set $asked (i32.const 1)) (drop "
                            + $"{new ConformanceRow(place, "proxy_http_call", true, $"'up' {WatGuest.Pairs((":method", "GET"), (":path", "/"), (":authority", "a"))} '' '' 5000 NUM", 0).Code()}) (return (i32.const 1))")
                    .On("http_call_response", code);
                break;
            case Place.Allocator:
                guest.With($"(global $probe (mut i32) (i32.const 0)) (func $calls (local $ctx i32) {code})")
                    .On("request_headers",
                        "(global.set $probe (i32.const 1)) (drop (call $proxy_get_header_map_value (i32.const 0) \"x-a\" (global.get "
                            + "$OUT) (global.get $SIZE))) (call $v \"x-a\")");
                break;
        }
        string text = guest.Text();
        if (place == Place.Allocator)
            text = text.Replace("(param $n i32) (result i32) (local $p i32)\n",
                "(param $n i32) (result i32) (local $p i32) (if (global.get $probe) (then (global.set $probe (i32.const 0)) (call "
                    + "$calls)))\n", StringComparison.Ordinal);
        await using var proxy = await WasmProxy.StartAsync(Wasmtime.Module.ConvertText(text), Plugin, Vm);
        if (place == Place.ResponseTrailers) proxy.Upstream.Answer =
            _ => "HTTP/1.1 200 OK\r\nx-upstream: up\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\netag: 1\r\n\r\n";
        await using var client = await proxy.Proxy.ConnectAsync();
        await client.AskAsync(
            $"POST / HTTP/1.1\r\nHost: h\r\nx-a: one\r\nContent-Length: {(place == Place.RequestBody ? "5\r\n\r\nhello" : "0\r\n\r\n")}");
        await Eventually.Async(() => proxy.Said.Any(s =>
            s.StartsWith($"r{ConformanceTable.Rows.Count(r => r.Place == place) - 1}: ", StringComparison.Ordinal)), proxy.Log);
        if (place == Place.Allocator) Assert.Contains("x-a = one", proxy.Said); // what was on its way has arrived unharmed
        var said = proxy.Said;
        // The host goes on, and so does this very VM.
        Assert.True((await proxy.GetAsync("/other", "x-a: one\r\n")).Status is 200 or 299 or 203, proxy.Log);
        Assert.Equal(0, Assert.Single(proxy.Proxy.Server.GuestVms()).Errors);
        return said;
    }

    private static async Task<IReadOnlyList<string>> ConnectionSaysAsync(string abi, string code)
    {
        await using var tcp = await WasmTcp.StartAsync(Guest(abi).On("downstream_data", code).Build(), Plugin, Vm);
        await using var client = await tcp.Proxy.ConnectAsync();
        await client.SendAsync("hello");
        Assert.True(await client.EndsAsync());
        await using var next = await tcp.Proxy.ConnectAsync();
        Assert.Equal(0, Assert.Single(tcp.Proxy.Server.GuestVms()).Errors);
        return tcp.Said;
    }

    private static WatGuest Guest(string abi)
    {
        var guest = new WatGuest(abi).Importing("env", "pthread_equal", "ii")
            .Importing("env", "emscripten_notify_memory_growth", "i", result: false).Importing(null, "clock_res_get", "ii");
        foreach (var (name, parameters, _) in ConformanceTable.Refusals) guest.Importing(null, name, parameters);
        return guest;
    }

    private static Dictionary<int, List<int>> Answers(IEnumerable<string> said)
    {
        var answers = new Dictionary<int, List<int>>();
        foreach (string line in said)
        {
            if (Answer().Match(line) is not { Success: true } match) continue;
            int row = int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture),
                status = int.Parse(match.Groups[2].ValueSpan, CultureInfo.InvariantCulture);
            if (answers.TryGetValue(row, out var all)) all.Add(status); else answers.Add(row, [status]);
        }
        return answers;
    }

    [GeneratedRegex("^r([0-9]+): (-?[0-9]+)$")]
    private static partial Regex Answer();
}
