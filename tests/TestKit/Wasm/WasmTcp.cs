using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Managed.TestKit.Wasm;

/// <summary>A guest before tcp_proxy, and an upstream that the test plays.</summary>
public sealed class WasmTcp : IAsyncDisposable
{
    public required ProxyFixture Proxy { get; init; }
    public required TcpListener Upstream { get; init; }

    /// <param name="module">The binary.</param>
    /// <param name="plugin">Further fields of the plugin, each with a comma in front.</param>
    /// <param name="vm">The same of vm_config.</param>
    public static async Task<WasmTcp> StartAsync(byte[] module, string plugin = "", string vm = "")
    {
        var upstream = new TcpListener(IPAddress.Loopback, 0);
        upstream.Start();
        try
        {
            return new WasmTcp { Proxy = await ProxyFixture.StartAsync(
                Document(WasmProxy.Filter(module, plugin, vm), ((IPEndPoint)upstream.LocalEndpoint).Port)), Upstream = upstream };
        }
        catch
        {
            upstream.Stop();
            throw;
        }
    }

    /// <param name="filters">Network filters before tcp_proxy, as of HTTP.</param>
    public static string Document(string filters, int upstream) => $$"""
        clusters:
        - {name: up, endpoints: ["127.0.0.1:{{upstream}}"]}
        listeners:
        - name: edge
          address: 127.0.0.1:0
          filter_chains:
          - name: main
            filters: [{{filters.Replace("filters.http.wasm", "filters.network.wasm", StringComparison.Ordinal)}}, {name: tcp_proxy, typed_config: {stat_prefix: raw, cluster: up} }]
        """;

    /// <summary>What guests have logged so far, each line without what the proxy puts around it.</summary>
    public IReadOnlyList<string> Said => [.. Proxy.Log.Lines.Select(WasmProxy.Bare).OfType<string>()];

    public string Log => string.Join("\n", Proxy.Log.Lines);

    /// <summary>Reads until there are so many bytes, or no more come.</summary>
    public static async Task<string> ReadAsync(Socket socket, int count)
    {
        byte[] buffer = new byte[count];
        int length = 0;
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(Eventually.Limit));
        while (length < count)
        {
            int n = await socket.ReceiveAsync(buffer.AsMemory(length), limit.Token);
            if (n == 0) break;
            length += n;
        }
        return Encoding.ASCII.GetString(buffer, 0, length);
    }

    public async ValueTask DisposeAsync()
    {
        await Proxy.DisposeAsync();
        Upstream.Stop();
    }
}
