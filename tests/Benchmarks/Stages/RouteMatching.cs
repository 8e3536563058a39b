using BenchmarkDotNet.Attributes;
using Managed.Proxy;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Parsing;
using Managed.Proxy.Downstream.NetworkFilters.HttpConnectionManager;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Router;
using Managed.Proxy.Streams;
using Microsoft.Extensions.Logging.Abstractions;

namespace Managed.Benchmarks.Stages;

/// <summary>[6] The route of a request in a table of a hundred virtual hosts with twenty prefixes each.</summary>
[MemoryDiagnoser]
public class RouteMatching
{
    private readonly RouteTable _table = BuildTable();
    private readonly StreamInfo _info = new();
    private readonly HeaderMap _exact = Request("host42.example.test", "/p0/x"), _last = Request("host42.example.test", "/p19/x"),
        _wildcard = Request("a.wild42.test", "/p0/x");

    [Benchmark]
    public bool FirstRouteOfAHost() => _table.Match(_exact, _info, 0) is not null;

    [Benchmark]
    public bool LastRouteOfAHost() => _table.Match(_last, _info, 0) is not null;

    [Benchmark]
    public bool WildcardHost() => _table.Match(_wildcard, _info, 0) is not null;

    private static HeaderMap Request(string authority, string path)
    {
        var headers = new HeaderMap();
        headers.Add(":method", "GET");
        headers.Add(":authority", authority);
        headers.Add(":path", path);
        return headers;
    }

    private static RouteTable BuildTable()
    {
        string routes = string.Join(", ", Enumerable.Range(0, 20).Select(i => $"{{match: {{prefix: /p{i}/}}, route: {{cluster: up}}}}"));
        string hosts = string.Concat(Enumerable.Range(0, 100)
            .Select(i => $"  - {{name: h{i}, domains: [host{i}.example.test, '*.wild{i}.test'], routes: [{routes}]}}\n"));
        string yaml =
            $"clusters:\n- {{name: up, endpoints: ['127.0.0.1:1']}}\nlisteners:\n- name: edge\n  address: 127.0.0.1:0\n  "
                + $"virtual_hosts:\n{hosts}";
        var errors = new ConfigErrors();
        var document = (ConfigObject)ConfigParser.Parse(yaml, ConfigFormat.Yaml, "benchmark", errors)!;
        var built = new ProxyServer(new ProxyOptions { Workers = 1, LoggerFactory = NullLoggerFactory.Instance }).Build(document, 1);
        if (built.Snapshot is not { } snapshot) throw new InvalidOperationException(string.Join("; ", built.Errors));
        return ((HttpConnectionManagerFilter)snapshot.Listeners[0].Chains[0].Terminal).Manager.Routes!;
    }
}
