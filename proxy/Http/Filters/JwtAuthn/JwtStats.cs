using Managed.Proxy.Core.Telemetry;

namespace Managed.Proxy.Http.Filters.JwtAuthn;

/// <summary>Counters of a chain's filter, under <c>http.prefix.jwt_authn</c> as in Envoy.</summary>
internal sealed class JwtStats
{
    public JwtStats(string prefix, FilterBuildContext context)
    {
        Prefix = context.StatPrefix + "jwt_authn." + (prefix.Length > 0 ? prefix + "." : "");
        Counter C(string name) => context.Stats.Counter(Prefix + name);
        (Allowed, Denied, Bypassed) = (C("allowed"), C("denied"), C("cors_preflight_bypassed"));
        (FetchSuccess, FetchFailed) = (C("jwks_fetch_success"), C("jwks_fetch_failed"));
        (CacheHit, CacheMiss) = (C("jwt_cache_hit"), C("jwt_cache_miss"));
    }

    public string Prefix { get; }
    public Counter Allowed { get; }
    public Counter Denied { get; }
    public Counter Bypassed { get; }
    public Counter FetchSuccess { get; }
    public Counter FetchFailed { get; }
    public Counter CacheHit { get; }
    public Counter CacheMiss { get; }
}
