using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Router.Trees;
using Managed.Proxy.Tests.Http;

namespace Managed.Proxy.Tests.Router.Trees;

/// <summary>Match trees from YAML whose actions are texts, and the pieces of that YAML.</summary>
internal static class Matchers
{
    public const string Url = "type.googleapis.com/";
    public const string Network = "envoy.extensions.matching.common_inputs.network.v3.";

    /// <summary>An input of envoy.type.matcher.v3, or of the type given whole.</summary>
    public static string Input(string type, string more = "")
        => $"{{name: i, typed_config: {{'@type': {Url}{(type.Contains('.') ? type : "envoy.type.matcher.v3." + type)}{more}}}}}";

    public static string Header(string name) => Input("HttpRequestHeaderMatchInput", $", header_name: {name}");

    public static string Test(string input, string value) => $"{{single_predicate: {{input: {input}, value_match: {{{value}}}}}}}";

    /// <summary>Leads to the action of this name.</summary>
    public static string Then(string name) => $"{{action: {{name: a, typed_config: {{'@type': {Url}test.Text, name: {name}}}}}}}";

    public static MatchTree<string>? Build(string yaml, out IReadOnlyList<ConfigError> found,
        MatchPhases known = MatchPhases.Connection | MatchPhases.Request | MatchPhases.Response)
    {
        var errors = new ConfigErrors();
        var config = ConfigBinder.BindPartial<MatcherConfig>(Requests.Node(yaml), errors)!;
        var tree = new MatchTreeBuilder<string>(errors, known, (_, typed) => typed.Text("name")).Build(config);
        found = errors.Errors;
        return tree;
    }
}
