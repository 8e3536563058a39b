using Managed.Proxy.Core.Telemetry;

namespace Managed.Proxy.Http.Filters.Fault;

/// <summary>
/// Counters and the limit of a chain's fault filter, under <c>http.prefix.fault</c>; what routes configure counts here too, as in Envoy.
/// </summary>
internal sealed class FaultStats(FilterBuildContext context)
{
    public Counter DelaysInjected { get; } = context.Stats.Counter(context.StatPrefix + "fault.delays_injected");
    public Counter AbortsInjected { get; } = context.Stats.Counter(context.StatPrefix + "fault.aborts_injected");
    public Counter Overflow { get; } = context.Stats.Counter(context.StatPrefix + "fault.faults_overflow");
    public Gauge ActiveFaults { get; } = context.Stats.Gauge(context.StatPrefix + "fault.active_faults");

    /// <summary>One count for all workers and versions of a connection manager.</summary>
    public ActiveFaults Active { get; } = context.Shared.GetOrAdd($"fault/{context.StatPrefix}", () => new ActiveFaults());
}

/// <summary>How many faults are under way, over all workers.</summary>
internal sealed class ActiveFaults
{
    private long _count;

    public bool TryEnter(uint? limit)
    {
        if (Interlocked.Increment(ref _count) <= (limit ?? long.MaxValue)) return true;
        Interlocked.Decrement(ref _count);
        return false;
    }

    public void Leave() => Interlocked.Decrement(ref _count);
}
