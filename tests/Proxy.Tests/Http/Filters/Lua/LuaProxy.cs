using System.Text.Json;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Http.Filters.Lua;

/// <summary>A listener with a Lua filter in front of a real upstream that answers what it was asked.</summary>
internal sealed class LuaProxy : IAsyncDisposable
{
    private LuaProxy(ProxyFixture proxy, RecordingUpstream upstream) => (Proxy, Upstream) = (proxy, upstream);

    public ProxyFixture Proxy { get; }
    public RecordingUpstream Upstream { get; }

    public static async Task<LuaProxy> StartAsync(string script, string more = "", string route = "", int workers = 1)
    {
        var upstream = RecordingUpstream.Start();
        return new LuaProxy(await ProxyFixture.StartAsync(Yaml(script, upstream.Port, more, route), workers), upstream);
    }

    public Task<PublishResult> PublishAsync(string script, string more = "", string route = "")
        => Proxy.PublishAsync(Yaml(script, Upstream.Port, more, route));

    public static string Yaml(string script, int upstream, string more = "", string route = "") => $$"""
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
                http_filters:
                - name: lua
                  typed_config: {default_source_code: {inline_string: {{JsonSerializer.Serialize(script)}}}{{more}}}
                - name: router
                route_config:
                  name: local
                  virtual_hosts:
                  - name: all
                    domains: ["*"]
                    metadata:
                      filter_metadata: {lua: {level: 9} }
                    routes:
                    - {name: main, match: {prefix: /}, route: {cluster: up}{{route}}}
        """;

    /// <summary>A GET; the response as it came.</summary>
    public Task<RawResponse> GetAsync(string target = "/", string headers = "") => Proxy.GetAsync(target, headers: headers);

    /// <summary>The response of a script whose request hook answers with what <c>return</c>s from this body.</summary>
    public static async Task<string> AnswerAsync(string body, string headers = "", string more = "", string route = "")
    {
        await using var proxy = await StartAsync(
            $"function answer(h)\n{body}\nend\nfunction envoy_on_request(h) h:respond({{[':status'] = '200'}}, tostring(answer(h))) end",
                more, route);
        var response = await proxy.GetAsync(headers: headers);
        Assert.True(response.Text.Length > 0 || response.Status == 200, string.Join("\n", proxy.Proxy.Log.Lines));
        Assert.True(proxy.Errors == 0, string.Join("\n", proxy.Proxy.Log.Lines));
        return response.Text;
    }

    public Task<RawResponse> PostAsync(string body, string target = "/")
        => AskAsync($"POST {target} HTTP/1.1\r\nHost: h\r\nContent-Length: {body.Length}\r\n\r\n{body}");

    public async Task<RawResponse> AskAsync(string request)
    {
        await using var client = await Proxy.ConnectAsync();
        return await client.AskAsync(request);
    }

    public long Errors => Proxy.Stat("http.edge.lua.errors");
    public string Log => string.Join("\n", Proxy.Log.Lines);

    public async ValueTask DisposeAsync()
    {
        await Proxy.DisposeAsync();
        await Upstream.DisposeAsync();
    }
}
