using Managed.Proxy.Core;
using Managed.TestKit;
using Managed.TestKit.Wasm;
using Xunit;

namespace Managed.Proxy.Tests.Downstream.NetworkFilters.Wasm;

/// <summary>
/// A guest on connections that never returns from a callback, or traps in it: its connection ends as the policy says, nobody else's.
/// </summary>
public sealed class HostileConnectionTests
{
    private const string Loop = "(loop $l (br $l))";

    public static TheoryData<string, string, string> Cases()
    {
        var cases = new TheoryData<string, string, string>();
        foreach (string callback in (string[])["context_create", "new_connection", "downstream_data", "upstream_data",
            "downstream_connection_close", "upstream_connection_close", "done", "log", "delete"])
            foreach (string act in (string[])["loop", "trap"])
                foreach (string policy in (string[])["FAIL_CLOSED", "FAIL_OPEN"]) cases.Add(callback, act, policy);
        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Callback_ThatNeverReturnsOrTraps_CostsItsConnectionAlone(string callback, string act, string policy)
    {
        await using var upstream = RecordingUpstream.Start();
        // Only the connections of the guest; its plugin is context 1.
        byte[] guest = new WatGuest().On(callback,
            $"(if (i32.ne (local.get $ctx) (i32.const 1)) (then {(act == "loop" ? Loop : "unreachable")}))").Build();
        await using var proxy = await ProxyFixture.StartAsync($$$"""
            clusters:
            - {name: up, endpoints: ["127.0.0.1:{{{upstream.Port}}}"]}
            listeners:
            - name: edge
              address: 127.0.0.1:0
              filter_chains:
              - name: main
                filters:
                - {{{WasmProxy.Filter(guest, ", name: bad, failure_policy: " + policy).Replace("filters.http.wasm", "filters.network.wasm", StringComparison.Ordinal)}}}
                - {name: tcp_proxy, typed_config: {stat_prefix: raw, cluster: up}}
            - name: calm
              address: 127.0.0.1:0
              filter_chains:
              - name: main
                filters:
                - {{{WasmProxy.Filter(new WatGuest().Build(), ", name: calm").Replace("filters.http.wasm", "filters.network.wasm", StringComparison.Ordinal)}}}
                - {name: tcp_proxy, typed_config: {stat_prefix: calm, cluster: up}}
            """);
        await using var other = await proxy.ConnectAsync("calm");
        Assert.Equal(200, (await AskAsync(other)).Status);

        await using (var client = await proxy.ConnectAsync())
        {
            bool answered;
            try
            {
                await client.SendAsync("GET / HTTP/1.1\r\nhost: h\r\n\r\n");
                answered = (await client.ReadAsync()).Status == 200;
            }
            catch (Exception e) when (e is WireException or IOException or System.Net.Sockets.SocketException)
            {
                answered = false;
            }
            bool before = callback is "context_create" or "new_connection" or "downstream_data" or "upstream_data";
            Assert.Equal(!before || policy == "FAIL_OPEN", answered);
            if (answered) client.EndSending();
        }

        GuestVmStatus Vm() => Assert.Single(proxy.Server.GuestVms(), v => v.Name == "bad");
        await Eventually.Async(() => Vm().Errors == 1, $"the failure is counted: {Vm()}");
        Assert.Equal(act == "loop" ? 1 : 0, Vm().Breaches);
        await Eventually.Async(() => Vm().Active == 0, $"the VM goes with its connection: {Vm()}");
        Assert.Equal(200, (await AskAsync(other)).Status);
        await using var fresh = await proxy.ConnectAsync("calm");
        Assert.Equal(200, (await AskAsync(fresh)).Status);
    }

    private static async Task<RawResponse> AskAsync(RawClient client)
    {
        await client.GetAsync();
        return await client.ReadAsync();
    }
}
