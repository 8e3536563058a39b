using System.Globalization;
using System.Text.RegularExpressions;
using System.Text;
using Managed.TestKit.Wasm;

namespace Managed.Proxy.Tests.Http.Filters.Wasm.Conformance;

/// <summary>
/// Guests that call any host function from any callback: calls of the conformance table with some of their arguments replaced by bad ones.
/// </summary>
internal sealed partial class FuzzGuest(int seed)
{
    // Where sizes, addresses and numbers turn over; guests have 128 KiB.
    private static readonly string[] Edges =
        ["0", "1", "-1", "2", "3", "4", "5", "6", "7", "8", "9", "15", "16", "17", "20", "24", "200", "299", "4096", "65535", "65536",
            "131068", "131071", "131072", "131073", "2147483647", "-2147483648", "-2147483647", "CTX", "@NUM"];

    private readonly Random _random = new(seed);

    public byte[] Build(IEnumerable<string> callbacks)
    {
        string abi = Pick("0_1_0", "0_2_0", "0_2_1", "0_2_1");
        var guest = new WatGuest(abi).Importing("env", "pthread_equal", "ii")
            .Importing("env", "emscripten_notify_memory_growth", "i", result: false).Importing(null, "clock_res_get", "ii");
        foreach (var (name, parameters, _) in ConformanceTable.Refusals) guest.Importing(null, name, parameters);
        if (_random.Next(3) == 0) guest.WithAllocator(Pick("malloc", "nothing"));
        foreach (string callback in callbacks.Where(_ => _random.Next(5) > 0)) guest.On(callback, Body(callback));
        return guest.Build();
    }

    private string Body(string callback)
    {
        var code = new StringBuilder();
        bool starts = callback is "vm_start" or "configure" or "context_create";
        // A plugin must come to life for anything to happen, and its ticks are what reaches into waiting streams.
        if (callback == "configure")
            code.AppendLine(
                "(drop (call $proxy_register_shared_queue \"q\" (global.get $NUM))) (drop (call $proxy_set_tick_period_milliseconds "
                    + "(i32.const 3)))");
        if (callback is "tick" or "http_call_response" or "queue_ready")
            code.AppendLine(CultureInfo.InvariantCulture, $"(drop (call $proxy_set_effective_context (i32.const {_random.Next(12)})))");
        for (int i = _random.Next(8); i > 0; i--) code.AppendLine($"(drop {Call()})");
        if (!starts && _random.Next(40) == 0)
            code.AppendLine(Pick("unreachable", "(call $proc_exit (i32.const 0))", "(drop (i32.load (i32.const -1)))",
                "(drop (memory.grow (i32.const 1)))"));
        // Waits, sometimes; what it returns may be no action at all.
        if (!starts && HasResult(callback) && _random.Next(4) == 0)
            code.AppendLine(CultureInfo.InvariantCulture, $"(return (i32.const {Pick("1", "1", "2", "3", "4", "5", "-1")}))");
        return code.ToString();
    }

    private static bool HasResult(string callback)
        => callback is "done" or "new_connection" or "downstream_data" or "upstream_data"
        || callback.StartsWith("request_", StringComparison.Ordinal) || callback.StartsWith("response_", StringComparison.Ordinal);

    private string Call()
    {
        var rows = ConformanceTable.Rows;
        var row = rows[_random.Next(rows.Count)];
        if (_random.Next(30) == 0)
            row = new ConformanceRow(row.Place, "proxy_call_foreign_function", true,
                Pick("'managed.call_back' 'x' 0 0", "'uncompress' 4096 5000 OUT SIZE", "'sign' 4096 5000 OUT SIZE",
                    "'verify_signature' 4096 999 OUT SIZE", "'set_envoy_filter_state' 4096 900 0 0", "'declare_property' 4096 9 0 0"), 0);
        int worse = _random.Next(4) == 0 ? 2 : 6; // one argument in so many
        string arguments = string.Join(' ', Token().Matches(row.Arguments).Select(t =>
            t.Value[0] is '\'' or '"' ? _random.Next(worse) == 0 ? $"{Edge()} {Edge()}" : t.Value
            : t.Value[^1] == 'L' ? _random.Next(worse) == 0 ? Pick("0L", "-1L", "9223372036854775807L", "-9223372036854775808L") : t.Value
            : _random.Next(worse) == 0 ? Edge() : t.Value));
        return (row with { Arguments = arguments }).Code();
    }

    private string Edge() => Pick(Edges);
    private string Pick(params string[] from) => from[_random.Next(from.Length)];

    [GeneratedRegex("'[^']*'|\"[^\"]*\"|[^ ]+")]
    private static partial Regex Token();
}
