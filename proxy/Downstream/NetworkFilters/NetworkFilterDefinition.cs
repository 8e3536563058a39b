using Managed.Proxy.Configuration;
using Managed.Proxy.Downstream.Listener;

namespace Managed.Proxy.Downstream.NetworkFilters;

/// <summary>Process-wide side of a network filter; listed in <c>ExtensionCatalog.cs</c>.</summary>
public abstract class NetworkFilterDefinition
{
    /// <summary>Envoy's name, for example <c>envoy.filters.network.tcp_proxy</c>.</summary>
    public abstract string Name { get; }
    /// <summary>Envoy's type without the prefix <c>type.googleapis.com/</c>.</summary>
    public abstract string TypeName { get; }
    public abstract Type ConfigType { get; }
    /// <summary>One sentence for the filter reference.</summary>
    public abstract string Summary { get; }

    /// <summary>It runs the connection and ends the chain; otherwise it stands before such a one.</summary>
    public virtual bool IsTerminal => true;

    /// <summary>For a terminal filter; null when errors were added.</summary>
    internal virtual TerminalFilter? Build(ConfigNode? typedConfig, NetworkBuildContext context) => null;
    /// <summary>For any other; likewise.</summary>
    internal virtual NetworkFilterFactory? BuildFilter(ConfigNode? typedConfig, NetworkBuildContext context) => null;
}
