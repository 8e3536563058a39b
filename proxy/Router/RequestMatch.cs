using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Router.Matching;

namespace Managed.Proxy.Router;

/// <summary>A compiled RouteMatch: all tests of it, for whoever asks for one request at a time. Immutable.</summary>
internal sealed class RequestMatch
{
    private readonly HeaderMatch[] _headers;
    private readonly QueryMatch[] _query;
    private readonly bool _grpc;

    private RequestMatch(RouteMatchConfig config, PathMatch path, HeaderMatch[] headers, QueryMatch[] query)
    {
        (Path, _headers, _query) = (path, headers, query);
        PartsPerMillion = config.RuntimeFraction?.DefaultValue?.PartsPerMillion ?? All;
        _grpc = config.Grpc is not null;
    }

    private const int All = 1_000_000;

    public PathMatch Path { get; }
    private int PartsPerMillion { get; }
    /// <summary>It holds for a share of the requests, so that it needs a random number.</summary>
    public bool IsShare => PartsPerMillion < All;
    /// <summary>Asks for nothing but its path, and that without an expression.</summary>
    public bool IsSure => Path.Test != PathTest.Regex && !IsShare && _headers.Length == 0 && _query.Length == 0 && !_grpc;

    /// <summary>Null when errors were added or the binder has reported some.</summary>
    /// <param name="config">The tests.</param>
    /// <param name="errors">Takes what is wrong.</param>
    /// <param name="path">Of the same tests, if it is compiled already.</param>
    public static RequestMatch? Compile(RouteMatchConfig config, ConfigErrors errors, PathMatch? path = null)
    {
        path ??= PathMatch.Compile(config, errors);
        var headers = HeaderMatch.CompileAll(config.Headers, errors);
        var query = config.QueryParameters.Select(q => QueryMatch.Compile(q, errors)).OfType<QueryMatch>().ToArray();
        return path is null || headers is null || query.Length != config.QueryParameters.Count ? null
            : new RequestMatch(config, path, headers, query);
    }

    /// <summary>Whether all of it matches.</summary>
    /// <param name="request">The request as it is now.</param>
    /// <param name="random">Decides on fractions.</param>
    /// <param name="gaveUp">An expression could not be asked: nobody knows whether it matches.</param>
    public bool IsMatch(HeaderMap request, ulong random, out bool gaveUp)
    {
        var target = request.Get(HeaderId.Path);
        var work = new MatchWork();
        bool matches = Path.IsMatch(QueryString.PathOf(target), ref work) && MatchesRest(request, target, random, ref work);
        gaveUp = work.GaveUp;
        return matches && !gaveUp;
    }

    /// <summary>Everything but the path. No answer when the work is given up.</summary>
    public bool MatchesRest(HeaderMap request, ReadOnlySpan<byte> target, ulong random, ref MatchWork work)
    {
        if (_grpc && !GrpcStatus.IsGrpc(request)) return false;
        if (IsShare && random % All >= (ulong)PartsPerMillion) return false;
        foreach (var header in _headers)
            if (!header.IsMatch(request, ref work) || work.GaveUp) return false;
        foreach (var query in _query)
            if (!query.IsMatch(target, ref work) || work.GaveUp) return false;
        return true;
    }

    /// <summary>Why the request does not match; null when it does. Allocates.</summary>
    public string? Explain(HeaderMap request, ReadOnlySpan<byte> target, ReadOnlySpan<byte> path, ulong random, ref MatchWork work)
    {
        bool matches = Path.IsMatch(path, ref work);
        if (work.GaveUp) return $"gave up: {Path} cannot be asked ({LinearRegex.MaxSubject} bytes and {MatchWork.Most} steps are the most)";
        if (!matches) return $"the path does not match {Path}";
        if (IsShare && random % All >= (ulong)PartsPerMillion) return $"outside of runtime_fraction ({PartsPerMillion} in a million)";
        if (_grpc && !GrpcStatus.IsGrpc(request)) return "not gRPC";
        foreach (var header in _headers)
            if (!header.IsMatch(request, ref work) || work.GaveUp) return $"{Failed(work)}: {header}";
        foreach (var query in _query)
            if (!query.IsMatch(target, ref work) || work.GaveUp) return $"{Failed(work)}: {query}";
        return null;

        static string Failed(in MatchWork work) => work.GaveUp ? "gave up" : "failed";
    }

    public string Describe()
        => $"matches {Path}{(_grpc ? ", gRPC" : "")}"
            + $"{string.Concat(_headers.Select(h => $", {h}"))}{string.Concat(_query.Select(q => $", {q}"))}";
}
