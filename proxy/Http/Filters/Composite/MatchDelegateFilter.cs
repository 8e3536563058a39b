using Managed.Proxy.Http.Headers;
using Managed.Proxy.Router.Matching;
using Managed.Proxy.Router.Trees;

namespace Managed.Proxy.Http.Filters.Composite;

/// <summary>
/// Finds out at the head of a request, or of its response if the matcher looks at that, which filter runs, and gives its place in the
/// chain to it. As in Envoy a filter found with the response sees the response alone, and one that is skipped from there on has seen
/// the request.
/// </summary>
/// <param name="own">The filter's matcher.</param>
/// <param name="inside">Of the filter that runs unless it is skipped; null: a composite, which runs what is found.</param>
/// <param name="stats">Of a composite.</param>
internal sealed class MatchDelegateFilter(MatchTree<MatchedAction> own, HttpFilterFactory? inside, CompositeStats? stats) : HttpFilter
{
    private bool _settled;

    public override HeadersStatus OnRequestHeaders(HeaderMap headers, bool endStream)
        => Choose(response: false, out bool fails) is { } filter ? filter.OnRequestHeaders(headers, endStream)
            : fails ? HeadersStatus.StopIteration : HeadersStatus.Continue;

    public override HeadersStatus OnResponseHeaders(HeaderMap headers, bool endStream)
        => !_settled && Choose(response: true, out _) is { } filter ? filter.OnResponseHeaders(headers, endStream) : HeadersStatus.Continue;

    public override void OnDestroy() => _settled = false;

    private HttpFilter? Choose(bool response, out bool fails)
    {
        var work = new MatchWork();
        var verdict = (RouteConfig<MatchTree<MatchedAction>>() ?? own).Find(Stream.Info, ref work, out var action);
        // An expression that cannot be asked: what is not known to run may be what keeps people out.
        fails = work.GaveUp;
        if (fails)
        {
            _settled = true;
            Stream.FailStream("matcher_gave_up");
            return null;
        }
        bool waits = verdict == MatchVerdict.Unknown && !response;
        _settled = !waits;
        if (verdict != MatchVerdict.Yes)
            return inside is null ? null : Stream.Become(this, inside, request: !response, response: !waits);
        if (action!.Factory is not { } chosen
            || (action.PartsPerMillion < 1_000_000 && (int)(Stream.Worker.NextRandom() % 1_000_000) >= action.PartsPerMillion))
            return null;
        var filter = Stream.Become(this, chosen, request: !response, response: true);
        if (stats is not null) Stream.Worker.Stats.Increment(filter is null ? stats.Error : stats.Success);
        fails = filter is null;
        return filter;
    }
}
