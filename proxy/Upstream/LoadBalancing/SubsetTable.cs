using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Core;
using Managed.Proxy.Upstream.Endpoints;

namespace Managed.Proxy.Upstream.LoadBalancing;

/// <summary>
/// The endpoints of a cluster divided by their metadata (Envoy: lb_subset_config): for each selector a subset of those that have the same
/// values under its keys. Immutable; found by one look-up.
/// </summary>
internal sealed class SubsetTable
{
    // A list is as many values as it has elements, and lists under several keys multiply.
    private const int MostOfAnEndpoint = 64;

    private readonly Dictionary<string, EndpointSet> _subsets = [];
    private readonly Dictionary<string, Selector> _selectors = [];
    private readonly LbSubsetConfig _config;
    private readonly ClusterState _state;
    private readonly EndpointSet _all;
    private readonly EndpointSet? _default;
    [ThreadStatic] private static SubsetCriteria? t_fewer;

    /// <param name="all">All endpoints of the cluster.</param>
    /// <param name="make">A set of some of them.</param>
    public SubsetTable(LbSubsetConfig config, ClusterState state, IReadOnlyList<EndpointMember> members, EndpointSet all,
        Func<IReadOnlyList<EndpointMember>, EndpointSet> make)
    {
        (_config, _state, _all) = (config, state, all);
        foreach (var selector in config.SubsetSelectors)
        {
            string[] keys = [.. selector.Keys.Distinct().Order(StringComparer.Ordinal)];
            _selectors.TryAdd(string.Concat(keys.Select(k => k + '\u0001')), new Selector(selector.FallbackPolicy,
                [.. selector.FallbackKeysSubset]));
            var groups = new Dictionary<string, List<EndpointMember>>();
            foreach (var member in members)
                foreach (string name in NamesOf(member, keys, config.ListAsAny))
                {
                    if (!groups.TryGetValue(name, out var group)) groups[name] = group = [];
                    else if (selector.SingleHostPerSubset)
                    {
                        Duplicates++;
                        continue;
                    }
                    group.Add(member);
                }
            foreach (var (name, group) in groups) _subsets.TryAdd(name, make(group));
        }
        if (config.FallbackPolicy == LbSubsetFallbackPolicy.DefaultSubset
            || config.SubsetSelectors.Any(s => s.FallbackPolicy == LbSubsetSelectorFallbackPolicy.DefaultSubset))
            _default = make([.. members.Where(m => Has(m, config.DefaultSubset))]);
    }

    public int Count => _subsets.Count;
    /// <summary>Endpoints that a selector with single_host_per_subset has no place for.</summary>
    public int Duplicates { get; }

    private static bool Has(in EndpointMember member, ConfigObject? wanted)
    {
        foreach (var (key, value) in wanted?.Members ?? [])
            if (member.LbMetadata?[key] is not { } given || !value.SameAs(given)) return false;
        return true;
    }

    private static IEnumerable<string> NamesOf(EndpointMember member, string[] keys, bool listAsAny)
    {
        IEnumerable<string> names = [""];
        foreach (string key in keys)
        {
            if (member.LbMetadata?[key] is not { } value) return [];
            IEnumerable<ConfigNode> values = listAsAny && value is ConfigArray list ? list : [value];
            names = names.SelectMany(n => values.Select(v => $"{n}{key}\u0001{SubsetCriteria.TextOf(v)}\u0002"));
        }
        return names.Distinct().Take(MostOfAnEndpoint);
    }

    /// <summary>The endpoint of a request; null: there is none for it. What is asked for and how is in the context.</summary>
    public Endpoint? Pick(LoadBalancer balancer, WorkerContext worker, in PickContext pick, int attempt, UInt128 tried)
    {
        var asked = pick.Criteria;
        var fallback = _config.FallbackPolicy;
        while (asked is { Count: > 0 })
        {
            if (_subsets.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(asked.Text, out var subset)
                && balancer.Pick(subset, worker, pick.Hash, attempt, tried) is { } found)
            {
                worker.Stats.Increment(_state.Stats.SubsetsSelected);
                return found;
            }
            if (!_selectors.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(asked.Keys, out var selector)
                || selector.Fallback == LbSubsetSelectorFallbackPolicy.NotDefined) break;
            if (selector.Fallback != LbSubsetSelectorFallbackPolicy.KeysSubset)
            {
                fallback = Of(selector.Fallback);
                break;
            }
            // Each time there are fewer keys: the build has seen to it.
            var fewer = t_fewer ??= new SubsetCriteria();
            fewer.Keep(asked, selector.FallbackKeys);
            asked = fewer;
        }
        var set = fallback switch
        {
            LbSubsetFallbackPolicy.AnyEndpoint => _all,
            LbSubsetFallbackPolicy.DefaultSubset => _default,
            _ => null,
        };
        if (set is not null && balancer.Pick(set, worker, pick.Hash, attempt, tried) is { } other)
        {
            worker.Stats.Increment(_state.Stats.SubsetsFallback);
            return other;
        }
        if (!_config.PanicModeAny || balancer.Pick(_all, worker, pick.Hash, attempt, tried) is not { } any) return null;
        worker.Stats.Increment(_state.Stats.SubsetsFallbackPanic);
        return any;
    }

    private static LbSubsetFallbackPolicy Of(LbSubsetSelectorFallbackPolicy policy) => policy switch
    {
        LbSubsetSelectorFallbackPolicy.AnyEndpoint => LbSubsetFallbackPolicy.AnyEndpoint,
        LbSubsetSelectorFallbackPolicy.DefaultSubset => LbSubsetFallbackPolicy.DefaultSubset,
        _ => LbSubsetFallbackPolicy.NoFallback,
    };

    private sealed record Selector(LbSubsetSelectorFallbackPolicy Fallback, string[] FallbackKeys);
}
