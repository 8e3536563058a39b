using System.Net;
using System.Net.Sockets;
using Managed.Proxy.Configuration.Model;

namespace Managed.Proxy.Downstream.Listener;

/// <summary>
/// The criteria of a listener's chains, compiled: Envoy's nine steps in its order (destination port and address, server name, transport,
/// application protocol, direct source, source type, source address and port). At each step the most specific value that matches wins, and
/// the chains without it are out, even when a later step then leaves none. Immutable; a look-up allocates nothing.
/// </summary>
internal sealed class ChainTable
{
    // What no document needs: each is a combination of values for which chains differ.
    private const int MaxNodes = 100_000;

    private static readonly string[] StepNames =
    [
        "destination_port", "prefix_ranges", "server_names", "transport_protocol", "application_protocols", "direct_source_prefix_ranges",
        "source_type",
        "source_prefix_ranges", "source_ports",
    ];

    private readonly FilterChainMatchConfig[] _criteria;
    private readonly Dictionary<(int Step, string Chains), ChainNode?> _nodes = [];
    private readonly HashSet<(int, int)> _conflicts = [];
    private readonly ChainNode? _root;

    public ChainTable(IReadOnlyList<FilterChainMatchConfig?> criteria)
    {
        _criteria = [.. criteria.Select(c => c ?? new FilterChainMatchConfig())];
        _root = _criteria.Length == 0 ? null : Compile(0, [.. Enumerable.Range(0, _criteria.Length)]);
        _nodes.Clear();
    }

    /// <summary>Pairs of chains that are for the same connections: the second of them could never be chosen.</summary>
    public IEnumerable<(int First, int Second)> Conflicts => _conflicts.Order();
    /// <summary>The values of the chains make more combinations than are kept.</summary>
    public bool IsTooLarge { get; private set; }

    /// <summary>The chain for a connection, by its place in the list; -1 when none is.</summary>
    public int Match(ConnectionFacts facts)
    {
        var node = _root;
        while (node is { Step: < ChainNode.Leaf }) node = node.Next(facts);
        return node?.Chain ?? -1;
    }

    /// <summary>As <see cref="Match"/>, and tells of each chain by which step it went out.</summary>
    public int Explain(ConnectionFacts facts, Action<int, string> dropped)
    {
        var left = Enumerable.Range(0, _criteria.Length).ToList();
        var node = _root;
        while (node is { Step: < ChainNode.Leaf } at)
        {
            node = at.Next(facts);
            foreach (int chain in left.ToList())
            {
                if (node is not null && Array.IndexOf(node.Chains, chain) >= 0) continue;
                bool matches = new ChainTable(_criteria[chain], at.Step)._root?.Next(facts) is not null;
                dropped(chain, matches ? $"{StepNames[at.Step]} of another chain is more specific"
                    : $"{StepNames[at.Step]} does not match");
                left.Remove(chain);
            }
        }
        return node?.Chain ?? -1;
    }

    // One step of one chain alone.
    private ChainTable(FilterChainMatchConfig criteria, int step)
    {
        _criteria = [criteria];
        _root = new ChainNode(step, [0]);
        Fill(_root, static (_, chains) => new ChainNode(ChainNode.Leaf, chains));
    }

    private ChainNode? Compile(int step, int[] chains)
    {
        while (step < ChainNode.Leaf && !Array.Exists(chains, c => Asks(_criteria[c], step))) step++;
        var key = (step, string.Join(',', chains));
        if (_nodes.TryGetValue(key, out var known)) return known;
        if (_nodes.Count >= MaxNodes) { IsTooLarge = true; return null; }
        var node = new ChainNode(step, chains);
        _nodes[key] = node;
        if (step < ChainNode.Leaf) Fill(node, Compile);
        else
            for (int i = 1; i < chains.Length; i++) _conflicts.Add((chains[0], chains[i]));
        return node;
    }

    private void Fill(ChainNode node, Func<int, int[], ChainNode?> below)
    {
        var byValue = new Dictionary<object, List<int>>();
        var any = new List<int>();
        foreach (int chain in node.Chains)
        {
            if (!Asks(_criteria[chain], node.Step)) { any.Add(chain); continue; }
            foreach (object value in Values(_criteria[chain], node.Step).Distinct())
            {
                if (!byValue.TryGetValue(value, out var chains)) byValue[value] = chains = [];
                chains.Add(chain);
            }
        }
        foreach (var (value, chains) in byValue)
            if (below(node.Step + 1, [.. chains]) is { } next) node.Add(value, next);
        if (any.Count > 0) node.Any = below(node.Step + 1, [.. any]);
    }

    private static bool Asks(FilterChainMatchConfig match, int step) => step switch
    {
        0 => match.DestinationPort is not null,
        1 => match.PrefixRanges.Count > 0,
        2 => match.ServerNames.Count > 0,
        3 => match.TransportProtocol.Length > 0,
        4 => match.ApplicationProtocols.Count > 0,
        5 => match.DirectSourcePrefixRanges.Count > 0,
        6 => match.SourceType != ConnectionSourceType.Any,
        7 => match.SourcePrefixRanges.Count > 0,
        _ => match.SourcePorts.Count > 0,
    };

    private static IEnumerable<object> Values(FilterChainMatchConfig match, int step) => step switch
    {
        0 => [match.DestinationPort!.Value],
        1 => Ranges(match.PrefixRanges),
        2 => match.ServerNames.Select(n => n.ToLowerInvariant()),
        3 => [match.TransportProtocol],
        4 => match.ApplicationProtocols,
        5 => Ranges(match.DirectSourcePrefixRanges),
        6 => [match.SourceType],
        7 => Ranges(match.SourcePrefixRanges),
        _ => match.SourcePorts.Select(p => (object)p),
    };

    // What is no address was told of before; here it matches nothing.
    private static IEnumerable<object> Ranges(IReadOnlyList<CidrRangeConfig> ranges)
    {
        foreach (var range in ranges)
            if (IPAddress.TryParse(range.AddressPrefix, out var prefix)) yield return AddressRange.Of(prefix, range.PrefixLen);
    }
}

/// <summary>A step of the choice for the chains that are left: what they ask for, and the next step for each answer.</summary>
internal sealed class ChainNode(int step, int[] chains)
{
    /// <summary>The step after the last: the chain is chosen.</summary>
    public const int Leaf = 9;

    private Dictionary<int, ChainNode>? _numbers;
    private Dictionary<string, ChainNode>? _texts;
    private Dictionary<string, ChainNode>.AlternateLookup<ReadOnlySpan<char>> _ends; // names below a wildcard's dot
    private Dictionary<string, ChainNode>? _wildcards;
    private AddressTable? _addresses;
    private ChainNode? _here, _elsewhere;

    public int Step { get; } = step;
    /// <summary>Those that are left, by their places in the list.</summary>
    public int[] Chains { get; } = chains;
    public int Chain => Chains[0];
    /// <summary>For the chains that do not ask.</summary>
    public ChainNode? Any { get; set; }

    public void Add(object value, ChainNode next)
    {
        switch (value)
        {
            case int number: (_numbers ??= [])[number] = next; break;
            case AddressRange range: (_addresses ??= new AddressTable()).Add(range, next); break;
            case ConnectionSourceType type: if (type == ConnectionSourceType.External) _elsewhere = next; else _here = next; break;
            case string text when Step == 2 && text.StartsWith("*.", StringComparison.Ordinal):
                _wildcards ??= new Dictionary<string, ChainNode>(StringComparer.Ordinal);
                _wildcards[text[2..]] = next;
                _ends = _wildcards.GetAlternateLookup<ReadOnlySpan<char>>();
                break;
            case string text: (_texts ??= new Dictionary<string, ChainNode>(StringComparer.Ordinal))[text] = next; break;
        }
    }

    public ChainNode? Next(ConnectionFacts facts) => (Step switch
    {
        0 => facts.Local is { } local ? Number(local.Port) : null,
        1 => Address(facts.Local),
        2 => Name(facts.ServerName),
        3 => Text(facts.TransportProtocol),
        4 => Protocol(facts.ApplicationProtocols),
        5 => Address(facts.DirectSource),
        6 => IsHere(facts) ? _here : _elsewhere,
        7 => Address(facts.Source),
        _ => facts.Source is { } source ? Number(source.Port) : null,
    }) ?? Any;

    private ChainNode? Number(int number) => _numbers is not null && _numbers.TryGetValue(number, out var next) ? next : null;

    private ChainNode? Text(string text) => _texts is not null && _texts.TryGetValue(text, out var next) ? next : null;

    private ChainNode? Address(IPEndPoint? endPoint) => endPoint is null ? null : _addresses?.Find(endPoint.Address);

    // The client's order counts, as in Envoy.
    private ChainNode? Protocol(IReadOnlyList<string> offered)
    {
        for (int i = 0; i < offered.Count; i++)
            if (Text(offered[i]) is { } next) return next;
        return null;
    }

    private ChainNode? Name(string name)
    {
        if (name.Length == 0) return null;
        if (Text(name) is { } exact) return exact;
        if (_wildcards is null) return null;
        // The longest end wins.
        for (var rest = name.AsSpan(); rest.IndexOf('.') is >= 0 and var dot;)
        {
            rest = rest[(dot + 1)..];
            if (_ends.TryGetValue(rest, out var next)) return next;
        }
        return null;
    }

    private static bool IsHere(ConnectionFacts facts)
        => facts.Source is not { } source || source.AddressFamily == AddressFamily.Unix || IPAddress.IsLoopback(source.Address)
        || source.Address.Equals(facts.Local?.Address);
}
