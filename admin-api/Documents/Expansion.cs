using Managed.AdminApi.Problems;
using Managed.Proxy;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.ShortForms;

namespace Managed.AdminApi.Documents;

/// <summary>The long form of a document: what <c>?expanded=true</c> shows.</summary>
internal static class Expansion
{
    public static ConfigObject Of(ConfigObject document)
    {
        var errors = new ConfigErrors();
        return ShortForm.Expand(document, errors, ExtensionCatalog.FindConfigType)
            ?? throw new ApiException(ProblemCode.ValidationFailed,
                "the document cannot be expanded") { Errors = ErrorItem.From(errors.Errors, null) };
    }

    /// <summary>The long form with Envoy's names: what Envoy gets from RDS stands in the listeners there.</summary>
    public static ConfigObject ForEnvoy(ConfigObject document)
    {
        var expanded = Of(document);
        var routes = expanded.Remove("route_configurations") as ConfigArray ?? new ConfigArray();
        InlineRoutes(expanded, routes);
        foreach (var file in Versions.FileReference.In(expanded))
        {
            file.Node.Remove("sha256"); // Envoy reads files when it starts
            file.Node.Remove("watch");
        }
        expanded.Remove("secrets"); // likewise
        expanded.Remove("extension_configs"); // their users hold a copy in the long form
        return expanded;
    }

    private static void InlineRoutes(ConfigNode node, ConfigArray routes)
    {
        if (node is ConfigArray array)
            foreach (var item in array)
                InlineRoutes(item, routes);
        if (node is not ConfigObject o)
            return;
        if (o.Object("rds")?.Text("route_config_name") is { } name && routes.FindByName(name) is { } route)
        {
            o.Remove("rds");
            o.Set("route_config", route);
        }
        foreach (var (_, value) in o.Members.ToList())
            InlineRoutes(value, routes);
    }
}
