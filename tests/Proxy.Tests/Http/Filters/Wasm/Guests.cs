using Managed.TestKit;
using Managed.TestKit.Wasm;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.Wasm;

/// <summary>Runs guests that report by log lines.</summary>
internal static class Guests
{
    /// <summary>What a guest says while one GET passes it.</summary>
    public static async Task<IReadOnlyList<string>> SaysAsync(this WatGuest guest, string plugin = "", string vm = "", string headers = "", string target = "/")
    {
        await using var proxy = await WasmProxy.StartAsync(guest.Build(), plugin, vm);
        var response = await proxy.GetAsync(target, headers);
        Assert.True(response.Status == 200, response.Status + "\n" + proxy.Log);
        // The client has its answer before the guest has heard of the end.
        await Eventually.Async(() => proxy.Proxy.Stat("http.edge.downstream_rq_active") == 0, proxy.Log);
        return proxy.Said;
    }

    /// <summary>What a guest's request callback says.</summary>
    public static Task<IReadOnlyList<string>> OnRequestSaysAsync(string code, string plugin = "", string vm = "", string headers = "", string target = "/", string abi = "0_2_1")
        => new WatGuest(abi).On("request_headers", code).SaysAsync(plugin, vm, headers, target);
}
