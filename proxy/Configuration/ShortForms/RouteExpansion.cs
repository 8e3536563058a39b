namespace Managed.Proxy.Configuration.ShortForms;

/// <summary>The short forms of a route configuration: routes without a name are called <c>route-0</c> and so on, by their place.</summary>
internal sealed class RouteExpansion
{
    public void Expand(ConfigObject routeConfiguration)
    {
        foreach (var host in ShortForm.Items(routeConfiguration, "virtual_hosts"))
            NameGiver.Fill([.. ShortForm.Items(host, "routes")], null, "route-");
    }
}
