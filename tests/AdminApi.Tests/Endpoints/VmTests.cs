using System.Net;

namespace Managed.AdminApi.Tests.Endpoints;

/// <summary>Guest code as an operator sees it: its machines, what it says, and that it was put aside.</summary>
public sealed class VmTests
{
    private const string Document = """
        listeners:
        - name: edge
          address: 127.0.0.1:0
          http_filters:
          - name: lua
            typed_config:
              default_source_code:
                inline_string: |
                  function envoy_on_request(h)
                    h:logWarn("path " .. h:headers():get(":path"))
                    if h:headers():get(":path") == "/loop" then while true do end end
                  end
              limits: {instructions: 5000}
          routes:
          - {name: all, match: {prefix: /}, direct_response: {status: 200}}
        """;

    [Fact]
    public async Task Machines_AreListedWithWhatTheyDid()
    {
        await using var node = await TestNode.StartAsync(Document);
        Assert.Equal("ready", (await node.GetAsync("vms")).Is(HttpStatusCode.OK).Json.GetProperty("items")[0].GetProperty("state")
            .GetString());
        await AskAsync(node, "/");
        await AskAsync(node, "/loop");
        var vm = (await node.GetAsync("vms?kind=lua")).Is(HttpStatusCode.OK).Json.GetProperty("items")[0];
        Assert.Equal(("default_source_code", 0, "active", 2, 1, 1),
            (vm.GetProperty("name").GetString(), vm.GetProperty("worker").GetInt32(), vm.GetProperty("state").GetString(),
            vm.GetProperty("executions").GetInt32(), vm.GetProperty("errors").GetInt32(), vm.GetProperty("breaches").GetInt32()));
        Assert.InRange(vm.GetProperty("memory_bytes").GetInt64(), 10_000, 1_000_000);
        Assert.Equal(2, vm.GetProperty("time_histogram").EnumerateArray().Sum(b => b.GetProperty("count").GetInt32()));
        Assert.Equal(1, vm.GetProperty("instruction_histogram").EnumerateArray().Single(b => b.GetProperty("le").GetInt32() == 8192)
            .GetProperty("count").GetInt32());
        Assert.InRange(vm.GetProperty("instructions").GetInt64(), 5_000, 10_000);
        Assert.Equal(0, (await node.GetAsync("vms?state=quarantined")).Json.GetProperty("total_size").GetInt32());
        for (int i = 0; i < 10; i++) await AskAsync(node, "/loop");
        var quarantined = (await node.GetAsync("vms?state=quarantined")).Json.GetProperty("items")[0];
        Assert.InRange(quarantined.GetProperty("retry_in_seconds").GetDouble(), 0, 60);
        Assert.Equal(0, (await node.GetAsync("vms?name=other")).Json.GetProperty("total_size").GetInt32());
    }

    [Fact]
    public async Task EventStream_HasTheScriptsLinesAndItsQuarantine()
    {
        await using var node = await TestNode.StartAsync(Document);
        using var reader = new SseReader(node, "events?types=script.log,vm.*");
        await reader.FirstAsync();
        await AskAsync(node, "/here");
        var said = (await reader.NextAsync("script.log")).Json;
        Assert.Equal("path /here", said.GetProperty("text").GetString());
        Assert.Equal("default_source_code:2", said.GetProperty("place").GetString());
        Assert.Equal("warning", said.GetProperty("level").GetString());
        Assert.Equal(1, said.GetProperty("version").GetInt32());
        Assert.False(string.IsNullOrEmpty(said.GetProperty("request_id").GetString()));
        for (int i = 0; i < 10; i++) await AskAsync(node, "/loop");
        Assert.Equal("default_source_code", (await reader.NextAsync("vm.quarantined")).Json.GetProperty("name").GetString());
    }

    private static async Task AskAsync(TestNode node, string path)
    {
        using var http = new HttpClient();
        using var answer = await http.GetAsync(new Uri($"http://{node.Host.Proxy.Listeners().Single().BoundAddress}{path}"),
            TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }
}
