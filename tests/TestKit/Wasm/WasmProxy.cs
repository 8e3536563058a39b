using Managed.Proxy;
using System.Text.Json;

namespace Managed.TestKit.Wasm;

/// <summary>A listener with a wasm filter in front of a real upstream that answers what it was asked.</summary>
public sealed class WasmProxy : IAsyncDisposable
{
    private WasmProxy(ProxyFixture proxy, RecordingUpstream upstream) => (Proxy, Upstream) = (proxy, upstream);

    public ProxyFixture Proxy { get; }
    public RecordingUpstream Upstream { get; }

    /// <param name="module">The binary.</param>
    /// <param name="plugin">Further fields of the plugin, each with a comma in front.</param>
    /// <param name="vm">The same of vm_config.</param>
    /// <param name="route">The same of the route.</param>
    public static async Task<WasmProxy> StartAsync(byte[] module, string plugin = "", string vm = "", string route = "", int workers = 1)
    {
        var upstream = RecordingUpstream.Start();
        try
        {
            return new WasmProxy(await ProxyFixture.StartAsync(Yaml(module, upstream.Port, plugin, vm, route), workers), upstream);
        }
        catch
        {
            await upstream.DisposeAsync();
            throw;
        }
    }

    public Task<PublishResult> PublishAsync(byte[] module, string plugin = "", string vm = "", string route = "")
        => Proxy.PublishAsync(Yaml(module, Upstream.Port, plugin, vm, route));

    public static string Filter(byte[] module, string plugin = "", string vm = "", string name = "wasm") =>
        $"{{name: {name}, typed_config: {{'@type': type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm, config: {{vm_config: "
            + $"{{code: {{local: {{inline_bytes: {Convert.ToBase64String(module)}}}}}{vm}}}{plugin}}}}}}}";

    public static string Yaml(byte[] module, int upstream, string plugin = "", string vm = "", string route = "")
        => Document(Filter(module, plugin, vm), upstream, route);

    /// <param name="filters">Items of http_filters without the router.</param>
    public static string Document(string filters, int upstream, string route = "") => $$"""
        clusters:
        - {name: up, endpoints: ["127.0.0.1:{{upstream}}"]}
        listeners:
        - name: edge
          address: 127.0.0.1:0
          filter_chains:
          - name: main
            filters:
            - name: http_connection_manager
              typed_config:
                stat_prefix: edge
                http_filters: [{{filters}}, {name: router}]
                route_config:
                  name: local
                  virtual_hosts:
                  - name: all
                    domains: ["*"]
                    metadata: {filter_metadata: {host: {level: 9} } }
                    routes:
                    - {name: other, match: {prefix: /other}, direct_response: {status: 200, body: {inline_string: "other route"} } }
                    - {name: main, match: {prefix: /}, metadata: {filter_metadata: {test: {color: red, depth: {n: 3}, list: [a, b]} } }, route: {cluster: up{{route}}} }
        """;

    /// <summary>Text for a JSON or YAML value.</summary>
    public static string Quote(string text) => JsonSerializer.Serialize(text);

    public async Task<RawResponse> GetAsync(string target = "/", string headers = "")
    {
        var response = await Proxy.GetAsync(target, headers: headers);
        await SettledAsync();
        return response;
    }

    public Task<RawResponse> PostAsync(string body, string target = "/", string headers = "")
        => AskAsync($"POST {target} HTTP/1.1\r\nHost: h\r\nContent-Length: {body.Length}\r\n{headers}\r\n{body}");

    public async Task<RawResponse> AskAsync(string request)
    {
        await using var client = await Proxy.ConnectAsync();
        var response = await client.AskAsync(request);
        await SettledAsync();
        return response;
    }

    /// <summary>
    /// The workers have done all that belongs to what they have answered: a stream's last callbacks come behind the last byte.
    /// </summary>
    public async Task SettledAsync()
    {
        for (int i = 0; i < Proxy.Server.Workers().Count; i++)
        {
            var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            Proxy.Server.WorkerAt(i).Post(static s => ((TaskCompletionSource)s!).SetResult(), done);
            await done.Task;
        }
    }

    /// <summary>What guests have logged so far, each line without what the proxy puts around it.</summary>
    public IReadOnlyList<string> Said => [.. Proxy.Log.Lines.Select(Bare).OfType<string>()];

    public string Log => string.Join("\n", Proxy.Log.Lines);

    public async ValueTask DisposeAsync()
    {
        await Proxy.DisposeAsync();
        await Upstream.DisposeAsync();
    }

    // NAME: TEXT (vm '', …)
    internal static string? Bare(string line)
    {
        int start = line.IndexOf(": ", StringComparison.Ordinal), end = line.LastIndexOf(" (vm '", StringComparison.Ordinal);
        return start < 0 || end < start + 2 || line.StartsWith("Wasm module", StringComparison.Ordinal) ? null : line[(start + 2)..end];
    }
}
