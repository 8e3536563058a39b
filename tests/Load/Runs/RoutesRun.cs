using System.Diagnostics;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Router;
using Managed.Proxy.Streams;

namespace Managed.Load.Runs;

/// <summary>Tables of many routes and domains, asked directly: what a match costs over one route, in the thread's CPU time.</summary>
internal static class RoutesRun
{
    private const int Requests = 1024, Rounds = 100;
    private const long LeastMicros = 2000; // of a round, so that the clock counts
    private static readonly StreamInfo Info = new();

    public static Task RunAsync(Arguments options, Verdict verdict)
    {
        int most = options.Count("count", 100_000, 10, 1_000_000), limit = options.Count("limit-ns", 2000, 1, 1_000_000);
        string only = options.Text("kind", "");
        WarmUp();
        foreach (var (kind, match, path) in Kinds.Where(k => k.Item1.StartsWith(only, StringComparison.Ordinal)))
        {
            double one = 0;
            foreach (int count in (int[])[1, 1000, most])
            {
                var table = Build(Hosts(count, match), out var took, out long bytes);
                var requests = Sample(count, i => Request("example.test", path(i)));
                foreach (var request in requests)
                    verdict.Expect(table.Match(request, Info, 0) is not null, $"{kind}: a path found no route");
                double cost = Cost(requests, r => table.Match(r, Info, 0));
                if (count == 1) one = cost;
                Report(verdict, kind, count, cost, one, took, bytes, limit);
            }
        }
        foreach (var (kind, domain, name) in Domains.Where(k => k.Item1.StartsWith(only, StringComparison.Ordinal)))
        {
            double one = 0;
            foreach (int count in (int[])[1, 1000, most])
            {
                var table = Build(HostOfEach(count, domain), out var took, out long bytes);
                var requests = Sample(count, i => Request(name(i), "/"));
                foreach (var request in requests)
                    verdict.Expect(table.Match(request, Info, 0) is not null, $"{kind}: a name found no host");
                double cost = Cost(requests, r => table.Match(r, Info, 0));
                if (count == 1) one = cost;
                Report(verdict, kind, count, cost, one, took, bytes, limit);
            }
        }
        if (only.Length > 0 && only != "chain") return Task.CompletedTask;
        Compare(verdict, "chain of 1,000 prefixes, longest first",
            Hosts(most, i => new RouteMatchConfig { Prefix = "/" + new string('a', 1000 - i % 1000) }));
        Compare(verdict, "chain of 1,000 prefixes, a header each",
            Hosts(most, i => new RouteMatchConfig { Prefix = "/" + new string('a', i % 1000), Headers = [Header(i)] }));
        Compare(verdict, "one prefix, a header each", Hosts(most, i => new RouteMatchConfig { Prefix = "/aaa", Headers = [Header(i)] }));
        return Task.CompletedTask;
    }

    private static readonly (string, Func<int, RouteMatchConfig>, Func<int, string>)[] Kinds =
    [
        ("paths", i => new RouteMatchConfig { Path = $"/api/v1/tenants/{i}/x" }, i => $"/api/v1/tenants/{i}/x?q=1"),
        ("prefixes", i => new RouteMatchConfig { Prefix = $"/api/v1/tenants/{i}/" }, i => $"/api/v1/tenants/{i}/orders?q=1"),
        ("prefixes by segment", i => new RouteMatchConfig { PathSeparatedPrefix = $"/api/v1/tenants/{i}" },
            i => $"/api/v1/tenants/{i}/orders"),
        ("prefixes without case", i => new RouteMatchConfig { Prefix = $"/Api/v1/Tenants/{i}/", CaseSensitive = false },
            i => $"/api/V1/tenants/{i}/orders"),
        ("expressions", i => new RouteMatchConfig { SafeRegex = new RegexMatcherConfig { Regex = $"/api/v1/tenants/{i}/[a-z]+" } },
            i => $"/api/v1/tenants/{i}/orders"),
        ("prefixes with a header", i => new RouteMatchConfig { Prefix = $"/api/v1/tenants/{i}/", Headers = [Header(1)] },
            i => $"/api/v1/tenants/{i}/orders"),
        ("long shared prefixes", i => new RouteMatchConfig { Prefix = $"/{new string('s', 200)}/{i}/" },
            i => $"/{new string('s', 200)}/{i}/orders"),
    ];

    private static readonly (string, Func<int, string>, Func<int, string>)[] Domains =
    [
        ("domains", i => $"host{i}.example.test", i => $"host{i}.example.test"),
        ("domains *.x", i => $"*.{new string('d', i % 200)}{i}.test", i => $"www.{new string('d', i % 200)}{i}.test"),
        ("domains x.*", i => $"host{i}.*", i => $"host{i}.example.test"),
    ];

    private static HeaderMatcherConfig Header(int i) => new() { Name = "x-pick", StringMatch = new StringMatcherConfig { Exact = $"{i}" } };

    private static VirtualHostConfig[] Hosts(int count, Func<int, RouteMatchConfig> match)
        => [Host("*", Enumerable.Range(0, count).Select(match))];

    private static VirtualHostConfig[] HostOfEach(int count, Func<int, string> domain)
        => [.. Enumerable.Range(0, count).Select(i => Host(domain(i), [new RouteMatchConfig { Prefix = "/" }]))];

    private static VirtualHostConfig Host(string domain, IEnumerable<RouteMatchConfig> matches) => new()
    {
        Name = domain, Domains = [domain], Routes =
            [.. matches.Select(m => new RouteConfig { Match = m, NonForwardingAction = new EmptyConfig() })],
    };

    private static RouteTable Build(VirtualHostConfig[] hosts, out TimeSpan took, out long bytes)
    {
        var errors = new ConfigErrors();
        var clusters = new Dictionary<string, Proxy.Upstream.Cluster>();
        var context = new RouteBuildContext
        {
            Errors = errors, Clusters = clusters, BuildFilter = static (_, _, _) => null,
        };
        long before = GC.GetTotalMemory(forceFullCollection: true), began = Stopwatch.GetTimestamp();
        var table = RouteTable.Build(new RouteConfigurationConfig { Name = "t", VirtualHosts = hosts }, context)
            ?? throw new InvalidOperationException(string.Join("; ", errors.Errors));
        took = Stopwatch.GetElapsedTime(began);
        bytes = GC.GetTotalMemory(forceFullCollection: true) - before;
        return table;
    }

    // Until everything that is measured is compiled as it stays.
    private static void WarmUp()
    {
        var tables = Kinds.Select(k => (Build(Hosts(1000, k.Item2), out _, out _), Sample(1000, i => Request("example.test", k.Item3(i)))))
            .Concat(Domains.Select(d => (Build(HostOfEach(1000, d.Item2), out _, out _), Sample(1000, i => Request(d.Item3(i), "/")))))
            .ToList();
        for (long began = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(began).TotalSeconds < 3;)
            foreach (var (table, requests) in tables) Cost(requests, r => table.Match(r, Info, 0));
    }

    private static HeaderMap Request(string authority, string path, int pick = 1)
    {
        var headers = new HeaderMap();
        headers.Add(":method", "GET");
        headers.Add(":authority", authority);
        headers.Add(":path", path);
        headers.Add("x-pick", $"{pick}");
        return headers;
    }

    // Spread over the table in no order, so that caches help no more than they would.
    private static HeaderMap[] Sample(int count, Func<int, HeaderMap> request)
    {
        var random = new Random(1);
        return [.. Enumerable.Range(0, Requests).Select(_ => request(random.Next(count)))];
    }

    // Nanoseconds for each, of the best round: others have the machine as well.
    private static double Cost(HeaderMap[] requests, Action<HeaderMap> match)
    {
        double least = double.MaxValue;
        long until = Stopwatch.GetTimestamp() + 2 * Stopwatch.Frequency;
        for (int round = 0, passes = 1; round < Rounds && (round < 5 || Stopwatch.GetTimestamp() < until); round++)
        {
            long began = Libc.ThreadCpuMicros();
            for (int pass = 0; pass < passes; pass++)
                foreach (var request in requests) match(request);
            long took = Libc.ThreadCpuMicros() - began;
            least = Math.Min(least, took * 1000.0 / passes / requests.Length);
            if (took >= LeastMicros || passes > 100_000) continue;
            passes *= 2;
            round--;
            least = double.MaxValue;
        }
        return least;
    }

    private static void Report(Verdict verdict, string kind, int count, double cost, double one, TimeSpan took, long bytes, int limit)
    {
        verdict.Say(
            $"{kind,-24} {count,7}: {cost,6:0} ns a match, {cost - one,6:0} over one; built in {took.TotalMilliseconds:0} ms, "
                + $"{bytes / count} bytes each");
        verdict.Expect(cost - one <= limit, $"{kind}: a match in {count} costs {cost - one:0} ns over one");
    }

    // Tables that an index helps little, against asking one route after another.
    private static void Compare(Verdict verdict, string kind, VirtualHostConfig[] hosts)
    {
        int count = hosts[0].Routes.Count;
        var table = Build(hosts, out var took, out long bytes);
        foreach (int pick in (int[])[0, 15, count / 100, count - 1])
        {
            HeaderMap[] requests = [Request("h", "/" + new string('a', 1200), pick)];
            double index = Cost(requests, r => table.Match(r, Info, 0)), plain = Cost(requests, r => table.MatchOneByOne(r, 0));
            verdict.Say(
                $"{kind}, {count} routes, the {pick}th matches: {index / 1000:0.0} µs, one by one {plain / 1000:0.0} µs; built in "
                    + $"{took.TotalMilliseconds:0} ms, {bytes / count} bytes each");
            verdict.Expect(index <= 2 * plain + 2000, $"{kind}: the index costs more than twice what it saves");
        }
    }
}
