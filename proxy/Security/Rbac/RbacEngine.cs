using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Core;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Router.Matching;
using Managed.Proxy.Router.Trees;

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
    private readonly MatchTree<RbacVerdict>? _tree;

    private RbacEngine(RbacAction action, RbacPolicy[] policies, MatchTree<RbacVerdict>? tree = null, bool notes = false)
    {
        (_action, _policies, _tree) = (action, policies, tree);
        _none = new RbacPolicy("", null, default, default);
        NotesLog = notes || action == RbacAction.Log;
    }

    /// <summary>It decides nothing, or not always: it notes whether a policy with LOG matched.</summary>
    public bool NotesLog { get; }

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

    /// <summary>
    /// The same of a matcher, as in Envoy: its action envoy.config.rbac.v3.Action decides, and what it finds nothing for is denied.
    /// </summary>
    public static RbacEngine? Build(MatcherConfig config, ConfigErrors errors, bool http, Func<string, Counter>? counter)
    {
        bool notes = false;
        var known = http ? MatchPhases.Connection | MatchPhases.Request : MatchPhases.Connection;
        var builder = new MatchTreeBuilder<RbacVerdict>(errors, known,
            (type, typed) =>
            {
                if (type != "envoy.config.rbac.v3.Action")
                {
                    errors.ErrorAt(typed, "@type", ConfigCode.UnknownExtension, $"the action '{type}' is not available here",
                        "envoy.config.rbac.v3.Action");
                    return null;
                }
                if (ConfigBinder.Bind<RbacMatchActionConfig>(typed, errors) is not { HasErrors: false } action) return null;
                notes |= action.Action == RbacAction.Log;
                return new RbacVerdict(action.Action, new RbacPolicy(action.Name, null,
                    counter?.Invoke(action.Name + ".allowed") ?? default, counter?.Invoke(action.Name + ".denied") ?? default));
            });
        return builder.Build(config) is { } tree ? new RbacEngine(RbacAction.Allow, [], tree, notes) : null;
    }

    /// <summary>Judges a request or connection, and counts it for the policy that matched.</summary>
    /// <param name="subject">What is judged.</param>
    /// <param name="worker">Whose counters.</param>
    /// <param name="policy">That matched; one without a name when none did.</param>
    /// <param name="logs">It is one that is noted for the access log.</param>
    public bool Allows(in RbacSubject subject, WorkerContext worker, out RbacPolicy policy, out bool logs)
    {
        var work = new MatchWork();
        policy = _none;
        logs = false;
        if (_tree is not null)
        {
            if (_tree.Find(subject.Info, ref work, out var verdict) != MatchVerdict.Yes) return false;
            policy = verdict!.Policy;
            logs = verdict.Action == RbacAction.Log;
            bool let = verdict.Action != RbacAction.Deny;
            worker.Stats.Increment(let ? policy.Allowed : policy.Denied);
            return let;
        }
        foreach (var one in _policies)
        {
            bool matches = one.Rule!.IsMatch(subject, ref work);
            if (work.GaveUp) return _action == RbacAction.Log;
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
        logs = matched && _action == RbacAction.Log;
        if (matched) worker.Stats.Increment(allowed ? policy.Allowed : policy.Denied);
        return allowed;
    }
}

/// <summary>What a matcher finds.</summary>
internal sealed record RbacVerdict(RbacAction Action, RbacPolicy Policy);

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
