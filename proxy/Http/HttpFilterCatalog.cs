using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.ShortForms;

namespace Managed.Proxy.Http;

/// <summary>The HTTP filters that a document may name.</summary>
public sealed class HttpFilterCatalog(IReadOnlyList<HttpFilterDefinition> definitions)
{
    public IReadOnlyList<HttpFilterDefinition> Definitions => definitions;

    /// <summary>By the type of its configuration, else by its name; null with an error added.</summary>
    internal HttpFilterDefinition? Find(ConfigObject? typedConfig, string name, ConfigNode? at, ConfigErrors errors)
        => ExtensionLookup.Find(definitions, static d => (d.Name, d.TypeName), ExtensionKind.HttpFilter, "HTTP filter", typedConfig, name,
            at, errors);
}
