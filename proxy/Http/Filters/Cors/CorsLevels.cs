using Managed.Proxy.Router;

namespace Managed.Proxy.Http.Filters.Cors;

/// <summary>The policies of a route, the most specific first, read as one.</summary>
/// <param name="route">The matched route.</param>
/// <param name="filter">The filter's name in its chain, under which policies are found.</param>
internal readonly struct CorsLevels(RouteEntry route, string filter)
{
    /// <summary>Null: there is no policy.</summary>
    public CorsPolicy? First => Find(static _ => true);
    public CorsPolicy? Origins => Find(static p => p.Origins.Length > 0);
    public byte[]? AllowMethods => Find(static p => p.AllowMethods.Length > 0)?.AllowMethods;
    public byte[]? AllowHeaders => Find(static p => p.AllowHeaders.Length > 0)?.AllowHeaders;
    public byte[]? ExposeHeaders => Find(static p => p.ExposeHeaders.Length > 0)?.ExposeHeaders;
    public byte[]? MaxAge => Find(static p => p.MaxAge.Length > 0)?.MaxAge;
    public bool AllowCredentials => Find(static p => p.AllowCredentials is not null)?.AllowCredentials ?? false;
    public bool AllowPrivateNetworkAccess
        => Find(static p => p.AllowPrivateNetworkAccess is not null)?.AllowPrivateNetworkAccess ?? false;
    public bool ForwardNotMatchingPreflights
        => Find(static p => p.ForwardNotMatchingPreflights is not null)?.ForwardNotMatchingPreflights ?? true;

    private CorsPolicy? Find(Func<CorsPolicy, bool> gives)
    {
        bool typed = false;
        foreach (object level in route.FilterConfigs(filter))
        {
            if (level is not CorsPolicy policy) continue; // a level that says whether, and not how
            typed = true;
            if (gives(policy)) return policy;
        }
        if (!typed)
            foreach (var policy in route.Cors)
                if (gives(policy)) return policy;
        return null;
    }
}
