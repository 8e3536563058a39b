namespace Managed.Proxy.Configuration.ShortForms;

/// <summary>The short forms of a cluster: <c>endpoints</c>, addresses as text, no <c>type</c>, <c>http2</c>.</summary>
internal static class ClusterExpansion
{
    private static readonly string[] EndpointFields = ["address", "weight", "hostname", "health_status"];

    public static void Expand(ConfigObject cluster, ConfigErrors errors)
    {
        ExpandHttp2(cluster, errors);
        EndpointFileExpansion.Expand(cluster, errors);
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

    // true, or what http2_protocol_options would say.
    private static void ExpandHttp2(ConfigObject cluster, ConfigErrors errors)
    {
        if (cluster["http2"] is not { } given)
            return;
        cluster.Remove("http2");
        if (cluster.Has("typed_extension_protocol_options") || cluster.Has("http2_protocol_options"))
        {
            errors.Error(given, ConfigCode.Conflict,
                "only one of these may be given: http2, typed_extension_protocol_options, http2_protocol_options");
            return;
        }
        if (given is ConfigScalar { Text: "false" })
            return;
        if (given is not ConfigObject and not ConfigScalar { Text: "true" })
        {
            errors.Error(given, ConfigCode.InvalidType, "must be true, false, or the fields of http2_protocol_options");
            return;
        }
        var options = given as ConfigObject ?? new ConfigObject(given.Origin);
        cluster.Set("typed_extension_protocol_options", new ConfigObject(given.Origin).Set(ExtensionNames.HttpProtocolOptionsType,
            new ConfigObject(given.Origin)
                .Set("@type", ConfigScalar.String(ExtensionNames.TypeUrlPrefix + ExtensionNames.HttpProtocolOptionsType, given.Origin))
                .Set("explicit_http_config", new ConfigObject(given.Origin).Set("http2_protocol_options", options))));
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
