using System.Buffers.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Router.Matching;
using Managed.Proxy.Upstream;

namespace Managed.Proxy.Router;

/// <summary>One route: its tests, and the entry or the weighted entries it leads to.</summary>
internal sealed class CompiledRoute
{
    private readonly RequestMatch _match;
    private readonly RouteEntry[] _entries;
    private readonly uint[] _upTo; // the sum of the weights up to each entry
    private readonly HeaderName? _weightHeader;

    private CompiledRoute(RouteConfig config, bool isKept, string label, RequestMatch match,
        IReadOnlyList<(RouteEntry Entry, uint Weight)> entries, HeaderName? weightHeader, RouteCounts counts)
    {
        Config = config;
        Counts = counts;
        IsKept = isKept;
        Label = label;
        _match = match;
        _entries = [.. entries.Select(e => e.Entry)];
        foreach (var entry in _entries) entry.Counts = counts;
        _upTo = new uint[_entries.Length];
        uint sum = 0;
        for (int i = 0; i < _upTo.Length; i++) _upTo[i] = sum += entries[i].Weight;
        _weightHeader = weightHeader;
    }

    public RouteConfig Config { get; }

    public RouteCounts Counts { get; }

    /// <summary>It holds nothing that is allowed to, or built for, one version, so it may be a part of the next.</summary>
    public bool IsKept { get; }

    /// <summary>The name, or <c>route-index</c>.</summary>
    public string Label { get; }
    public PathMatch Path => _match.Path;

    /// <summary>Null when errors were added or the binder has reported some.</summary>
    /// <param name="config">The route.</param>
    /// <param name="index">Its place.</param>
    /// <param name="scope">What it inherits.</param>
    /// <param name="former">The same route in the version before, inheriting the same.</param>
    public static CompiledRoute? Compile(RouteConfig config, int index, RouteScope scope, CompiledRoute? former)
    {
        var errors = scope.Context.Errors;
        if (former is { IsKept: true } && former.LeadsWhere(scope.Context.Clusters)) return former;
        if (config.Match is not { } match) return null;
        string label = config.Name.Length > 0 ? config.Name : $"route-{index}";
        long ties = scope.Context.Ties();
        var tests = RequestMatch.Compile(match, errors, former?.Path);
        var weightHeader = config.Route?.WeightedClusters?.HeaderName is { Length: > 0 } name ? name : null;
        if (weightHeader is not null && !HeaderName.IsValid(weightHeader))
        {
            errors.ErrorAt(config.Route!.WeightedClusters!.Node, "header_name", ConfigCode.InvalidValue,
                $"'{weightHeader}' is not a header name");
            return null;
        }
        // Without a path the entries are still built, to report what is wrong in them.
        var entries = new RouteEntryBuilder(scope, config, label, tests?.Path!).Build();
        if (tests is null || entries is null) return null;
        bool isKept = scope.Filters.IsKept && scope.Context.Ties() == ties;
        return new CompiledRoute(config, isKept, label, tests, entries, weightHeader is null ? null : new HeaderName(weightHeader),
            scope.Counted?.CountsOf(label) ?? new RouteCounts(scope.Table.Name, scope.VirtualHost, label));
    }

    // Its clusters are those of that version.
    private bool LeadsWhere(IReadOnlyDictionary<string, Cluster> clusters)
    {
        foreach (var entry in _entries)
            if (entry.ClustersByName is not null || !Is(entry.Cluster) || !Array.TrueForAll(entry.Mirrors, m => Is(m.Cluster)))
                return false;
        return true;

        bool Is(Cluster? its) => its is null || (clusters.TryGetValue(its.Name, out var now) && ReferenceEquals(its, now));
    }

    /// <inheritdoc cref="RequestMatch.IsSure"/>
    public bool IsSure => _match.IsSure;

    /// <summary>Whether all of it matches. No answer when the work is given up.</summary>
    public bool IsMatch(HeaderMap request, ReadOnlySpan<byte> target, ReadOnlySpan<byte> path, ulong random, ref MatchWork work)
        => Path.IsMatch(path, ref work) && _match.MatchesRest(request, target, random, ref work);

    /// <summary><see cref="IsMatch"/> for a path that begins as it has to, or is the very path.</summary>
    public bool IsMatchOfCandidate(HeaderMap request, ReadOnlySpan<byte> target, ReadOnlySpan<byte> path, ulong random, ref MatchWork work)
        => (Path.Test != PathTest.Regex || Path.IsMatch(path, ref work)) && _match.MatchesRest(request, target, random, ref work);

    /// <summary>The entry for this request.</summary>
    public RouteEntry Choose(HeaderMap request, ulong random)
    {
        if (_entries.Length == 1) return _entries[0];
        uint total = _upTo[^1];
        // The high half decides here and the low one on runtime_fraction, so that a share of a share is what it says.
        ulong point = (random >> 32) * total >> 32;
        if (_weightHeader is { } header && header.TryGet(request, out var value)
            && Utf8Parser.TryParse(value, out ulong chosen, out int used) && used == value.Length)
            point = chosen % total;
        int i = 0;
        while (point >= _upTo[i]) i++;
        return _entries[i];
    }

    /// <inheritdoc cref="RequestMatch.Explain"/>
    public string? Explain(HeaderMap request, ReadOnlySpan<byte> target, ReadOnlySpan<byte> path, ulong random, ref MatchWork work)
        => _match.Explain(request, target, path, random, ref work);

    public string Describe() => _match.Describe();
}
