using Managed.Proxy.Http;

namespace Managed.Proxy;

/// <summary>Every filter there is, one line each. Adding one: its folder, its line here, its test, its golden configuration.</summary>
public static class ExtensionCatalog
{
    public static IReadOnlyList<HttpFilterDefinition> HttpFilters { get; } =
    [
    ];
}
