using BenchmarkDotNet.Attributes;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Router;
using Managed.Proxy.Streams;
using Managed.Proxy.Upstream;

namespace Managed.Benchmarks.Stages;

/// <summary>[6] The route of a request among many of one virtual host: the cost over one route is what the index of paths takes.</summary>
[MemoryDiagnoser]
public class ManyRoutes
{
    private const int Requests = 256;
    private readonly StreamInfo _info = new();
    private RouteTable _table = null!;
    private HeaderMap[] _requests = [];

    [Params(1, 1000, 100_000)]
    public int Routes;

    [Params("path", "prefix", "prefix without case", "expression")]
    public string Kind = "";

    [GlobalSetup]
    public void Build()
    {
        var errors = new ConfigErrors();
        var routes = Enumerable.Range(0, Routes).Select(i => new RouteConfig { Match = Match(i), NonForwardingAction = new EmptyConfig() });
        var host = new VirtualHostConfig { Name = "all", Domains = ["*"], Routes = [.. routes] };
        _table = RouteTable.Build(new RouteConfigurationConfig { Name = "t", VirtualHosts = [host] }, new RouteBuildContext
        {
            Errors = errors, Clusters = new Dictionary<string, Cluster>(), BuildFilter = static (_, _, _) => null,
        }) ?? throw new InvalidOperationException(string.Join("; ", errors.Errors));
        var random = new Random(1);
        _requests = [.. Enumerable.Range(0, Requests).Select(_ => Request(random.Next(Routes)))];
    }

    /// <summary>One by one over the table, in no order.</summary>
    [Benchmark(OperationsPerInvoke = Requests)]
    public int Find()
    {
        int found = 0;
        foreach (var request in _requests)
            if (_table.Match(request, _info, 0) is not null) found++;
        return found;
    }

    private RouteMatchConfig Match(int i) => Kind switch
    {
        "path" => new RouteMatchConfig { Path = $"/api/{i}/orders" },
        "prefix" => new RouteMatchConfig { Prefix = $"/api/{i}/" },
        "prefix without case" => new RouteMatchConfig { Prefix = $"/Api/{i}/", CaseSensitive = false },
        _ => new RouteMatchConfig { SafeRegex = new RegexMatcherConfig { Regex = $"/api/{i}/[a-z]+" } },
    };

    private static HeaderMap Request(int i)
    {
        var headers = new HeaderMap();
        headers.Add(":method", "GET");
        headers.Add(":authority", "example.test");
        headers.Add(":path", $"/api/{i}/orders");
        return headers;
    }
}
