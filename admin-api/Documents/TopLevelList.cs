using Managed.Proxy.Configuration;

namespace Managed.AdminApi.Documents;

/// <summary>
/// One of the resource collections at the root of the document, or under Envoy's <c>static_resources</c> when it was written so.
/// </summary>
internal sealed class TopLevelList(string collection, string kind) : PieceList(kind)
{
    public static readonly TopLevelList Listeners = new("listeners", "listener");
    public static readonly TopLevelList RouteConfigurations = new("route_configurations", "route configuration");
    public static readonly TopLevelList Clusters = new("clusters", "cluster");
    public static readonly TopLevelList Secrets = new("secrets", "secret");
    public static readonly TopLevelList ExtensionConfigs = new("extension_configs", "extension configuration");

    public static readonly IReadOnlyList<TopLevelList> All = [Listeners, RouteConfigurations, Clusters, Secrets, ExtensionConfigs];

    public string Collection { get; } = collection;

    public override (string Collection, string? Name) Resource => (Collection, null);

    public override ConfigArray Read(ConfigObject document) => ArrayOf(Parent(document), Collection);

    public override void Write(ConfigObject document, ConfigArray items) => Parent(document).Set(Collection, items);

    private ConfigObject Parent(ConfigObject document) =>
        !document.Has(Collection) && document.Object("static_resources") is { } wrapped && wrapped.Has(Collection) ? wrapped : document;
}
