using Managed.TestKit;
using Managed.TestKit.Wasm;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.Wasm;

/// <summary>Runs guests that report by log lines.</summary>
internal static class Guests
{
    /// <summary>What a guest says while one GET passes it.</summary>
    public static async Task<IReadOnlyList<string>> SaysAsync(this WatGuest guest, string plugin = "", string vm = "", string headers = "",
        string target = "/")
    {
        await using var proxy = await WasmProxy.StartAsync(guest.Build(), plugin, vm);
        var response = await proxy.GetAsync(target, headers);
        Assert.True(response.Status == 200, response.Status + "\n" + proxy.Log);
        // The client has its answer before the guest has heard of the end.
        await Eventually.Async(() => proxy.Proxy.Stat("http.edge.downstream_rq_active") == 0, proxy.Log);
        return proxy.Said;
    }

    /// <summary>What a guest's request callback says.</summary>
    public static Task<IReadOnlyList<string>> OnRequestSaysAsync(string code, string plugin = "", string vm = "", string headers = "",
        string target = "/", string abi = "0_2_1")
        => new WatGuest(abi).On("request_headers", code).SaysAsync(plugin, vm, headers, target);

    /// <summary>Code that is at it for so many microseconds; it uses the guest's memory from 64 to 80.</summary>
    public static string Busy(int micros) => $"""
        (drop (call $proxy_get_current_time_nanoseconds (i32.const 64)))
        (loop $busy (drop (call $proxy_get_current_time_nanoseconds (i32.const 72)))
          (br_if $busy (i64.lt_u (i64.sub (i64.load (i32.const 72)) (i64.load (i32.const 64))) (i64.const {micros}000))))
        """;
}
