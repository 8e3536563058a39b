using Managed.Proxy.Configuration;
using Managed.Proxy.Downstream.Listener;

namespace Managed.Proxy.Downstream.ListenerFilters;

/// <summary>Process-wide side of a listener filter; listed in the catalogue at the root.</summary>
public abstract class ListenerFilterDefinition
{
    /// <summary>Envoy's name, for example <c>envoy.filters.listener.tls_inspector</c>.</summary>
    public abstract string Name { get; }
    /// <summary>Envoy's type without the prefix <c>type.googleapis.com/</c>.</summary>
    public abstract string TypeName { get; }
    public abstract Type ConfigType { get; }
    /// <summary>One sentence for the filter reference.</summary>
    public abstract string Summary { get; }

    /// <summary>Null when errors were added.</summary>
    internal abstract ListenerFilterFactory? Build(ConfigNode? typedConfig, ListenerFilterContext context);
}
