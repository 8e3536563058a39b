using Managed.Proxy.Core;
using Managed.TestKit;
using Managed.TestKit.Wasm;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.Wasm;

/// <summary>
/// One worker with three listeners: <c>edge</c> with the module under test, <c>calm</c> with one that behaves, <c>plain</c> with none.
/// </summary>
internal sealed class HostileProxy : IAsyncDisposable
{
    private static readonly byte[] Calm = new WatGuest()
        .On("response_headers", """(drop (call $proxy_add_header_map_value (i32.const 2) "x-calm" "1"))""").Build();

    private HostileProxy(ProxyFixture proxy, RecordingUpstream upstream) => (Proxy, Upstream) = (proxy, upstream);

    public ProxyFixture Proxy { get; }
    public RecordingUpstream Upstream { get; }
    /// <summary>The machine of the module under test.</summary>
    public GuestVmStatus Vm => Assert.Single(Proxy.Server.GuestVms(), v => v.Name == "bad");
    public string Log => string.Join("\n", Proxy.Log.Lines.Take(50));

    /// <param name="module">The binary.</param>
    /// <param name="plugin">Further fields of the plugin, each with a comma in front.</param>
    /// <param name="grpc">Where the cluster <c>grpc</c> is.</param>
    public static async Task<HostileProxy> StartAsync(byte[] module, string plugin = "", int grpc = 1)
    {
        var upstream = RecordingUpstream.Start();
        try
        {
            return new HostileProxy(await ProxyFixture.StartAsync(Yaml(module, upstream.Port, plugin, grpc)), upstream);
        }
        catch
        {
            await upstream.DisposeAsync();
            throw;
        }
    }

    public static string Yaml(byte[] module, int upstream, string plugin = "", int grpc = 1) => $$"""
        clusters:
        - {name: up, endpoints: ["127.0.0.1:{{upstream}}"]}
        - {name: grpc, endpoints: ["127.0.0.1:{{grpc}}"]}
        - {name: none, endpoints: []}
        listeners:
        {{Listener("edge", WasmProxy.Filter(module, ", name: bad" + plugin, ", vm_id: bad", "bad") + ",")}}
        {{Listener("calm", WasmProxy.Filter(Calm, ", name: calm", "", "calm") + ",")}}
        {{Listener("plain", "")}}
        """;

    /// <summary>Publishes another module in place of the first; false: it was refused, with its errors.</summary>
    public Task<PublishResult> TryPublishAsync(byte[] module, string plugin = "")
        => Proxy.TryPublishAsync(Yaml(module, Upstream.Port, plugin));

    public Task<RawResponse> GetAsync(string target = "/") => Proxy.GetAsync(target);

    /// <summary>The answer's status to a request with a body and trailers; 0: the connection was cut.</summary>
    public async Task<int> PostAsync(string target)
    {
        await using var client = await Proxy.ConnectAsync();
        await client.SendAsync(
            $"POST {target} HTTP/1.1\r\nhost: h\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\netag: "
                + $"2\r\n\r\n");
        byte[] all = await client.ReadToEndAsync();
        string text = System.Text.Encoding.Latin1.GetString(all);
        bool whole = text.Contains("\r\n\r\n", StringComparison.Ordinal)
            && (!text.Contains("transfer-encoding: chunked", StringComparison.Ordinal)
                || text.Contains("\r\n0\r\n", StringComparison.Ordinal));
        return whole ? int.Parse(text.AsSpan(9, 3), null) : 0;
    }

    /// <summary>Everybody else is served as ever.</summary>
    public async Task OthersAreServedAsync()
    {
        Assert.Equal((200, "1"), await Proxy.GetAsync(listener: "calm") is var calm ? (calm.Status, calm["x-calm"]) : default);
        Assert.Equal(200, (await Proxy.GetAsync(listener: "plain")).Status);
        var vm = Assert.Single(Proxy.Server.GuestVms(), v => v.Name == "calm");
        Assert.Equal((0, 1, 1), (vm.Errors, vm.Created, vm.Active));
    }

    public async ValueTask DisposeAsync()
    {
        await Proxy.DisposeAsync();
        await Upstream.DisposeAsync();
    }

    private static string Listener(string name, string filter) => $$$"""
        - name: {{{name}}}
          address: 127.0.0.1:0
          filter_chains:
          - name: main
            filters:
            - name: http_connection_manager
              typed_config:
                stat_prefix: {{{name}}}
                http_filters: [{{{filter}}} {name: router}]
                route_config: {name: local, virtual_hosts: [{name: all, domains: ["*"], routes: [{match: {prefix: /}, route: {cluster: up}}]}]}
        """;
}
