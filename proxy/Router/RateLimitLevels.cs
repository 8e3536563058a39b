using Managed.Proxy.Router.RateLimits;

namespace Managed.Proxy.Router;

/// <summary>Which limits of a route and its virtual host count for a filter.</summary>
internal static class RateLimitLevels
{
    /// <param name="route">Null: none matches, and nothing counts.</param>
    /// <param name="own">The filter's or the route entry's own limits, in place of all others; null where they have none.</param>
    /// <param name="hosts">What the filter does with those of the virtual host.</param>
    /// <param name="stage">Of the filter.</param>
    public static void Fill(RouteEntry? route, RateLimitPolicy? own, VirtualHostRateLimits hosts, int stage, in RateLimitSubject subject,
        DescriptorList to)
    {
        if (own is { IsEmpty: false })
        {
            own.Fill(subject, -1, to);
            return;
        }
        if (route is null) return;
        route.RateLimits.Fill(subject, stage, to);
        bool include = route.IncludesVirtualHostRateLimits || hosts == VirtualHostRateLimits.Include
            || (hosts == VirtualHostRateLimits.Override && route.RateLimits.IsEmpty);
        if (include) route.VirtualHostRateLimits.Fill(subject, stage, to);
    }
}
