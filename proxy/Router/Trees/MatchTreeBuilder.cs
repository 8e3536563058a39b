using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Router.Matching;

namespace Managed.Proxy.Router.Trees;

/// <summary>Compiles matchers on the control thread; what is wrong is added to the errors.</summary>
/// <param name="errors">Takes what is wrong.</param>
/// <param name="known">What is known where the tree is asked: other values are refused.</param>
/// <param name="action">Makes an action of its message type, without URL prefix, and message; null with an error added.</param>
internal sealed class MatchTreeBuilder<T>(ConfigErrors errors, MatchPhases known, Func<string, ConfigObject, T?> action) where T : class
{
    private const int MaxDepth = 16, MaxParts = 20_000;
    private const string IpTree = "xds.type.matcher.v3.IPMatcher", NameTree = "xds.type.matcher.v3.ServerNameMatcher";

    private readonly MatchInputBuilder _inputs = new(errors, known);
    private int _parts;

    /// <summary>Some of its values are known with the response only.</summary>
    public bool AsksForResponse => _inputs.AsksForResponse;

    /// <summary>Null when errors were added.</summary>
    public MatchTree<T>? Build(MatcherConfig config)
    {
        int before = errors.Count;
        var built = Tree(config, MaxDepth);
        return errors.Count == before && !config.HasErrors ? built : null;
    }

    private MatchTree<T>? Tree(MatcherConfig config, int depth)
    {
        if (IsTooMuch(config, depth)) return null;
        var list = new List<(MatchPredicate, MatchBranch<T>)>();
        foreach (var item in config.MatcherList?.Matchers ?? [])
        {
            var then = Branch(item.OnMatch, depth - 1);
            if (Predicate(item.Predicate, depth - 1) is { } test) list.Add((test, then));
        }
        return new MatchTree<T>
        {
            List = [.. list],
            Input = config.MatcherTree?.Input is { } input ? _inputs.Build(input) : null,
            Lookup = config.MatcherTree is { } tree ? Lookup(tree, depth - 1) : null,
            Otherwise = Branch(config.OnNoMatch, depth - 1),
        };
    }

    private MatchLookup<T>? Lookup(MatcherTreeConfig config, int depth)
    {
        if ((config.ExactMatchMap ?? config.PrefixMatchMap) is { Map.Count: 0 } empty) // as in Envoy
            errors.ErrorAt(empty.Node, "map", ConfigCode.MissingField, "'map' is empty");
        if (config.ExactMatchMap is { } exact)
            return new MatchLookup<T>.Exact(exact.Map.ToDictionary(m => Encoding.UTF8.GetBytes(m.Key), m => Branch(m.Value, depth),
                ByteKeys.Comparer));
        if (config.PrefixMatchMap is { } prefix)
        {
            var sorted = prefix.Map.Select(m => (Key: Encoding.UTF8.GetBytes(m.Key), m.Value)).ToList();
            sorted.Sort((a, b) => a.Key.AsSpan().SequenceCompareTo(b.Key));
            return new MatchLookup<T>.Prefix(new PrefixTree([.. sorted.Select(m => m.Key)]),
                [.. sorted.Select(m => Branch(m.Value, depth))]);
        }
        if (config.CustomMatch?.TypedConfig is not { } typed) return null;
        switch (MatchInputBuilder.TypeOf(typed))
        {
            case IpTree:
                return ConfigBinder.Bind<IpTreeConfig>(typed, errors) is { HasErrors: false } ranges ? Addresses(ranges, depth) : null;
            case NameTree:
                return ConfigBinder.Bind<NameTreeConfig>(typed, errors) is { HasErrors: false } names ? Names(names, depth) : null;
            default:
                _inputs.Unknown("matcher", typed);
                return null;
        }
    }

    private MatchLookup<T>.Address Addresses(IpTreeConfig config, int depth)
    {
        var table = new IpTable<MatchBranch<T>>();
        foreach (var range in config.RangeMatchers)
        {
            var branch = Branch(range.OnMatch, depth);
            _inputs.AddBlocks(range.Ranges, table, branch, range.Exclusive);
        }
        return new MatchLookup<T>.Address(table);
    }

    private MatchLookup<T>.Name Names(NameTreeConfig config, int depth)
    {
        Dictionary<byte[], MatchBranch<T>> exact = new(ByteKeys.Comparer), below = new(ByteKeys.Comparer);
        foreach (var range in config.DomainMatchers)
        {
            var branch = Branch(range.OnMatch, depth);
            foreach (string domain in range.Domains)
            {
                bool wild = domain == "*" || domain.StartsWith("*.", StringComparison.Ordinal);
                string name = domain == "*" ? "" : wild ? domain[2..] : domain;
                if (domain.Length == 0 || name.Contains('*') || !Ascii.IsValid(name))
                    errors.ErrorAt(range.Node, "domains", ConfigCode.InvalidValue, $"'{domain}' is not a host name",
                        "exact, *.example.com or *");
                else if (!(wild ? below : exact).TryAdd(Encoding.ASCII.GetBytes(name.ToLowerInvariant()), branch))
                    errors.ErrorAt(range.Node, "domains", ConfigCode.DuplicateName, $"'{domain}' is given twice");
            }
        }
        return new MatchLookup<T>.Name(exact, below);
    }

    private MatchPredicate? Predicate(MatchPredicateConfig? config, int depth)
    {
        if (config is null || IsTooMuch(config, depth)) return null;
        if (config.SinglePredicate is { } single) return _inputs.Test(single);
        if (config.NotMatcher is { } not) return Predicate(not, depth - 1) is { } inner ? new MatchPredicate.Not(inner) : null;
        return (config.OrMatcher ?? config.AndMatcher) is { } list ? new MatchPredicate.Several(
            [.. list.Predicate.Select(p => Predicate(p, depth - 1)).OfType<MatchPredicate>()], any: config.OrMatcher is not null) : null;
    }

    private MatchBranch<T> Branch(OnMatchConfig? config, int depth)
    {
        if (config is null || IsTooMuch(config, depth)) return default;
        if (config.Matcher is { } matcher) return new MatchBranch<T>(null, Tree(matcher, depth - 1));
        return config.Action?.TypedConfig is { } typed ? new MatchBranch<T>(action(MatchInputBuilder.TypeOf(typed), typed), null) : default;
    }

    private bool IsTooMuch(ConfigRecord config, int depth)
    {
        if (depth <= 0) errors.Error(config.Node, ConfigCode.InvalidValue, $"matchers may lie in one another {MaxDepth} deep");
        else if (++_parts == MaxParts) errors.Error(config.Node, ConfigCode.InvalidValue, $"a matcher may have {MaxParts} parts");
        return depth <= 0 || _parts >= MaxParts;
    }
}
