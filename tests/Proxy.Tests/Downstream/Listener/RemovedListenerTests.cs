using System.Text.Json;
using Managed.TestKit;
using Managed.TestKit.Wasm;
using Xunit;

namespace Managed.Proxy.Tests.Downstream.Listener;

/// <summary>
/// What a client's connection met when it came, it meets to its end: a connection whose listener or chain has gone keeps its filters.
/// </summary>
public sealed class RemovedListenerTests
{
    private const string Stamp = "function envoy_on_request(h) h:respond({[':status'] = '403', ['x-stamp'] = 'NUMBER'}, 'no') end";

    // Long drains, so that what is tested is not cut.
    private static string Listener(string name, string script, string chain = "main", string address = "127.0.0.1:0") => $$"""
        - name: {{name}}
          address: "{{address}}"
          drain_timeout: 60s
          filter_chains:
          - name: {{chain}}
            filters:
            - name: http_connection_manager
              typed_config:
                stat_prefix: edge
                drain_timeout: 60s
                http_filters:
                - {name: lua, typed_config: {default_source_code: {inline_string: {{JsonSerializer.Serialize(script)}} } } }
                - name: router
                route_config: {name: local, virtual_hosts: [{name: all, domains: ["*"], routes: [{match: {prefix: /}, direct_response: {status: 200} }]}]}
        """;

    private static string Document(params string[] listeners) => "listeners:\n" + string.Join("\n", listeners);
    private static string Script(int number)
        => Stamp.Replace("NUMBER", number.ToString(System.Globalization.CultureInfo.InvariantCulture), StringComparison.Ordinal);
    private static string Other => Listener("other", Script(0));

    // Nothing of what is not needed is left: what could have gone has gone.
    private static Task SweptAsync(ProxyFixture proxy, int most)
        => Eventually.Async(() => proxy.Server.Generations().Count <= most, "old versions to be let go");

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(5)] // idle over many versions, so the one that it came to has long gone
    public async Task AConnectionOfARemovedListener_KeepsTheFiltersOfTheLastVersionThatHadIt(int between)
    {
        await using var proxy = await ProxyFixture.StartAsync(Document(Listener("edge", Script(1)), Other));
        await using var client = await proxy.ConnectAsync();
        await client.GetAsync();
        Assert.Equal("1", (await client.ReadAsync())["x-stamp"]);
        for (int i = 0; i < between; i++) await proxy.PublishAsync(Document(Listener("edge", Script(2 + i)), Other));

        await proxy.PublishAsync(Document(Other));
        for (int i = 0; i < 3; i++) await proxy.PublishAsync(Document(Listener("other", Script(100 + i))));
        await SweptAsync(proxy, 2);
        await client.GetAsync();
        var answer = await client.ReadAsync();

        Assert.Equal((403, $"{between + 1}"), (answer.Status, answer["x-stamp"]));
        await SweptAsync(proxy, 1);
    }

    [Fact]
    public async Task AConnectionOfARemovedOrReplacedChain_KeepsItsFilters()
    {
        foreach (string change in (string[])[Listener("edge", Script(2), "another"), Tcp])
        {
            await using var proxy = await ProxyFixture.StartAsync(Document(Listener("edge", Script(1))));
            await using var client = await proxy.ConnectAsync();
            await client.GetAsync();
            await client.ReadAsync();

            await proxy.PublishAsync(Document(change));
            await proxy.PublishAsync(Document(change.Replace("drain_timeout: 60s", "drain_timeout: 50s", StringComparison.Ordinal)));
            await SweptAsync(proxy, 2);
            await client.GetAsync();

            Assert.Equal("1", (await client.ReadAsync())["x-stamp"]);
        }
    }

    // The chain of the same name, but of another kind.
    private const string Tcp = """
        - name: edge
          address: "127.0.0.1:0"
          drain_timeout: 60s
          filter_chains: [{name: main, filters: [{name: direct_response, typed_config: {response: {inline_string: hi} } }]}]
        """;

    [Fact]
    public async Task AListenerOfAnotherName_OnTheSameAddress_TakesTheConnectionOver()
    {
        string address = $"127.0.0.1:{FreePort.Next()}";
        await using var proxy = await ProxyFixture.StartAsync(Document(Listener("edge", Script(1), address: address)));
        await using var client = await proxy.ConnectAsync();
        await client.GetAsync();
        await client.ReadAsync();

        await proxy.PublishAsync(Document(Listener("renamed", Script(2), address: address)));
        await proxy.PublishAsync(Document(Listener("renamed", Script(3), address: address)));
        await client.GetAsync();

        Assert.Equal("3", (await client.ReadAsync())["x-stamp"]);
    }

    [Fact]
    public async Task AModuleThatFailsOpen_StillAuthorises()
    {
        byte[] module = new WatGuest().On("request_headers",
            """(drop (call $proxy_send_local_response (i32.const 403) "" "no" "" (i32.const -1))) (return (i32.const 1))""").Build();
        string guarded = Listener("edge", Script(1))
            .Replace("- {name: lua", "- " + WasmProxy.Filter(module, ", failure_policy: FAIL_OPEN") + "\n        - {name: lua",
                StringComparison.Ordinal)
            .Replace("403", "200", StringComparison.Ordinal);
        await using var proxy = await ProxyFixture.StartAsync(Document(guarded, Other));
        await using var client = await proxy.ConnectAsync();
        await client.GetAsync();
        Assert.Equal(403, (await client.ReadAsync()).Status);

        await proxy.PublishAsync(Document(guarded, Listener("other", Script(5))));
        await proxy.PublishAsync(Document(Other));
        for (int i = 0; i < 3; i++) await proxy.PublishAsync(Document(Listener("other", Script(100 + i))));
        await SweptAsync(proxy, 2);
        await client.GetAsync();

        Assert.Equal(403, (await client.ReadAsync()).Status);
        await SweptAsync(proxy, 1);
    }

    [Fact]
    public async Task NetworkFilters_GoOnWithTheirConnection()
    {
        byte[] module = new WatGuest().On("downstream_data",
            """(drop (call $proxy_set_buffer_bytes (i32.const 2) (i32.const 0) (i32.const 100) "seen"))""").Build();
        string guarded = $$"""
            - name: edge
              address: "127.0.0.1:0"
              drain_timeout: 60s
              filter_chains: [{name: main, filters: [{{WasmProxy.Filter(module, ", failure_policy: FAIL_OPEN").Replace("filters.http.wasm", "filters.network.wasm", StringComparison.Ordinal)}}, {name: echo}]}]
            """;
        await using var proxy = await ProxyFixture.StartAsync(Document(guarded, Other));
        await using (var client = await proxy.ConnectAsync())
        {
            await client.SendAsync("one");
            Assert.Equal("seen", await client.ReadTextAsync(4));

            await proxy.PublishAsync(Document(Other));
            for (int i = 0; i < 3; i++) await proxy.PublishAsync(Document(Listener("other", Script(100 + i))));
            await SweptAsync(proxy, 2);
            await client.SendAsync("two");

            Assert.Equal("seen", await client.ReadTextAsync(4));
            Assert.Equal(2, proxy.Server.Generations().Count);
        }
        await SweptAsync(proxy, 1);
    }

    [Fact]
    public async Task AVersionThatDrains_IsLetGoWithItsLastConnection()
    {
        await using var proxy = await ProxyFixture.StartAsync(Document(Listener("edge", Script(1)), Other));
        await using (var client = await proxy.ConnectAsync())
        {
            await client.GetAsync();
            await client.ReadAsync();
            await proxy.PublishAsync(Document(Other));
            await SweptAsync(proxy, 2);
            Assert.Equal(2, proxy.Server.Generations().Count);
        }
        await SweptAsync(proxy, 1);
    }

    [Fact]
    public async Task ADisposedVersion_TakesNoRequest()
    {
        await using var proxy = await ProxyFixture.StartAsync(Document(Other));
        var built = proxy.Build(Document(Other)).Snapshot!;
        built.Dispose();
        Assert.False(built.TryHold(proxy.Server.WorkerAt(0)));
        Assert.Throws<InvalidOperationException>(() => built.EnterStream(proxy.Server.WorkerAt(0)));
    }
}
