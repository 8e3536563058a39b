using Managed.Proxy.Core.FaultInjection;
using Managed.Proxy.Router;
using Managed.Proxy.Streams;

namespace Managed.Proxy.Http;

/// <summary>The instances of the filters that a stream goes through.</summary>
public sealed partial class HttpStream
{
    private HttpFilter[] _filters = new HttpFilter[8];
    private FilterPlace[] _places = new FilterPlace[8]; // of the filters
    private int _filterCount;
    private BuiltHttpFilter[] _chain = [];

    private void AttachFilters()
    {
        var filters = _chain = Manager.UpgradesHaveFilters && _down.AsksUpgrade && !HasRequestBody && Route is { } asked
            ? Manager.FiltersOf(RequestHeaders, asked) : Manager.Filters;
        if (_filters.Length < filters.Length)
        {
            _filters = new HttpFilter[filters.Length];
            _places = new FilterPlace[filters.Length];
        }
        for (int i = 0; i < filters.Length; i++)
        {
            var built = filters[i];
            bool disabled = built.Disabled;
            if (Manager.RoutesConfigureFilters && Route is { HasFilterConfigs: true } route && route.FilterConfig(built.Name) is { } config)
                disabled = ReferenceEquals(config, RouteEntry.Disabled);
            if (disabled) continue;
            if (RentFilter(built.Factory, i) is not { } filter) break;
            _places[_filterCount] = new FilterPlace { Factory = built.Factory };
            _filters[_filterCount++] = filter;
            _request.Add(filter, built.Factory.Hooks, built.RequestTime);
        }
        AttachToResponse();
    }

    private void AttachToResponse()
    {
        for (int i = _filterCount - 1; i >= 0; i--)
        {
            ref var place = ref _places[i];
            var built = _chain[_filters[i].Index];
            if (place is { Outer: { } outer, OuterAnswers: true }) _response.Add(outer, built.Factory.Hooks, built.ResponseTime);
            else _response.Add(_filters[i], place.Factory.Hooks, built.ResponseTime);
        }
    }

    /// <summary>Where a filter came from, and for which one it stands.</summary>
    private struct FilterPlace
    {
        public HttpFilterFactory Factory;
        public HttpFilter? Outer;
        /// <summary>The outer one is still to see the response.</summary>
        public bool OuterAnswers;
    }

    /// <summary>
    /// Within its hook a filter gives its place to another one, which is made if it is not there yet: the caller is to call that one's
    /// hook. Null: it cannot be made, and the request is answered so.
    /// </summary>
    internal HttpFilter? Become(HttpFilter outer, HttpFilterFactory factory, bool request, bool response)
    {
        int i = 0;
        while (i < _filterCount && !ReferenceEquals(_filters[i], outer) && !ReferenceEquals(_places[i].Outer, outer)) i++;
        if (i == _filterCount) return null;
        ref var place = ref _places[i];
        if (place.Outer is null)
        {
            if (RentFilter(factory, outer.Index) is not { } inner) return null;
            place = new FilterPlace { Factory = factory, Outer = outer };
            _filters[i] = inner;
        }
        place.OuterAnswers = !response;
        if (request) _request.Replace(outer, _filters[i], factory.Hooks);
        if (response) _response.Replace(outer, _filters[i], factory.Hooks);
        return _filters[i];
    }

    private void ReturnFilters()
    {
        for (int i = 0; i < _filterCount; i++)
        {
            var place = _places[i];
            int index = _filters[i].Index;
            place.Factory.Return(_filters[i], Worker);
            if (place.Outer is { } outer) _chain[index].Factory.Return(outer, Worker);
            _filters[i] = null!;
            _places[i] = default;
        }
        _filterCount = 0;
    }

    // Null: it cannot be made, and without it the request is not let through.
    private HttpFilter? RentFilter(HttpFilterFactory factory, int index)
    {
        try
        {
            Faults.Pass(FaultPoint.FilterCreate);
            var filter = factory.Rent(Worker);
            filter.Stream = this;
            filter.Index = index;
            return filter;
        }
        catch (Exception e)
        {
            Worker.Reports.OnFilterFailure(_chain[index].Name, e);
            Worker.Stats.Increment(_chain[index].Errors);
            SendLocalReply(500, default, "filter_failure", ResponseFlags.LocalReset);
            return null;
        }
    }

    // A filter that is off for this stream has nothing to resume.
    private void Continue(int index, bool response)
    {
        for (int i = 0; i < _filterCount; i++)
            if (_filters[i].Index == index) Continue(_filters[i], response, withBody: false);
    }

    private void Complete(HttpFilter filter)
    {
        try
        {
            filter.OnComplete();
        }
        catch (Exception e)
        {
            Worker.Reports.OnFilterFailure(filter.GetType().Name, e);
        }
    }
}
