using Managed.Proxy.Configuration.Model;

namespace Managed.Proxy.Router;

/// <summary>
/// How many attempts of a request may be under way at a time (Envoy: hedge_policy). Envoy itself implements hedge_on_per_try_timeout alone;
/// the other two do what its description of them says. Immutable.
/// </summary>
internal sealed class HedgePolicy
{
    private readonly int _first, _partsPerMillion;

    private HedgePolicy(HedgePolicyConfig config)
    {
        _first = (int)config.InitialRequests;
        _partsPerMillion = config.AdditionalRequestChance?.PartsPerMillion ?? 0;
        OnTryTimeout = config.HedgeOnPerTryTimeout;
    }

    /// <summary>An attempt that takes longer than per_try_timeout goes on, and another one is begun beside it.</summary>
    public bool OnTryTimeout { get; }

    /// <summary>Null: one at a time.</summary>
    public static HedgePolicy? Build(HedgePolicyConfig? config) => config is null ? null : new HedgePolicy(config);

    /// <summary>How many attempts a request begins with beside its own.</summary>
    public int FirstBeside(ulong random) => _first - 1 + ((int)(random % 1_000_000) < _partsPerMillion ? 1 : 0);
}
