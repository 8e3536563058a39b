using Managed.Proxy.Router.Matching;

namespace Managed.Proxy.Downstream.Listener;

/// <summary>[2] Chooses the filter chain of a connection: by <see cref="ChainTable"/>, else the default chain.</summary>
internal sealed class FilterChainMatcher(FilterChain[] chains, FilterChain? defaultChain, ChainTable table)
{
    /// <summary>The usual listener: nothing to choose.</summary>
    public FilterChain? Only { get; } = chains.Length == 1 && chains[0].Config.FilterChainMatch is null ? chains[0] : null;

    /// <summary>Null when the connection is to be closed.</summary>
    public FilterChain? Match(ConnectionFacts facts)
    {
        if (Only is not null) return Only;
        int found = table.Match(facts);
        return found >= 0 ? chains[found] : defaultChain;
    }

    /// <summary>The same, with what became of each chain.</summary>
    public FilterChain? Explain(ConnectionFacts facts, List<MatchStep> trace)
    {
        int found = table.Explain(facts, (chain, reason) => trace.Add(new MatchStep("filter_chain", chains[chain].Name, false, reason)));
        var chosen = found >= 0 ? chains[found] : defaultChain;
        if (chosen is not null)
            trace.Add(new MatchStep("filter_chain", chosen.Name, true, found >= 0 ? "all criteria match" : "default_filter_chain"));
        return chosen;
    }
}
