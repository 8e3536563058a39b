using System.Net;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;

namespace Managed.Proxy.Downstream.Listener;

/// <summary>Checks what the chains of a listener ask for, and compiles it. On the control thread.</summary>
internal static class ChainCriteria
{
    public static ChainTable Compile(ListenerConfig listener, ConfigErrors errors)
    {
        foreach (var chain in listener.FilterChains) Check(chain.FilterChainMatch, errors);
        if (listener.DefaultFilterChain?.FilterChainMatch is { } match)
            errors.Error(match.Node, ConfigCode.InvalidValue,
                "default_filter_chain is for what no other chain matches: it has no criteria of its own");
        var table = new ChainTable([.. listener.FilterChains.Select(c => c.FilterChainMatch)]);
        foreach (var (first, second) in table.Conflicts)
            errors.Error(listener.FilterChains[second].Node, ConfigCode.Conflict,
                $"filter chains '{listener.FilterChains[first].Name}' and '{listener.FilterChains[second].Name}' match the same "
                    + $"connections");
        if (table.IsTooLarge)
            errors.ErrorAt(listener.Node, "filter_chains", ConfigCode.InvalidValue,
                "the criteria of the chains make too many combinations");
        return table;
    }

    /// <summary>
    /// Whether what a ClientHello says is asked for. A chain for raw_buffer alone asks for nothing: that is what is assumed.
    /// </summary>
    public static bool AskForTls(FilterChainMatchConfig? match)
        => match is not null && (match.TransportProtocol == ConnectionFacts.Tls
            || (match.TransportProtocol.Length == 0 && (match.ServerNames.Count > 0 || match.ApplicationProtocols.Count > 0)));

    private static void Check(FilterChainMatchConfig? match, ConfigErrors errors)
    {
        if (match is null) return;
        foreach (var range in match.PrefixRanges.Concat(match.SourcePrefixRanges).Concat(match.DirectSourcePrefixRanges))
            if (!IPAddress.TryParse(range.AddressPrefix, out _))
                errors.ErrorAt(range.Node, "address_prefix", ConfigCode.InvalidValue, $"'{range.AddressPrefix}' is not an IP address");
        foreach (string name in match.ServerNames)
            if (name.Length == 0 || name.AsSpan(name.StartsWith("*.", StringComparison.Ordinal) ? 2 : 0) is var rest
                && (rest.IsEmpty || rest.Contains('*')))
                errors.ErrorAt(match.Node, "server_names", ConfigCode.InvalidValue, $"'{name}' is no server name",
                    "write www.example.com, or *.example.com for every name below");
        if (match.TransportProtocol is not ("" or ConnectionFacts.RawBuffer or ConnectionFacts.Tls))
            errors.ErrorAt(match.Node, "transport_protocol", ConfigCode.InvalidValue,
                $"'{match.TransportProtocol}' is no transport protocol", "raw_buffer or tls");
    }
}
