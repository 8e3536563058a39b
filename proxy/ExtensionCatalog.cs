using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.ShortForms;
using Managed.Proxy.Downstream.NetworkFilters;
using Managed.Proxy.Downstream.NetworkFilters.DirectResponse;
using Managed.Proxy.Downstream.NetworkFilters.Echo;
using Managed.Proxy.Downstream.NetworkFilters.HttpConnectionManager;
using Managed.Proxy.Downstream.NetworkFilters.TcpProxy;
using Managed.Proxy.Downstream.NetworkFilters.Wasm;
using Managed.Proxy.Http;
using Managed.Proxy.Http.Filters.Fault;
using Managed.Proxy.Http.Filters.HeaderMutation;
using Managed.Proxy.Http.Filters.LocalRateLimit;
using Managed.Proxy.Http.Filters.Lua;
using Managed.Proxy.Http.Filters.Router;
using Managed.Proxy.Http.Filters.Wasm;

namespace Managed.Proxy;

/// <summary>Every filter there is, one line each. Adding one: its folder, its line here, its test, its golden configuration.</summary>
public static class ExtensionCatalog
{
    public static IReadOnlyList<NetworkFilterDefinition> NetworkFilters { get; } =
    [
        new HttpConnectionManagerDefinition(),
        new TcpProxyDefinition(),
        new EchoDefinition(),
        new DirectResponseDefinition(),
        new WasmNetworkFilterDefinition(),
    ];

    public static IReadOnlyList<HttpFilterDefinition> HttpFilters { get; } =
    [
        new HeaderMutationFilterDefinition(),
        new LocalRateLimitFilterDefinition(),
        new FaultFilterDefinition(),
        new LuaFilterDefinition(),
        new WasmFilterDefinition(),
        new RouterFilterDefinition(),
    ];

    internal static HttpFilterCatalog Http { get; } = new(HttpFilters);

    /// <summary>The record behind a message type (without URL prefix), network or HTTP filter, per-route forms too; null when it is none of ours.</summary>
    public static Type? FindConfigType(string typeName)
    {
        foreach (var d in NetworkFilters) if (d.TypeName == typeName) return d.ConfigType;
        foreach (var d in HttpFilters) if (d.TypeName == typeName) return d.ConfigType;
        foreach (var d in HttpFilters) if (d.RouteTypeName == typeName) return d.RouteConfigType;
        return null;
    }

    internal static NetworkFilterDefinition? FindNetworkFilter(ConfigObject? typedConfig, string name, ConfigNode? at, ConfigErrors errors)
        => ExtensionLookup.Find(NetworkFilters, static d => (d.Name, d.TypeName), ExtensionKind.NetworkFilter, "network filter", typedConfig, name, at, errors);
}
