using System.Globalization;
using Managed.Proxy.Configuration.ShortForms;

namespace Managed.Proxy.Configuration.Envoy;

/// <summary>
/// Clusters of a bootstrap file: fields where Envoy has them now, and settings that come to the same as none.
/// </summary>
internal static class EnvoyClusters
{
    private const int MaxWeight = 128;
    private const uint LeastBuffer = 1024, MostBuffer = 1 << 30;

    public static void Take(ConfigObject cluster, ConfigErrors notes)
    {
        EnvoyExtensions.DropRawBuffer(cluster);
        if (cluster.Remove("max_requests_per_connection") is { } most)
            Common(cluster).Set("max_requests_per_connection", most is ConfigObject wrapper ? wrapper["value"] ?? most : most);
        TakeHttpOptions(cluster);
        TakePolicy(cluster);
        DropHighPriority(cluster, notes);
        ScaleWeights(cluster, notes);
        LimitBuffers(cluster, notes);
    }

    /// <summary>Of a listener or cluster: Envoy takes any limit, and 0 for none.</summary>
    public static void LimitBuffers(ConfigObject owner, ConfigErrors notes)
    {
        if (owner["per_connection_buffer_limit_bytes"] is not ConfigScalar limit
            || !uint.TryParse(limit.Text, NumberStyles.None, CultureInfo.InvariantCulture, out var bytes)
            || bytes is >= LeastBuffer and <= MostBuffer)
            return;
        var taken = bytes is > 0 and < LeastBuffer ? LeastBuffer : MostBuffer;
        notes.Warning(limit, ConfigCode.InvalidValue, $"per_connection_buffer_limit_bytes is taken for {taken}");
        owner.Set("per_connection_buffer_limit_bytes", ConfigScalar.Number(taken, limit.Origin));
    }

    private static ConfigObject Common(ConfigObject cluster)
    {
        if (cluster.Object("common_http_protocol_options") is not { } common)
            cluster.Set("common_http_protocol_options", common = new ConfigObject(cluster.Origin));
        return common;
    }

    /// <summary>
    /// Fields that Envoy has in HttpProtocolOptions now. Where a cluster has that message too, it alone counts (as in Envoy).
    /// </summary>
    private static void TakeHttpOptions(ConfigObject cluster)
    {
        var hasMessage = cluster.Object("typed_extension_protocol_options") is { Count: > 0 };
        var follows = TakesDownstreams(cluster["protocol_selection"]);
        if (hasMessage || follows is not null)
            cluster.Remove("protocol_selection");
        if (hasMessage)
            cluster.Remove("upstream_http_protocol_options");
        else if (follows == true || cluster.Object("upstream_http_protocol_options") is { Count: > 0 })
            cluster.Set("typed_extension_protocol_options", new ConfigObject(cluster.Origin).Set(ExtensionNames.HttpProtocolOptionsType,
                Message(cluster, follows == true)));
    }

    /// <summary>Null: it is none of the enumeration's, for the binder to refuse.</summary>
    private static bool? TakesDownstreams(ConfigNode? selection) =>
        ((selection as ConfigScalar)?.Text ?? "0").ToUpperInvariant().Replace('-', '_') switch
        {
            "0" or "USE_CONFIGURED_PROTOCOL" => false,
            "1" or "USE_DOWNSTREAM_PROTOCOL" => true,
            _ => null,
        };

    private static ConfigObject Message(ConfigObject cluster, bool followsDownstream)
    {
        var message = new ConfigObject(cluster.Origin);
        foreach (var field in (string[])["common_http_protocol_options", "upstream_http_protocol_options"])
            if (cluster.Remove(field) is { } value)
                message.Set(field, value);
        var protocols = new ConfigObject(cluster.Origin);
        // HTTP/2 is what counts of the two where a cluster has both.
        foreach (var field in (string[])["http2_protocol_options", "http_protocol_options"])
            if (cluster.Remove(field) is { } value && (followsDownstream || protocols.Count == 0))
                protocols.Set(field, value);
        if (!followsDownstream && protocols.Count == 0)
            protocols.Set("http_protocol_options", new ConfigObject(cluster.Origin));
        return message.Set(followsDownstream ? "use_downstream_protocol_config" : "explicit_http_config", protocols);
    }

    /// <summary>Envoy's newer form of lb_policy: the first of the list that is known counts.</summary>
    private static void TakePolicy(ConfigObject cluster)
    {
        if (ShortForm.Items(cluster.Object("load_balancing_policy"), "policies").FirstOrDefault() is not { } first
            || cluster.Text("lb_policy") is not (null or "ROUND_ROBIN"))
            return;
        var extension = first.Object("typed_extension_config");
        var name = extension?.Text("name") is { } full ? full[(full.LastIndexOf('.') + 1)..] : "";
        string[] known = name switch
        {
            "round_robin" or "random" => [],
            "least_request" => ["choice_count", "active_request_bias", "selection_method"],
            "ring_hash" => ["hash_function", "minimum_ring_size", "maximum_ring_size"],
            "maglev" => ["table_size"],
            _ => ["?"],
        };
        var config = extension?.Object("typed_config");
        if (known is ["?"] || config?.Members.Any(m => m.Key != "@type" && !known.Contains(m.Key)) == true)
            return; // its settings are not served
        cluster.Set("lb_policy", ConfigScalar.String(name.ToUpperInvariant(), extension!.Origin));
        if (known.Length > 0 && config is not null)
        {
            var settings = new ConfigObject(config.Origin);
            foreach (var member in config.Members.Where(m => m.Key != "@type"))
                settings.Set(member.Key, member.Value);
            cluster.Set(name + "_lb_config", settings);
        }
        cluster.Remove("load_balancing_policy");
    }

    private static void DropHighPriority(ConfigObject cluster, ConfigErrors notes)
    {
        if (cluster.Object("circuit_breakers")?.Array("thresholds") is not { } thresholds)
            return;
        thresholds.RemoveAll(node =>
        {
            if (node is not ConfigObject limits || limits.Text("priority") != "HIGH")
                return false;
            notes.Warning(limits, ConfigCode.UnsupportedField, "the limits of priority HIGH are left out: no request has it");
            return true;
        });
    }

    /// <summary>Envoy takes any weight; here the largest is 128, and the others follow.</summary>
    private static void ScaleWeights(ConfigObject cluster, ConfigErrors notes)
    {
        var endpoints = (from locality in ShortForm.Items(cluster.Object("load_assignment"), "endpoints")
                         from endpoint in ShortForm.Items(locality, "lb_endpoints")
                         where Weight(endpoint) is not null
                         select endpoint).ToList();
        var largest = endpoints.Select(e => Weight(e)!.Value).DefaultIfEmpty(0u).Max();
        if (largest <= MaxWeight)
            return;
        notes.Warning(endpoints[0]["load_balancing_weight"], ConfigCode.InvalidValue,
            $"the weights of the cluster's endpoints are scaled down to {MaxWeight} at most");
        foreach (var endpoint in endpoints)
            endpoint.Set("load_balancing_weight",
                ConfigScalar.Number(Math.Max(1, (long)Math.Round(Weight(endpoint)!.Value * (double)MaxWeight / largest)),
                    endpoint["load_balancing_weight"]!.Origin));
    }

    private static uint? Weight(ConfigObject endpoint) =>
        endpoint["load_balancing_weight"] is ConfigScalar scalar
        && uint.TryParse(scalar.Text, NumberStyles.None, CultureInfo.InvariantCulture, out var weight) && weight > 0 ? weight : null;
}
