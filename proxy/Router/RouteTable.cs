using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Router.Matching;
using Managed.Proxy.Router.RateLimits;
using Managed.Proxy.Router.Trees;
using Managed.Proxy.Streams;
using Managed.Proxy.Streams.Formatting;
using Managed.Proxy.Upstream;
using Managed.Proxy.Upstream.Retries;

namespace Managed.Proxy.Router;

/// <summary>
/// [6] A compiled route configuration of one version: virtual hosts by domain, routes in order. Immutable, shared by all workers.
/// </summary>
public sealed class RouteTable
{
    private readonly Domains _domains;
    private readonly RouteConfigurationConfig _config;
    private readonly VirtualHost[] _hosts;
    private readonly byte[][] _internalHeaders;

    private RouteTable(RouteConfigurationConfig config, Domains domains, VirtualHost[] hosts)
    {
        _config = config;
        _domains = domains;
        _hosts = hosts;
        TakesConnect = Array.Exists(hosts, h => h.TakesConnect);
        _internalHeaders = [.. config.InternalOnlyHeaders.Select(n => Encoding.UTF8.GetBytes(n.ToLowerInvariant()))];
    }

    /// <summary>Some of its routes are for CONNECT; otherwise nobody may ask for it.</summary>
    public bool TakesConnect { get; }

    public string Name => _config.Name;

    /// <summary>Takes what internal requests alone may have from one that is none.</summary>
    public void StripInternal(HeaderMap request)
    {
        foreach (byte[] name in _internalHeaders) request.Remove(name);
    }

    /// <summary>
    /// Compiles on the control thread. Null when something is wrong; everything that is wrong is in the context's errors: unknown
    /// clusters (UNKNOWN_REFERENCE), broken expressions and formats (INVALID_VALUE), a domain given twice (DUPLICATE_NAME).
    /// </summary>
    public static RouteTable? Build(RouteConfigurationConfig config, RouteBuildContext context)
    {
        var errors = context.Errors;
        int errorsBefore = errors.Count;
        var clusters = new Lazy<Dictionary<byte[], Cluster>>(() =>
        {
            var byName = new Dictionary<byte[], Cluster>(context.Clusters.Count, ByteKeys.Comparer);
            foreach (var (name, cluster) in context.Clusters) byName[Encoding.UTF8.GetBytes(name)] = cluster;
            return byName;
        }, isThreadSafe: false);
        var level = new Level(
            HeaderMutations.Build(config.RequestHeadersToAdd, config.RequestHeadersToRemove, errors,
                Place.Of(config, "request_headers_to_remove")),
            HeaderMutations.Build(config.ResponseHeadersToAdd, config.ResponseHeadersToRemove, errors,
                Place.Of(config, "response_headers_to_remove")));
        HeaderMutations.Build([], config.InternalOnlyHeaders, errors, Place.Of(config, "internal_only_headers")); // their names are checked
        var scope = new RouteScope(config, "", RouteFilters.None.With(config.TypedPerFilterConfig, context, config.Name), [level], clusters,
            context)
        {
            Mirrors = MirrorPolicy.Build(config.RequestMirrorPolicies, context, clusters),
        };
        var domains = new Domains(config.IgnorePortInHostMatching);
        // What routes inherit from the table has to be the same for them to be.
        var former = context.Former is { } table && SameBut("virtual_hosts", table._config, config) ? table._hosts : [];
        var counted = context.Former?._hosts ?? [];
        var hosts = new VirtualHost[config.VirtualHosts.Count];
        for (int h = 0; h < hosts.Length; h++)
        {
            var host = config.VirtualHosts[h];
            var before = h < counted.Length && counted[h].Name == host.Name ? counted[h]
                : Array.Find(counted, f => f.Name == host.Name);
            var built = hosts[h] = BuildHost(host, scope with { Counted = before }, former.Length > 0 ? before : null);
            for (int i = 0; i < host.Domains.Count; i++)
            {
                if (domains.TryAdd(host.Domains[i], built, out string? wrong)) continue;
                var at = Place.Of(host, "domains") is ConfigArray list && i < list.Count ? list[i] : host.Node;
                if (wrong is null)
                    errors.Error(at, ConfigCode.DuplicateName,
                        $"domain '{host.Domains[i]}' is given twice in route configuration '{config.Name}'");
                else errors.Error(at, ConfigCode.InvalidValue, wrong);
            }
        }
        domains.Complete();
        return errors.Count == errorsBefore && !config.HasErrors ? new RouteTable(config, domains, hosts) : null;
    }

    /// <summary>
    /// The entry of a request by <c>:authority</c>, <c>:path</c> and headers; null when none matches. On a worker; allocates nothing.
    /// </summary>
    /// <param name="request">The request as it is now.</param>
    /// <param name="info">Of the stream.</param>
    /// <param name="random">Decides on weights and fractions: the same number gives the same entry.</param>
    public RouteEntry? Match(HeaderMap request, StreamInfo info, ulong random)
        => _domains.Find(request.Get(HeaderId.Authority))?.Match(request, info, random);

    /// <summary>What its routes have answered.</summary>
    internal IEnumerable<RouteCounts> Counts => _hosts.SelectMany(h => h.Counts).Distinct();

    /// <summary>What <see cref="Match"/> has to find, by asking the routes one after another.</summary>
    internal RouteEntry? MatchOneByOne(HeaderMap request, ulong random)
        => _domains.Find(request.Get(HeaderId.Authority))?.MatchOneByOne(request, random);

    /// <summary>
    /// <see cref="Match"/> that says why routes before the match lost: of at most a hundred of them, those that lost by their path alone
    /// being half.
    /// </summary>
    public RouteEntry? Explain(HeaderMap request, StreamInfo info, ulong random, List<MatchStep> steps)
    {
        string authority = Encoding.UTF8.GetString(request.Get(HeaderId.Authority));
        if (_domains.Find(request.Get(HeaderId.Authority)) is not { } host)
        {
            steps.Add(new MatchStep("virtual_host", "", false, $"no domain of '{Name}' matches '{authority}'"));
            return null;
        }
        steps.Add(new MatchStep("virtual_host", host.Name, true, $"most specific domain for '{authority}'"));
        var entry = host.Explain(request, info, random, steps);
        if (entry is null) steps.Add(new MatchStep("route", "", false, $"no route of virtual host '{host.Name}' matches"));
        return entry;
    }

    // All members are the same but this one.
    private static bool SameBut(string member, ConfigRecord one, ConfigRecord other)
    {
        if (one.Node is not ConfigObject a || other.Node is not ConfigObject b || a.Count != b.Count) return false;
        for (int i = 0; i < a.Count; i++)
            if (a.Members[i].Key != b.Members[i].Key || (a.Members[i].Key != member && !a.Members[i].Value.IsCopyOf(b.Members[i].Value)))
                return false;
        return true;
    }

    private static VirtualHost BuildHost(VirtualHostConfig config, RouteScope table, VirtualHost? former)
    {
        var context = table.Context;
        var level = new Level(
            HeaderMutations.Build(config.RequestHeadersToAdd, config.RequestHeadersToRemove, context.Errors,
                Place.Of(config, "request_headers_to_remove")),
            HeaderMutations.Build(config.ResponseHeadersToAdd, config.ResponseHeadersToRemove, context.Errors,
                Place.Of(config, "response_headers_to_remove")));
        var scope = table with
        {
            VirtualHost = config.Name,
            VirtualHostMetadata = config.Metadata?.FilterMetadata,
            Host = config,
            Retries = RetryPolicyBuilder.Build(config.RetryPolicy, context.Errors),
            Mirrors = MirrorPolicy.Build(config.RequestMirrorPolicies, context, table.ClustersByName) is { Length: > 0 } own
                ? own : table.Mirrors,
            RateLimits = RateLimitPolicy.Build(config.RateLimits, context.Errors) ?? RateLimitPolicy.None,
            Cors = config.Cors is { } policy && CorsPolicy.Build(policy, context.Errors) is { } cors ? [cors] : [],
            Filters = table.Filters.With(config.TypedPerFilterConfig, context, $"{table.Table.Name}/{config.Name}"),
            Levels = [level, .. table.Levels],
        };
        if (former is not null && !SameBut("routes", former.Config, config)) former = null;
        var routes = new List<CompiledRoute>(config.Routes.Count);
        for (int i = 0; i < config.Routes.Count; i++)
            if (CompiledRoute.Compile(config.Routes[i], i, scope, former?.Find(config.Routes[i], i)) is { } route) routes.Add(route);
        return config.Matcher is null ? new VirtualHost(config, table.Table.Name, [.. routes], former) : ByMatcher(config, scope);
    }

    private static VirtualHost ByMatcher(VirtualHostConfig config, RouteScope scope)
    {
        var errors = scope.Context.Errors;
        var all = new List<CompiledRoute>();
        if (config.Routes.Count > 0)
            errors.ErrorAt(config.Node, "matcher", ConfigCode.Conflict, "only one of these may be given: routes, matcher");
        var tree = new MatchTreeBuilder<CompiledRoute[]>(errors, MatchPhases.Connection | MatchPhases.Request, (type, typed) => type switch
        {
            "envoy.config.route.v3.Route" => ConfigBinder.Bind<RouteConfig>(typed, errors) is { } route ? Compile([route]) : null,
            "envoy.config.route.v3.RouteList" => ConfigBinder.Bind<RouteListConfig>(typed, errors) is { } list
                ? Compile(list.Routes) : null,
            _ => Unknown(type, typed),
        }).Build(config.Matcher!);
        return new VirtualHost(config, scope.Table.Name, [.. all], null, tree);

        CompiledRoute[] Compile(IReadOnlyList<RouteConfig> routes)
        {
            int from = all.Count;
            foreach (var route in routes)
                if (CompiledRoute.Compile(route, all.Count, scope, null) is { } compiled) all.Add(compiled);
            return [.. all.Skip(from)];
        }

        CompiledRoute[]? Unknown(string type, ConfigObject typed)
        {
            errors.ErrorAt(typed, "@type", ConfigCode.UnknownExtension, $"the action '{type}' is not available here",
                "envoy.config.route.v3.Route or envoy.config.route.v3.RouteList");
            return null;
        }
    }
}
