using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Configuration.Model;

[Description("Several routing tables, of which a key chooses that is made of the request's headers.")]
[UnsupportedField("scoped_rds", "scopes come from this document; use scoped_route_configurations_list")]
[UnsupportedField("rds_config_source", "route configurations come from this document; leave rds_config_source out")]
public sealed record ScopedRoutesConfig : ConfigRecord
{
    [Required, Length(1, 256), Description("Any name.")]
    public string Name { get; init; } = "";

    [Required, Description("How the key is made.")]
    public ScopeKeyBuilderConfig? ScopeKeyBuilder { get; init; }

    [OneOf("config_specifier", Required = true), Description("The tables.")]
    public ScopedRouteListConfig? ScopedRouteConfigurationsList { get; init; }
}

[Description("Makes the key of a request. Where one of its parts is not there, there is no key, and no route.")]
public sealed record ScopeKeyBuilderConfig : ConfigRecord
{
    [Required, Length(1, 16), Description("The parts of the key.")]
    public IReadOnlyList<ScopeFragmentBuilderConfig> Fragments { get; init; } = [];
}

[Description("A part of the key.")]
public sealed record ScopeFragmentBuilderConfig : ConfigRecord
{
    [OneOf("type", Required = true), Description("From a header.")]
    public HeaderValueExtractorConfig? HeaderValueExtractor { get; init; }
}

[Description("A part of the first value of a header.")]
public sealed record HeaderValueExtractorConfig : ConfigRecord
{
    [Required, Length(1, 256), Description("The header.")]
    public string Name { get; init; } = "";

    [Length(0, 64), Description("Stands between the elements of the value. Empty: the value is one element.")]
    public string ElementSeparator { get; init; } = "";

    [OneOf("extract_type", Required = true), Range(0, 1000), Description("Which element, from 0.")]
    public int? Index { get; init; }

    [OneOf("extract_type", Required = true), Description("The value of the first element with this key.")]
    public KeyedElementConfig? Element { get; init; }
}

[Description("An element that is a key and a value.")]
public sealed record KeyedElementConfig : ConfigRecord
{
    [Required, Length(1, 64), Description("Stands between them.")]
    public string Separator { get; init; } = "";

    [Required, Length(1, 256), Description("The key.")]
    public string Key { get; init; } = "";
}

[Description("Routing tables by key.")]
public sealed record ScopedRouteListConfig : ConfigRecord
{
    [Required, Length(1, 1000), Description("The tables.")]
    public IReadOnlyList<ScopedRouteConfig> ScopedRouteConfigurations { get; init; } = [];
}

[Description("A routing table and its key.")]
[UnsupportedField("on_demand", "every table of the document is there; leave on_demand out")]
public sealed record ScopedRouteConfig : ConfigRecord
{
    [Required, Length(1, 256), Description("Any name, each once.")]
    public string Name { get; init; } = "";

    [OneOf("routes", Required = true), Length(1, 256), Description("A name from route_configurations.")]
    public string? RouteConfigurationName { get; init; }

    [OneOf("routes", Required = true), Description("The routing table itself.")]
    public RouteConfigurationConfig? RouteConfiguration { get; init; }

    [Required, Description("Its key, as many parts as the builder has; each key once.")]
    public ScopeKeyConfig? Key { get; init; }
}

[Description("A key.")]
public sealed record ScopeKeyConfig : ConfigRecord
{
    [Required, Length(1, 16), Description("Its parts.")]
    public IReadOnlyList<ScopeFragmentConfig> Fragments { get; init; } = [];
}

[Description("A part of a key.")]
public sealed record ScopeFragmentConfig : ConfigRecord
{
    [OneOf("type", Required = true), Length(0, 256), Description("The text.")]
    public string? StringKey { get; init; }
}
