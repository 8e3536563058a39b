using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Core;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Streams;

namespace Managed.Proxy.Security.Rbac;

/// <summary>
/// Enforced rules and shadow rules of one filter: judges, counts under Envoy's names and notes the results in dynamic metadata, under
/// the filter's name.
/// </summary>
internal sealed class RbacJudge
{
    private const string CommonSpace = "envoy.common", LogHint = "access_log_hint";
    private static readonly object True = true, False = false;

    private readonly RbacEngine? _rules, _shadow;
    private readonly string _space, _enforcedPolicy, _enforcedResult, _shadowPolicy, _shadowResult;

    private RbacJudge(RbacEngine? rules, RbacEngine? shadow, string space, string rulesPrefix, string shadowPrefix)
    {
        (_rules, _shadow, _space) = (rules, shadow, space);
        (_enforcedPolicy, _enforcedResult) = (rulesPrefix + "enforced_effective_policy_id", rulesPrefix + "enforced_engine_result");
        (_shadowPolicy, _shadowResult) = (shadowPrefix + "shadow_effective_policy_id", shadowPrefix + "shadow_engine_result");
    }

    /// <summary>Null with errors added.</summary>
    /// <param name="rules">Enforced; without any all is let in.</param>
    /// <param name="shadow">Judged and noted only.</param>
    /// <param name="space">The filter's name.</param>
    /// <param name="errors">Takes what is wrong.</param>
    /// <param name="stats">Where the policies count; null: they do not.</param>
    /// <param name="names">Of the statistics.</param>
    /// <param name="http">Requests are judged, otherwise connections.</param>
    public static RbacJudge? Build(RbacSource rules, RbacSource shadow, string space, ConfigErrors errors, StatScope? stats,
        RbacStatNames names, bool http)
    {
        int before = errors.Count;
        var enforced = rules.Build(errors, http, stats is null ? null : name => stats.Counter($"{names.Rules}policy.{name}"));
        var shadowed = shadow.Build(errors, http, stats is null ? null
            : name => stats.Counter($"{names.Shadow}policy.{Shadowed(name)}"));
        return errors.Count == before ? new RbacJudge(enforced, shadowed, space, names.RulesPrefix, names.ShadowPrefix) : null;
    }

    // "NAME.allowed" is "NAME.shadow_allowed" there.
    private static string Shadowed(string name) => name.Insert(name.LastIndexOf('.') + 1, "shadow_");

    /// <summary>Judges; notes and counts.</summary>
    /// <returns>Null: let it in; otherwise the policy for which it is denied, one without a name when none matched.</returns>
    public RbacPolicy? Denies(in RbacSubject subject, WorkerContext worker, RbacStats stats)
    {
        RbacPolicy policy;
        if (_shadow is { } shadow)
        {
            bool allowed = shadow.Allows(subject, worker, out policy, out _);
            worker.Stats.Increment(allowed ? stats.ShadowAllowed : stats.ShadowDenied);
            Note(subject.Info, _shadowPolicy, policy, _shadowResult, allowed);
        }
        if (_rules is not { } rules) return null;
        bool let = rules.Allows(subject, worker, out policy, out bool logs);
        worker.Stats.Increment(let ? stats.Allowed : stats.Denied);
        Note(subject.Info, _enforcedPolicy, policy, _enforcedResult, let);
        if (rules.NotesLog) subject.Info.MetadataOf(CommonSpace)[LogHint] = logs ? True : False;
        return let ? null : policy;
    }

    private void Note(StreamInfo info, string policyKey, RbacPolicy policy, string resultKey, bool allowed)
    {
        var values = info.MetadataOf(_space);
        if (policy.Name.Length > 0) values[policyKey] = policy.Name;
        values[resultKey] = allowed ? "allowed" : "denied";
    }
}

/// <summary>What is judged by: rules or a matcher, neither or one of them.</summary>
internal readonly record struct RbacSource(RbacRulesConfig? Rules, MatcherConfig? Matcher)
{
    /// <summary>Null without any, and with errors added.</summary>
    public RbacEngine? Build(ConfigErrors errors, bool http, Func<string, Counter>? counter)
        => Rules is not null ? RbacEngine.Build(Rules, errors, http, counter)
        : Matcher is not null ? RbacEngine.Build(Matcher, errors, http, counter) : null;
}

/// <summary>How the statistics of a filter are called: <c>PREFIX.rbac.RULES_PREFIX.</c>, as Envoy joins them.</summary>
internal sealed class RbacStatNames(string prefix, string rules, string shadow)
{
    public string RulesPrefix => rules;
    public string ShadowPrefix => shadow;
    /// <summary>Each ends in a dot.</summary>
    public string Rules { get; } = Join(Join(prefix) + "rbac." + rules);
    public string Shadow { get; } = Join(Join(prefix) + "rbac." + shadow);

    private static string Join(string name) => name.Length == 0 || name.EndsWith('.') ? name : name + ".";
}

/// <summary>The counters of a filter.</summary>
internal sealed class RbacStats(StatScope scope, RbacStatNames names)
{
    public Counter Allowed { get; } = scope.Counter(names.Rules + "allowed");
    public Counter Denied { get; } = scope.Counter(names.Rules + "denied");
    public Counter ShadowAllowed { get; } = scope.Counter(names.Shadow + "shadow_allowed");
    public Counter ShadowDenied { get; } = scope.Counter(names.Shadow + "shadow_denied");
}
