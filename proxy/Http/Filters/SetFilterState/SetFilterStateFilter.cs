using Managed.Proxy.Http.Headers;
using Managed.Proxy.Streams.Formatting;

namespace Managed.Proxy.Http.Filters.SetFilterState;

/// <summary>What one level says.</summary>
internal sealed record StateSettings(StateValue[] Values, bool ClearRouteCache);

/// <summary>Sets the objects of the filter, then those of all levels of the route.</summary>
internal sealed class SetFilterStateFilter(StateSettings own) : HttpFilter
{
    public override HeadersStatus OnRequestHeaders(HeaderMap headers, bool endStream)
    {
        var route = Stream.Route;
        bool clear = Set(own);
        var levels = route is { HasFilterConfigs: true } ? route.FilterConfigs(Stream.NameOf(this)) : default;
        for (int i = levels.Length - 1; i >= 0; i--)
            if (levels[i] is StateSettings level) clear |= Set(level);
        if (clear) Stream.ClearRouteCache();
        return HeadersStatus.Continue;
    }

    private bool Set(StateSettings settings)
    {
        foreach (var value in settings.Values) value.Set(Stream.Info, Stream.Worker.Scratch);
        return settings.ClearRouteCache;
    }
}
