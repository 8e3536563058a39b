using Managed.Proxy.Configuration;
using Managed.Proxy.Tests.Http;
using Managed.TestKit;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Managed.Proxy.Tests;

/// <summary>What is built for a try leaves nothing: no names, no machines, no leases.</summary>
public sealed class TriesTests : IAsyncDisposable
{
    private readonly ProxyServer _server = new(new ProxyOptions { Workers = 1, LoggerFactory = NullLoggerFactory.Instance });

    public TriesTests() => _server.Start();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task HundredsOfTriesWithNewNames_LeaveNeitherNamesNorMachines()
    {
        await PublishAsync(Document("live", "live"), 1);
        int names = _server.Stats.Names, shown = _server.Stats.Read().Count, machines = _server.GuestVms().Count;
        Assert.NotEqual(0, machines);
        for (int i = 0; i < 300; i++)
        {
            var built = _server.Build(Document($"try-{i}", i % 3 == 0 ? $"missing-{i}" : $"try-{i}"), 2);
            Assert.Equal(i % 3 == 0, built.Snapshot is null);
            built.Snapshot?.Dispose();
        }
        Assert.Equal(names, _server.Stats.Names);
        Assert.Equal(shown, _server.Stats.Read().Count);
        Assert.Equal(machines, _server.GuestVms().Count);
    }

    [Fact]
    public async Task Publications_TakeTheNamesOfWhatIsGone_AndKeepTheCountsOfWhatStays()
    {
        await PublishAsync(Document("first", "first", more: "{name: kept, endpoints: [127.0.0.1:9]}"), 1);
        int names = _server.Stats.Names;
        for (int i = 2; i < 12; i++)
            await PublishAsync(Document($"name-{i}", $"name-{i}", more: "{name: kept, endpoints: [127.0.0.1:9]}"), i);
        await Eventually.Async(() => _server.Stats.Names == names && _server.GuestVms().Count == 1, "what has gone is still counted", 60);
        Assert.DoesNotContain(_server.Stats.Read(), s => s.Name.Contains(".first.", StringComparison.Ordinal)
            || s.Name.Contains("name-2", StringComparison.Ordinal));
        Assert.Contains(_server.Stats.Read(), s => s.Name == "cluster.kept.upstream_rq_total");
        Assert.Contains(_server.Stats.Read(), s => s.Name == "http.name-11.downstream_rq_total");
    }

    [Fact]
    public async Task PublicationThatCannotBind_LeavesNothing()
    {
        await PublishAsync(Document("live", "live"), 1);
        int names = _server.Stats.Names;
        string taken = _server.Listeners()[0].BoundAddress;
        for (int i = 0; i < 20; i++)
        {
            var built = _server.Build(Document($"try-{i}", $"try-{i}", address: taken), 2);
            Assert.False((await _server.PublishAsync(built.Snapshot!)).Applied);
        }
        await Eventually.Async(() => _server.Stats.Names == names && _server.GuestVms().Count == 1, "what has gone is still counted", 60);
    }

    private async Task PublishAsync(ConfigObject document, long version)
    {
        var built = _server.Build(document, version);
        Assert.Empty(built.Errors);
        Assert.True((await _server.PublishAsync(built.Snapshot!)).Applied);
    }

    private static ConfigObject Document(string name, string cluster, string address = "127.0.0.1:0", string more = "")
        => Requests.Node($$"""
        clusters:
        - {name: {{name}}, endpoints: [127.0.0.1:9]}
        {{(more.Length > 0 ? "- " + more : "")}}
        listeners:
        - name: {{name}}
          address: {{address}}
          stat_prefix: {{name}}
          filter_chains:
          - name: main
            filters:
            - name: http_connection_manager
              typed_config:
                stat_prefix: {{name}}
                http_filters:
                - {name: lua, typed_config: {inline_code: "function envoy_on_request(h) h:headers():add('x', '{{name}}') end"} }
                - {name: fault, typed_config: {abort: {percentage: {numerator: 1}, http_status: 503} } }
                - {name: router}
                route_config: {name: r, virtual_hosts: [{name: all, domains: ["*"], routes: [{match: {prefix: /}, route: {cluster: {{cluster}} } }]}]}
        """);
}
