using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Parsing;
using Managed.Proxy.Router;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Managed.Proxy.Tests;

/// <summary>
/// A version that is built on the one before is the same as one that is built on none, with the same errors; and what has not changed is
/// the same object.
/// </summary>
[Collection("heap")] // one of them looks at the heap of the process
public sealed class IncrementalBuildTests : IAsyncLifetime
{
    private const string Document = """
        listeners:
        - name: edge
          address: 127.0.0.1:0
          http_filters:
          - {name: header_mutation, typed_config: {mutations: {response_mutations: [{append: {header: {key: x-a, value: "1"}}}]}}}
          - {name: fault, typed_config: {upstream_cluster: new0, abort: {http_status: 503, percentage: {numerator: 1}}}}
          - {name: lua, typed_config: {inline_code: "function envoy_on_request(h) end"}}
          virtual_hosts:
          - name: api
            domains: [api.test, "*.api.test"]
            request_headers_to_add: [{header: {key: x-host, value: api}}]
            routes:
            - {name: r0, match: {prefix: /a}, route: {cluster: c0, timeout: 1s}}
            - {name: r1, match: {path: /b}, route: {cluster: c1}}
            - {name: r2, match: {safe_regex: {regex: "/c/[0-9]+"}}, route: {cluster: c2, prefix_rewrite: /d}}
            - {name: r3, match: {prefix: /w}, route: {weighted_clusters: {clusters: [{name: c0, weight: 1}, {name: c3, weight: 2}]}}}
            - {name: r4, match: {prefix: /h}, route: {cluster_header: x-cluster}}
            - {name: r5, match: {prefix: /f}, typed_per_filter_config: {header_mutation: {disabled: true}}, route: {cluster: c1}}
            - {name: r6, match: {prefix: /x, headers: [{name: x-y, string_match: {exact: z}}]}, redirect: {host_redirect: other.test}}
            - {name: r7, match: {prefix: /y}, direct_response: {status: 418, body: {inline_string: tea}}}
            - {name: r8, match: {prefix: /z}, route: {cluster: c2}}
            - name: r10
              match: {prefix: /m}
              typed_per_filter_config: {header_mutation: {mutations: {response_mutations: [{append: {header: {key: x-b, value: "2"}}}]}}}
              route: {cluster: c3}
            - name: r11
              match: {prefix: /l}
              typed_per_filter_config: {lua: {source_code: {inline_string: "function envoy_on_response(h) end"}}}
              route: {cluster: c1}
            - name: r12
              match: {prefix: /o}
              typed_per_filter_config: {fault: {upstream_cluster: new1, abort: {http_status: 503, percentage: {numerator: 1}}}}
              route: {cluster: c1}
            - {name: r9, match: {prefix: /}, route: {cluster: c3}}
          - {name: rest, domains: ["*"], routes: [{name: all, match: {prefix: /}, route: {cluster: c0}}]}
        - name: by-name
          address: 127.0.0.1:0
          route_config_name: shared
        - {name: tcp, address: "127.0.0.1:0", tcp_proxy: {cluster: c1}}
        - name: odd
          address: 127.0.0.1:0
          http_filters: [{name: fault, typed_config: {upstream_cluster: nowhere, abort: {http_status: 503, percentage: {numerator: 1}}}}]
          routes: [{match: {prefix: /}, route: {cluster: empty}}]
        route_configurations:
        - name: shared
          response_headers_to_add: [{header: {key: x-table, value: shared}}]
          virtual_hosts:
          - {name: v, domains: ["*"], routes: [{name: s0, match: {prefix: /s}, route: {cluster: c2}}, {name: s1, match: {prefix: /}, route: {cluster: c0}}]}
        clusters:
        - {name: c0, endpoints: ["127.0.0.1:9"]}
        - {name: c1, endpoints: ["127.0.0.1:9", "127.0.0.1:10"]}
        - {name: c2, endpoints: ["127.0.0.1:11"], lb_policy: RANDOM}
        - {name: c3, endpoints: ["127.0.0.1:12"], connect_timeout: 2s}
        - {name: empty}
        """;

    private readonly ProxyServer _server = new(new ProxyOptions { Workers = 1, LoggerFactory = NullLoggerFactory.Instance });
    private long _version;

    public async ValueTask InitializeAsync()
    {
        _server.Start();
        await PublishAsync(Parse());
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Theory]
    [InlineData(1, false)]
    [InlineData(2, false)]
    [InlineData(3, true)]
    [InlineData(4, true)]
    public async Task RandomEdits_GiveWhatAFullBuildGives(int seed, bool onDrafts)
    {
        var random = new Random(seed);
        int shared = 0, wrong = 0, told = 0, inLongForm = 0;
        var document = Parse();
        for (int i = 0; i < 40; i++)
        {
            var edited = document.Clone();
            for (int edits = random.Next(1, 4); edits > 0; edits--) Edit(edited, random);
            edited = onDrafts ? Draft(document, edited) : Parse(edited.ToYaml()); // what stays the same stands in other lines
            var (quick, full) = (_server.Build(edited, ++_version), _server.Build(edited, _version, null, null));
            string what = $"seed {seed}, edit {i}";
            Assert.Equal(full.Errors, quick.Errors);
            Assert.Equal(full.Warnings, quick.Warnings);
            told += quick.Warnings.Count;
            Assert.True(full.Snapshot is null == quick.Snapshot is null, what);
            if (quick.Snapshot is null)
            {
                wrong++;
                continue;
            }
            Assert.Equal(SnapshotDump.Of(full.Snapshot!), SnapshotDump.Of(quick.Snapshot));
            Assert.True(quick.Snapshot.ExpandedDocument.IsCopyOf(full.Snapshot!.ExpandedDocument), what);
            if (ReferenceEquals(quick.Snapshot.ExpandedDocument.Array("listeners")![0],
                _server.Current!.ExpandedDocument.Array("listeners")![0])) inLongForm++;
            full.Snapshot!.Dispose();
            if (quick.Snapshot.Clusters.Values.Any(c => _server.Current!.Clusters.GetValueOrDefault(c.Name) == c)) shared++;
            Assert.True((await _server.PublishAsync(quick.Snapshot)).Applied, what);
            document = edited;
            if (onDrafts) document.Seal();
        }
        Assert.True(shared > 20 && wrong > 0 && told > 60 && (inLongForm > 5 || !onDrafts),
            $"{shared} with something of the former version, {inLongForm} with its long form, {wrong} wrong, {told} warnings");
    }

    [Fact]
    public async Task WhatHasNotChanged_IsTheFormerVersions()
    {
        var former = _server.Current!;
        var edited = Parse();
        ((ConfigObject)edited.Array("clusters")![2]).Set("lb_policy", ConfigScalar.String("ROUND_ROBIN"));
        await PublishAsync(edited);

        var now = _server.Current!;
        foreach (string name in (string[])["c0", "c1", "c3"]) Assert.Same(former.Clusters[name], now.Clusters[name]);
        Assert.NotSame(former.Clusters["c2"], now.Clusters["c2"]);
        Assert.Same(Entry(former, "/a"), Entry(now, "/a"));
        Assert.Same(Entry(former, "/w"), Entry(now, "/w"));
        Assert.NotSame(Entry(former, "/z"), Entry(now, "/z"));
        Assert.Same(now.Clusters["c2"], Entry(now, "/z").Cluster);
        // What filters were built for a route stays too, unless the version has leased it.
        Assert.Same(Entry(former, "/m"), Entry(now, "/m"));
        Assert.NotSame(Entry(former, "/l"), Entry(now, "/l"));
    }

    [Fact]
    public async Task RouteThatMoves_IsTheSameOne_AndTheOrderIsTheNewOne()
    {
        var former = Entry(_server.Current!, "/a");
        var edited = Parse();
        var routes = Routes(edited);
        var (first, last) = (routes[0], routes[^1]);
        routes.RemoveAt(0);
        routes.Add(first);
        await PublishAsync(edited);
        Assert.Equal("r9", Entry(_server.Current!, "/a").Name); // the prefix / comes first now
        routes.RemoveAt(routes.Count - 1);
        routes.Insert(0, first);
        await PublishAsync(edited);
        Assert.Same(former, Entry(_server.Current!, "/a"));
        Assert.Same(last, routes[^1]);
    }

    [Fact]
    public async Task ManyVersionsOnEachOther_KeepNothingOfThoseBefore()
    {
        var document = Parse();
        var routes = Routes(document);
        for (int i = 0; i < 300; i++)
            routes.Insert(0, new ConfigObject().Set("name", ConfigScalar.String($"many{i}"))
                .Set("match", new ConfigObject().Set("prefix", ConfigScalar.String($"/many/{i}")))
                .Set("route", new ConfigObject().Set("cluster", ConfigScalar.String($"c{i % 4}"))));
        async Task<long> AfterAsync(int versions)
        {
            for (int i = 0; i < versions; i++)
            {
                ((ConfigObject)document.Array("clusters")![i % 4]).Set("connect_timeout", ConfigScalar.String($"{1 + i % 7}s"));
                await PublishAsync(document);
            }
            GC.Collect();
            GC.WaitForPendingFinalizers();
            return GC.GetTotalMemory(forceFullCollection: true);
        }
        long before = await AfterAsync(60), after = await AfterAsync(240);
        // One version of this document is half a megabyte; other tests run beside this one.
        Assert.True(after - before < 30 << 20, $"{(after - before) >> 10} KiB more after 240 versions");
    }

    // As calls on single resources edit: what they leave alone is the former document's.
    private static ConfigObject Draft(ConfigObject document, ConfigObject edited)
    {
        var draft = edited.Draft();
        foreach (var (name, _) in draft.Members.ToList())
            if (draft.Array(name) is { } now && document.Array(name) is { } before)
                for (int i = 0; i < now.Count && i < before.Count; i++)
                    if (now[i].SameAs(before[i])) now[i] = before[i];
        return draft;
    }

    private async Task PublishAsync(ConfigObject document)
    {
        var built = _server.Build(document.Clone(), ++_version);
        Assert.Empty(built.Errors);
        Assert.True((await _server.PublishAsync(built.Snapshot!)).Applied);
    }

    private static RouteEntry Entry(Snapshot snapshot, string path)
    {
        var request = new Proxy.Http.Headers.HeaderMap();
        request.Add(":method", "GET");
        request.Add(":authority", "api.test");
        request.Add(":path", path);
        var manager =
            (Proxy.Downstream.NetworkFilters.HttpConnectionManager.HttpConnectionManagerFilter)snapshot.Listeners[0].Chains[0].Terminal;
        return manager.Manager.Routes!.Match(request, new Proxy.Streams.StreamInfo(), 0)!;
    }

    private static ConfigObject Parse(string text = Document)
        => (ConfigObject)ConfigParser.Parse(text, ConfigFormat.Yaml, "document", new ConfigErrors())!;

    private static ConfigArray Routes(ConfigObject document, int host = 0)
        => ((ConfigObject)((ConfigObject)document.Array("listeners")![0]).Array("virtual_hosts")![host]).Array("routes")!;

    private static void Edit(ConfigObject document, Random random)
    {
        var (clusters, routes) = (document.Array("clusters")!, Routes(document));
        var table = (ConfigObject)document.Array("route_configurations")![0];
        ConfigObject Route() => (ConfigObject)routes[random.Next(routes.Count)];
        ConfigObject Cluster() => (ConfigObject)clusters[random.Next(clusters.Count)];
        ConfigScalar Text(string text) => ConfigScalar.String(text);
        switch (random.Next(16))
        {
            case 0: Cluster().Set("connect_timeout", Text($"{random.Next(1, 5)}s")); break;
            case 1: Cluster().Set("endpoints", new ConfigArray().Add(Text($"127.0.0.1:{random.Next(1, 100)}"))); break;
            // may be there already
            case 2: clusters.Add(new ConfigObject().Set("name", Text($"new{random.Next(4)}"))
                .Set("endpoints", new ConfigArray().Add(Text("127.0.0.1:9")))); break;
            case 3: if (clusters.Count > 5) clusters.RemoveAt(random.Next(5, clusters.Count)); break;
            case 4: if (Route().Object("route") is { } action) action.Set("timeout", Text($"{random.Next(1, 9)}s")); break;
            case 5: if (Route().Object("match") is { } match && match.Has("prefix"))
                match.Set("prefix", Text($"/{(char)('a' + random.Next(26))}")); break;
            case 6:
                var moved = routes[random.Next(routes.Count)];
                routes.RemoveAt(Enumerable.Range(0, routes.Count).First(i => ReferenceEquals(routes[i], moved)));
                routes.Insert(random.Next(routes.Count + 1), moved);
                break;
            case 7:
                var copy = Route().Clone().Set("name", Text($"copy{random.Next(5)}"));
                routes.Insert(random.Next(routes.Count + 1), copy);
                break;
            case 8: if (routes.Count > 6) routes.RemoveAt(random.Next(routes.Count)); break;
            case 9: table.Set("response_headers_to_add",
                new ConfigArray().Add(new ConfigObject()
                    .Set("header", new ConfigObject().Set("key", Text("x-t")).Set("value", Text($"{random.Next(9)}"))))); break;
            case 10: ((ConfigObject)table.Array("virtual_hosts")![0]).Set("require_tls", Text(random.Next(2) == 0 ? "NONE" : "ALL")); break;
            case 11: if (Route().Object("route") is { } wrong && wrong.Has("cluster"))
                wrong.Set("cluster", Text(random.Next(2) > 0 ? $"c{random.Next(4)}" : "nowhere")); break;
            case 12: Cluster().Remove("endpoints"); break; // a warning
            case 13: if (Route().Object("match") is { } regex && regex.Has("safe_regex"))
                regex.Set("safe_regex", new ConfigObject().Set("regex", Text(random.Next(2) == 0 ? "/q(" : "/q+"))); break;
            // without a name
            case 14: Routes(document, 1).Insert(0, new ConfigObject()
                .Set("match", new ConfigObject().Set("prefix", Text($"/n{random.Next(9)}")))
                    .Set("route", new ConfigObject().Set("cluster", Text("c1")))); break;
            default: ((ConfigObject)document.Array("listeners")![0]).Set("stat_prefix", Text($"edge{random.Next(3)}")); break;
        }
    }
}
