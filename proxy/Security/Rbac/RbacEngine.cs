using Managed.Proxy.Configuration;
using Managed.Proxy.Core;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Router.Matching;

namespace Managed.Proxy.Security.Rbac;

/// <summary>
/// Compiled rules: an action and its policies in the order of their names, as Envoy asks them. An expression that cannot be asked, because
/// the request is made to cost too much, settles nothing: such a request is denied, whether its policy was to let in or to keep out.
/// </summary>
internal sealed class RbacEngine
{
    private readonly RbacAction _action;
    private readonly RbacPolicy[] _policies;
    private readonly RbacPolicy _none;

    private RbacEngine(RbacAction action, RbacPolicy[] policies)
        => (_action, _policies, _none) = (action, policies, new RbacPolicy("", null, default, default));

    /// <summary>It does not decide: it notes whether a policy matched.</summary>
    public bool OnlyLogs => _action == RbacAction.Log;

    /// <summary>Null with errors added.</summary>
    /// <param name="config">What the user wrote.</param>
    /// <param name="errors">Takes what is wrong.</param>
    /// <param name="http">Requests are judged, otherwise connections.</param>
    /// <param name="counter">Makes the counter of a policy, "NAME.allowed"; null: policies have none.</param>
    public static RbacEngine? Build(RbacRulesConfig config, ConfigErrors errors, bool http, Func<string, Counter>? counter)
    {
        var compiler = new RbacCompiler(errors, http);
        var policies = new List<RbacPolicy>();
        foreach (var (name, policy) in config.Policies.OrderBy(p => p.Key, StringComparer.Ordinal))
            if (compiler.Policy(policy) is { } rule)
                policies.Add(new RbacPolicy(name, rule, counter?.Invoke(name + ".allowed") ?? default,
                    counter?.Invoke(name + ".denied") ?? default));
        return policies.Count == config.Policies.Count ? new RbacEngine(config.Action, [.. policies]) : null;
    }

    /// <summary>Judges a request or connection, and counts it for the policy that matched.</summary>
    /// <param name="subject">What is judged.</param>
    /// <param name="worker">Whose counters.</param>
    /// <param name="policy">That matched; one without a name when none did.</param>
    public bool Allows(in RbacSubject subject, WorkerContext worker, out RbacPolicy policy)
    {
        var work = new MatchWork();
        policy = _none;
        foreach (var one in _policies)
        {
            bool matches = one.Rule!.IsMatch(subject, ref work);
            if (work.GaveUp) return OnlyLogs;
            if (!matches) continue;
            policy = one;
            break;
        }
        bool matched = !ReferenceEquals(policy, _none), allowed = _action switch
        {
            RbacAction.Allow => matched,
            RbacAction.Deny => !matched,
            _ => true,
        };
        if (matched) worker.Stats.Increment(allowed ? policy.Allowed : policy.Denied);
        return allowed;
    }
}

/// <summary>A policy, or that none matched.</summary>
internal sealed class RbacPolicy(string name, RbacRule? rule, Counter allowed, Counter denied)
{
    /// <summary>Empty: none matched.</summary>
    public string Name => name;
    public RbacRule? Rule => rule;
    public Counter Allowed => allowed;
    public Counter Denied => denied;

    /// <summary>Envoy's response code details, which have no white space.</summary>
    public string Details { get; } = $"rbac_access_denied_matched_policy[{(name.Length == 0 ? "none" : WithoutSpace(name))}]";

    private static string WithoutSpace(string name) => string.Concat(name.Select(c => char.IsWhiteSpace(c) || char.IsControl(c) ? '_' : c));
}
