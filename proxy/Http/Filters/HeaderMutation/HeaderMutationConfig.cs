using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Http.Filters.HeaderMutation;

[Description("Changes headers and query parameters.")]
public sealed record HeaderMutationConfig : ConfigRecord
{
    [Description("The changes, in order.")]
    public MutationsConfig Mutations { get; init; } = new();

    [Description("Applies the most specific level of per-route changes last instead of first, so that it wins.")]
    public bool MostSpecificHeaderMutationsWins { get; init; }
}

[Description("Changes for a route, virtual host, route configuration or weighted cluster; all levels apply.")]
public sealed record HeaderMutationPerRouteConfig : ConfigRecord
{
    [Description("The changes, in order.")]
    public MutationsConfig Mutations { get; init; } = new();
}

[Description("Changes by place.")]
public sealed record MutationsConfig : ConfigRecord
{
    [Description("Of request headers.")]
    public IReadOnlyList<HeaderMutationRuleConfig> RequestMutations { get; init; } = [];

    [Description("Of query parameters.")]
    public IReadOnlyList<QueryParameterMutationConfig> QueryParameterMutations { get; init; } = [];

    [Description("Of response headers.")]
    public IReadOnlyList<HeaderMutationRuleConfig> ResponseMutations { get; init; } = [];

    [Description("Of response trailers.")]
    public IReadOnlyList<HeaderMutationRuleConfig> ResponseTrailersMutations { get; init; } = [];

    [Description("Of request trailers.")]
    public IReadOnlyList<HeaderMutationRuleConfig> RequestTrailersMutations { get; init; } = [];
}

[Description("One change of headers.")]
public sealed record HeaderMutationRuleConfig : ConfigRecord
{
    [OneOf("action", Required = true), Length(1, 256), Description("Removes the header of this name.")]
    public string? Remove { get; init; }

    [OneOf("action", Required = true), Description("Adds a header, or replaces it, as append_action says.")]
    public HeaderValueOptionConfig? Append { get; init; }

    [OneOf("action", Required = true), Description("Removes every header whose name passes the test.")]
    public RemoveOnMatchConfig? RemoveOnMatch { get; init; }
}

[Description("A test of header names.")]
public sealed record RemoveOnMatchConfig : ConfigRecord
{
    [Required, Description("The test.")]
    public StringMatcherConfig? KeyMatcher { get; init; }
}

[Description("One change of query parameters: append or remove.")]
public sealed record QueryParameterMutationConfig : ConfigRecord
{
    [OneOf("action", Required = true), Description("Adds a parameter, or replaces it, as its action says.")]
    public KeyValueAppendConfig? Append { get; init; }

    [OneOf("action", Required = true), Length(1, 1024), Description("Removes the parameter of this name.")]
    public string? Remove { get; init; }
}

[Description("A parameter to add, with how it meets one that is there.")]
public sealed record KeyValueAppendConfig : ConfigRecord
{
    [OneOf("entry", Required = true), Description("Name and value.")]
    public KeyValuePairConfig? Record { get; init; }

    [OneOf("entry", Required = true), Description("Deprecated in Envoy, use record: name and value.")]
    public KeyValuePairConfig? Entry { get; init; }

    [Description("What happens when the parameter is there already.")]
    public HeaderAppendAction Action { get; init; } = HeaderAppendAction.AppendIfExistsOrAdd; // Envoy's default
}

[Description("A name and a value.")]
public sealed record KeyValuePairConfig : ConfigRecord
{
    [Required, Length(1, 1024), Description("Name.")]
    public string Key { get; init; } = "";

    [Description("Value; format operators are replaced.")]
    public string Value { get; init; } = "";
}
