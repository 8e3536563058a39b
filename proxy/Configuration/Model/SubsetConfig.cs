using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Configuration.Model;

[Description("Divides the endpoints by their metadata (envoy.lb): a route's metadata_match, and what filters leave there, say which of "
    + "them a request may go to.")]
[UnsupportedField("scale_locality_weight", "a subset's localities have the weights of all")]
[UnsupportedField("metadata_fallback_policy allow_redundant_keys", "not available in this version")]
public sealed record LbSubsetConfig : ConfigRecord
{
    [Description("Where a request goes that asks for nothing, or for what there is not.")]
    public LbSubsetFallbackPolicy FallbackPolicy { get; init; } // Envoy's default: no endpoint

    [Description("Of DEFAULT_SUBSET: the endpoints that have all of these values.")]
    public ConfigObject? DefaultSubset { get; init; }

    [Length(0, 64), Description("For each of them there is a subset for all endpoints with the same values under its keys.")]
    public IReadOnlyList<LbSubsetSelectorConfig> SubsetSelectors { get; init; } = [];

    [Description("Localities get requests by their weights within a subset too.")]
    public bool LocalityWeightAware { get; init; }

    [Description("Where nothing else is found all endpoints are chosen among.")]
    public bool PanicModeAny { get; init; }

    [Description("An endpoint whose value is a list belongs to the subset of each of its elements.")]
    public bool ListAsAny { get; init; }
}

public enum LbSubsetFallbackPolicy { NoFallback, AnyEndpoint, DefaultSubset }

[Description("Keys of metadata.")]
public sealed record LbSubsetSelectorConfig : ConfigRecord
{
    [Required, Length(1, 16), Description("An endpoint without one of them is in none of its subsets.")]
    public IReadOnlyList<string> Keys { get; init; } = [];

    [Description("Where a request goes that asks for just these keys and for values that there are not. NOT_DEFINED: as the cluster says.")]
    public LbSubsetSelectorFallbackPolicy FallbackPolicy { get; init; }

    [Description("Of KEYS_SUBSET: the keys that are asked for then, fewer than its own.")]
    public IReadOnlyList<string> FallbackKeysSubset { get; init; } = [];

    [Description("Only the first endpoint of each subset is in it.")]
    public bool SingleHostPerSubset { get; init; }
}

public enum LbSubsetSelectorFallbackPolicy { NotDefined, NoFallback, AnyEndpoint, DefaultSubset, KeysSubset }

[Description("An endpoint that is new, or well again by its health checks, gets less than its share for a while.")]
public sealed record SlowStartConfig : ConfigRecord
{
    [Required, DurationRange(1), Description("For so long.")]
    public TimeSpan? SlowStartWindow { get; init; }

    [Description("How its share grows: with 1 as the time does, with more quickly at first, with less slowly.")]
    public RuntimeDoubleConfig? Aggression { get; init; }

    [Description("Its share at least; 10 % if nothing is said.")]
    public UpstreamPercentConfig? MinWeightPercent { get; init; }
}

[Description("Settings of ROUND_ROBIN.")]
[UnsupportedField("locality_lb_config", "use common_lb_config")]
public sealed record RoundRobinLbConfig : ConfigRecord
{
    [Description("How an endpoint that comes begins. Absent: with its full share.")]
    public SlowStartConfig? SlowStartConfig { get; init; }
}

[Description("Where endpoints are.")]
public sealed record LocalityConfig : ConfigRecord
{
    [Length(0, 256), Description("Such as eu-west-1.")]
    public string Region { get; init; } = "";

    [Length(0, 256), Description("Within the region.")]
    public string Zone { get; init; } = "";

    [Length(0, 256), Description("Within the zone.")]
    public string SubZone { get; init; } = "";

    internal string Name => $"{Region}/{Zone}/{SubZone}";
}
