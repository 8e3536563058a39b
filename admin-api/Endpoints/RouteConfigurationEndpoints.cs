using Managed.AdminApi.Documents;

namespace Managed.AdminApi.Endpoints;

/// <summary>Route configurations, their virtual hosts and routes.</summary>
internal static class RouteConfigurationEndpoints
{
    public static void MapRouteConfigurations(this ApiRoutes api)
    {
        new PieceEndpoints("/route_configurations", "Route configurations", _ => TopLevelList.RouteConfigurations,
            PieceExamples.RouteConfiguration, ordered: false).Map(api);
        new PieceEndpoints("/route_configurations/{configuration}/virtual_hosts", "Virtual hosts", Hosts, PieceExamples.VirtualHost,
            ordered: true).Map(api);
        new PieceEndpoints("/route_configurations/{configuration}/virtual_hosts/{host}/routes", "Routes",
            c => new NestedList("route", Hosts(c), Value(c, "host"), "routes", null, "route-"), PieceExamples.Route, ordered: true)
                .Map(api);
    }

    private static NestedList Hosts(HttpContext context) =>
        new("virtual host", TopLevelList.RouteConfigurations, Value(context, "configuration"), "virtual_hosts", null, "host-");

    private static string Value(HttpContext context, string name) => (string)context.Request.RouteValues[name]!;
}
