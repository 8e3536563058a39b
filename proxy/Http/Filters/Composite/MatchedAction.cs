using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Core;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Router.Trees;

namespace Managed.Proxy.Http.Filters.Composite;

/// <summary>What a matcher found for a filter.</summary>
/// <param name="Factory">Of the filter that runs; null: none does.</param>
/// <param name="PartsPerMillion">For this share alone.</param>
internal sealed record MatchedAction(HttpFilterFactory? Factory, int PartsPerMillion);

/// <summary>The counters of a composite filter, under Envoy's names.</summary>
internal sealed class CompositeStats(FilterBuildContext context)
{
    public Counter Success { get; } = context.Stats.Counter(context.StatPrefix + "composite.filter_delegation_success");
    public Counter Error { get; } = context.Stats.Counter(context.StatPrefix + "composite.filter_delegation_error");
}

/// <summary>Compiles the matcher of one filter.</summary>
/// <param name="context">Of the filter around.</param>
/// <param name="composite">The filter inside stands for others.</param>
internal sealed class MatchedActionBuilder(FilterBuildContext context, bool composite)
{
    private const string Skip = "envoy.extensions.filters.common.matcher.action.v3.SkipFilter";
    private const string Execute = "envoy.extensions.filters.http.composite.v3.ExecuteFilterAction";

    private int _actions;

    /// <summary>Null with errors added.</summary>
    public MatchTree<MatchedAction>? Build(MatcherConfig config)
        => new MatchTreeBuilder<MatchedAction>(context.Errors, MatchPhases.Connection | MatchPhases.Request | MatchPhases.Response, Action)
            .Build(config);

    /// <summary>The filter inside; null with errors added.</summary>
    public HttpFilterFactory? Filter(InnerFilterConfig config, string identity)
    {
        if (context.Catalog.Find(config.TypedConfig, config.Name, config.Node, context.Errors) is not { } definition) return null;
        if (!definition.IsTerminal && definition is not (MatchDelegateFilterDefinition or CompositeFilterDefinition))
            return definition.Build(config.TypedConfig, context.With($"{context.Identity}/{identity}"));
        context.Errors.Error(config.Node, ConfigCode.UnsupportedField, $"'{config.Name}' is not supported here: "
            + (definition.IsTerminal ? "it ends the chain" : "matchers choose one filter"));
        return null;
    }

    private MatchedAction? Action(string type, ConfigObject typed)
    {
        var errors = context.Errors;
        if (type == Skip)
            return ConfigBinder.Bind<SkipFilterConfig>(typed, errors) is { HasErrors: false } ? new MatchedAction(null, 0) : null;
        if (type != Execute || !composite)
        {
            errors.ErrorAt(typed, "@type", ConfigCode.UnknownExtension, type == Execute
                ? "ExecuteFilterAction is for the filter composite" : $"the action '{type}' is not available here", Skip);
            return null;
        }
        if (ConfigBinder.Bind<ExecuteFilterActionConfig>(typed, errors) is not { HasErrors: false, TypedConfig: { } inner } action)
            return null;
        int share = action.SamplePercent?.DefaultValue?.PartsPerMillion ?? 1_000_000;
        // The identity keeps what outlives a version apart: an action is known by its place and the name of its filter.
        return Filter(inner, $"{_actions++}/{inner.Name}") is { } factory ? new MatchedAction(factory, share) : null;
    }
}
