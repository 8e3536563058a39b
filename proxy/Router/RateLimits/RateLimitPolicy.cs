using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;

namespace Managed.Proxy.Router.RateLimits;

/// <summary>The compiled rate_limits of one level.</summary>
internal sealed class RateLimitPolicy
{
    private readonly (int Stage, RateLimitAction[] Actions)[] _limits;

    private RateLimitPolicy((int, RateLimitAction[])[] limits) => _limits = limits;

    public static RateLimitPolicy None { get; } = new([]);

    public bool IsEmpty => _limits.Length == 0;

    /// <summary>Null with errors added.</summary>
    public static RateLimitPolicy? Build(IReadOnlyList<RateLimitConfig> configs, ConfigErrors errors)
    {
        if (configs.Count == 0) return None;
        var limits = new List<(int, RateLimitAction[])>();
        foreach (var config in configs)
        {
            var actions = config.Actions.Select(a => RateLimitAction.Compile(a, errors)).OfType<RateLimitAction>().ToArray();
            if (actions.Length == config.Actions.Count) limits.Add((config.Stage, actions));
        }
        return limits.Count == configs.Count ? new RateLimitPolicy([.. limits]) : null;
    }

    /// <summary>Adds the descriptors of a request.</summary>
    /// <param name="stage">Of the filter; -1: limits of every stage.</param>
    public void Fill(in RateLimitSubject subject, int stage, DescriptorList to)
    {
        foreach (var (of, actions) in _limits)
        {
            if (stage >= 0 && of != stage) continue;
            to.Begin();
            bool whole = true;
            foreach (var action in actions)
            {
                whole = action.TryAdd(subject, to);
                if (!whole) break;
            }
            to.End(whole);
        }
    }
}

/// <summary>What a filter does with the limits of a virtual host.</summary>
public enum VirtualHostRateLimits
{
    /// <summary>They count where the route has none.</summary>
    Override,
    /// <summary>They count too.</summary>
    Include,
    /// <summary>They do not count.</summary>
    Ignore,
}
