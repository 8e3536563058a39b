namespace Managed.Proxy.Configuration.ShortForms;

public enum ExtensionKind { ListenerFilter, NetworkFilter, HttpFilter, AccessLogger, DownstreamSocket, UpstreamSocket }

/// <summary>How an extension is named in documents, whether this version serves it or not.</summary>
/// <param name="Name">Envoy's name, such as <c>envoy.filters.http.lua</c>.</param>
/// <param name="TypeName">Message name without <c>type.googleapis.com/</c>.</param>
/// <param name="RouteTypeName">Message of typed_per_filter_config; null when the extension has none.</param>
public sealed record ExtensionName(ExtensionKind Kind, string Name, string TypeName, string? RouteTypeName = null)
{
    /// <summary>The last segment of the name, accepted alone.</summary>
    public string ShortName { get; } = Name[(Name.LastIndexOf('.') + 1)..];
}
