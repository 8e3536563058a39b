using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model.Tls;
using Managed.Proxy.Configuration.ShortForms;
using Managed.Proxy.Downstream.ListenerFilters;
using Managed.Proxy.Downstream.ListenerFilters.HttpInspector;
using Managed.Proxy.Downstream.ListenerFilters.ProxyProtocol;
using Managed.Proxy.Downstream.ListenerFilters.TlsInspector;
using Managed.Proxy.Downstream.NetworkFilters;
using Managed.Proxy.Downstream.NetworkFilters.DirectResponse;
using Managed.Proxy.Downstream.NetworkFilters.Echo;
using Managed.Proxy.Downstream.NetworkFilters.HttpConnectionManager;
using Managed.Proxy.Downstream.NetworkFilters.TcpProxy;
using Managed.Proxy.Downstream.NetworkFilters.Wasm;
using Managed.Proxy.Downstream.TransportSockets;
using Managed.Proxy.Http;
using Managed.Proxy.Http.Filters.Fault;
using Managed.Proxy.Http.Filters.HeaderMutation;
using Managed.Proxy.Http.Filters.LocalRateLimit;
using Managed.Proxy.Http.Filters.Lua;
using Managed.Proxy.Http.Filters.Router;
using Managed.Proxy.Http.Filters.Wasm;
using Managed.Proxy.Upstream.TransportSockets;

namespace Managed.Proxy;

/// <summary>Every filter there is, one line each. Adding one: its folder, its line here, its test, its golden configuration.</summary>
public static class ExtensionCatalog
{
    public static IReadOnlyList<ListenerFilterDefinition> ListenerFilters { get; } =
    [
        new TlsInspectorDefinition(),
        new HttpInspectorDefinition(),
        new ProxyProtocolDefinition(),
    ];

    // Transport sockets are few, and each side has its own message for TLS.
    private static readonly Dictionary<string, Type> TransportSockets = new()
    {
        [TransportSocketBuilder.TlsType] = typeof(DownstreamTlsContextConfig), [UpstreamSocketBuilder.TlsType] = typeof(UpstreamTlsContextConfig),
        [TransportSocketBuilder.RawBufferType] = typeof(RawBufferConfig),
    };

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

    /// <summary>The record behind a message type (without URL prefix), network or HTTP filter, per-route forms too; null when it is none of ours.</summary>
    public static Type? FindConfigType(string typeName)
    {
        if (TransportSockets.TryGetValue(typeName, out var socket)) return socket;
        foreach (var d in ListenerFilters) if (d.TypeName == typeName) return d.ConfigType;
        foreach (var d in NetworkFilters) if (d.TypeName == typeName) return d.ConfigType;
        foreach (var d in HttpFilters) if (d.TypeName == typeName) return d.ConfigType;
        foreach (var d in HttpFilters) if (d.RouteTypeName == typeName) return d.RouteConfigType;
        return null;
    }

    internal static HttpFilterDefinition? FindHttpFilter(ConfigObject? typedConfig, string name, ConfigNode? at, ConfigErrors errors)
    {
        string wanted = TypeOf(typedConfig) ?? name;
        foreach (var definition in HttpFilters) if (Is(definition.Name, definition.TypeName, wanted)) return definition;
        Unknown("HTTP filter", wanted, typedConfig, at, HttpFilters.Select(d => d.Name), ExtensionNames.Find(ExtensionKind.HttpFilter, wanted) is not null, errors);
        return null;
    }

    internal static ListenerFilterDefinition? FindListenerFilter(ConfigObject? typedConfig, string name, ConfigNode? at, ConfigErrors errors)
    {
        string wanted = TypeOf(typedConfig) ?? name;
        foreach (var definition in ListenerFilters) if (Is(definition.Name, definition.TypeName, wanted)) return definition;
        Unknown("listener filter", wanted, typedConfig, at, ListenerFilters.Select(d => d.Name), ExtensionNames.Find(ExtensionKind.ListenerFilter, wanted) is not null, errors);
        return null;
    }

    internal static NetworkFilterDefinition? FindNetworkFilter(ConfigObject? typedConfig, string name, ConfigNode? at, ConfigErrors errors)
    {
        string wanted = TypeOf(typedConfig) ?? name;
        foreach (var definition in NetworkFilters) if (Is(definition.Name, definition.TypeName, wanted)) return definition;
        Unknown("network filter", wanted, typedConfig, at, NetworkFilters.Select(d => d.Name), ExtensionNames.Find(ExtensionKind.NetworkFilter, wanted) is not null, errors);
        return null;
    }

    private static string? TypeOf(ConfigObject? typedConfig)
        => typedConfig?.Text("@type") is { } url ? url[(url.LastIndexOf('/') + 1)..] : null;

    private static bool Is(string name, string typeName, string wanted)
        => wanted == name || wanted == typeName || (name.EndsWith(wanted, StringComparison.Ordinal) && name.Length > wanted.Length && name[name.Length - wanted.Length - 1] == '.');

    private static void Unknown(string kind, string wanted, ConfigObject? typedConfig, ConfigNode? at, IEnumerable<string> names, bool envoyHasIt, ConfigErrors errors)
    {
        // The expansion of short forms may have said so already.
        if (errors.HasAt(typedConfig?["@type"] ?? at, ConfigCode.UnknownExtension)) return;
        var known = names.SelectMany(n => new[] { n, n[(n.LastIndexOf('.') + 1)..] }).ToList();
        string? near = envoyHasIt ? null : Suggestions.Closest(wanted, known);
        string detail = envoyHasIt ? $"{kind} '{wanted}' is not available in this version" : $"there is no {kind} '{wanted}'";
        errors.Error(typedConfig?["@type"] ?? at, ConfigCode.UnknownExtension, detail,
            near is not null ? $"did you mean '{near}'?" : "available: " + string.Join(", ", known.Where(n => !n.Contains('.'))));
    }
}
