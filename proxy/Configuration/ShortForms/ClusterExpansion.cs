
namespace Managed.Proxy.Configuration.ShortForms;

/// <summary>The short forms of a cluster: <c>endpoints</c>, addresses as text, no <c>type</c>.</summary>
internal static class ClusterExpansion
{
    private static readonly string[] EndpointFields = ["address", "weight", "hostname", "health_status"];

    public static void Expand(ConfigObject cluster, ConfigErrors errors)
    {
        if (cluster["endpoints"] is { } endpoints)
        {
            if (cluster.Has("load_assignment"))
                errors.Error(endpoints, ConfigCode.Conflict, "only one of these may be given: endpoints, load_assignment");
            else
                cluster.Set("load_assignment", Assignment(endpoints, errors));
            cluster.Remove("endpoints");
        }
        if (cluster.Object("load_assignment") is not { } assignment)
            return;
        if (!assignment.Has("cluster_name") && cluster["name"] is { } name)
            assignment.Set("cluster_name", name);
        var literal = true;
        foreach (var endpoint in Endpoints(assignment))
        {
            AddressExpansion.Expand(endpoint, errors);
            literal &= AddressExpansion.IsLiteral(endpoint.Object("address"));
        }
        if (!cluster.Has("type"))
            cluster.Set("type", ConfigScalar.String(literal ? "STATIC" : "STRICT_DNS", cluster.Origin));
    }

    private static IEnumerable<ConfigObject> Endpoints(ConfigObject assignment) =>
        from locality in ShortForm.Items(assignment, "endpoints")
        from item in ShortForm.Items(locality, "lb_endpoints")
        where item.Object("endpoint") is not null
        select item.Object("endpoint");

    private static ConfigObject Assignment(ConfigNode endpoints, ConfigErrors errors)
    {
        var list = new ConfigArray(endpoints.Origin);
        if (endpoints is ConfigArray items)
            foreach (var item in items)
                list.Add(Endpoint(item, errors));
        else
            errors.Error(endpoints, ConfigCode.InvalidType, "must be an array of addresses", "write [10.0.0.1:80, 10.0.0.2:80]");
        return new ConfigObject(endpoints.Origin).Set("endpoints",
            new ConfigArray(endpoints.Origin).Add(new ConfigObject(endpoints.Origin).Set("lb_endpoints", list)));
    }

    private static ConfigObject Endpoint(ConfigNode item, ConfigErrors errors)
    {
        var endpoint = new ConfigObject(item.Origin);
        var result = new ConfigObject(item.Origin).Set("endpoint", endpoint);
        if (item is not ConfigObject o)
        {
            endpoint.Set("address", item); // a text is expanded with the long ones; anything else is the binder's to refuse
            return result;
        }
        foreach (var field in EndpointFields)
            if (o.Remove(field) is { } value)
                (field is "address" or "hostname" ? endpoint : result).Set(field == "weight" ? "load_balancing_weight" : field, value);
        foreach (var unknown in o.Members)
            errors.Error(o.NameOrigin(unknown), ConfigCode.UnknownField, $"'{unknown.Key}' is not a known field",
                Suggestions.Hint(unknown.Key, EndpointFields));
        return result;
    }
}
