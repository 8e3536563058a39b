using System.Net;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Core;

namespace Managed.Proxy.Upstream.OnDemand;

/// <summary>The caches of the process by what shapes them, and the resolver that all of them ask.</summary>
internal sealed class DnsCaches(Func<string, Task<IPAddress[]?>> ask)
{
    private const string Key = "dns_cache";

    /// <summary>Before the first build.</summary>
    public static DnsCaches Install(SharedState shared, Func<string, Task<IPAddress[]?>> ask)
        => shared.GetOrAdd(Key, () => new DnsCaches(ask));

    /// <summary>That of a configuration; null, with an error, where the document has another one under its name.</summary>
    public static DnsCache? Of(DnsCacheConfig config, SharedState shared, ConfigErrors errors)
    {
        if (config.HasErrors || config.Name.Length == 0 || config.Node is null) return null;
        string shape = ShapeOf(config);
        if (!errors.Host.Answers.TryAdd(Key + config.Name, shape) && (string)errors.Host.Answers[Key + config.Name] != shape)
        {
            errors.Error(config.Node, ConfigCode.Conflict, $"dns_cache_config '{config.Name}' is given twice, and not alike");
            return null;
        }
        var caches = shared.GetOrAdd(Key, () => new DnsCaches(static _ => Task.FromResult<IPAddress[]?>(null)));
        return shared.GetOrAdd($"{Key}|{shape}", () => new DnsCache(config, caches._resolver));
    }

    // All that it says, however it is written.
    private static string ShapeOf(DnsCacheConfig config) => string.Join('|', (IEnumerable<object?>)[config.Name, config.DnsLookupFamily,
        config.DnsRefreshRate, config.DnsMinRefreshRate, config.HostTtl, config.MaxHosts, config.DisableDnsRefreshOnFailure,
        config.DnsFailureRefreshRate?.BaseInterval, config.DnsFailureRefreshRate?.MaxInterval,
        config.DnsCacheCircuitBreaker.MaxPendingRequests, config.DnsQueryTimeout,
        string.Join(',', config.PreresolveHostnames.Select(h => $"{h.Address}:{h.PortValue}"))]);

    private readonly Func<string, Task<IPAddress[]?>> _resolver = ask;
}
