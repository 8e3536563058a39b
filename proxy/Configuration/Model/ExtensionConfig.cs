using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Configuration.Model;

[Description("A listener filter or network filter: its name in the chain and its typed configuration.")]
[UnsupportedField("config_discovery", "filters come from this document; put a shared one under extension_configs")]
[UnsupportedField("filter_disabled", "predicates of listener filters are not available in this version")]
public sealed record ExtensionConfig : ConfigRecord
{
    [Required, ResourceName,
        Description("Addresses the filter in its chain. Without an @type in typed_config it also chooses the extension.")]
    public string Name { get; init; } = "";

    [Description("The extension's own message; @type names it.")]
    public ConfigObject? TypedConfig { get; init; }
}

[Description("An HTTP filter in the chain of an HTTP connection manager.")]
[UnsupportedField("config_discovery", "filters come from this document; put a shared one under extension_configs")]
[UnsupportedField("is_optional", "every filter named must exist")]
public sealed record HttpFilterConfig : ConfigRecord
{
    [Required, ResourceName, Description("Addresses the filter in its chain and in typed_per_filter_config.")]
    public string Name { get; init; } = "";

    [Description(
        "The extension's own message. Absent: the extension_configs entry of the same name, else the extension of that name with its "
            + "defaults.")]
    public ConfigObject? TypedConfig { get; init; }

    [Description("The filter is skipped unless a route turns it on by a typed_per_filter_config entry.")]
    public bool Disabled { get; init; }
}

[Description("A filter configuration that several chains share by name.")]
public sealed record SharedExtensionConfig : ConfigRecord
{
    [Required, ResourceName, Description("The name http_filters items use.")]
    public string Name { get; init; } = "";

    [Required, Description("The extension's own message; @type names it.")]
    public ConfigObject? TypedConfig { get; init; }
}

[Description("Envoy's envoy.config.route.v3.FilterConfig: switches a filter off or on for a route, with or without a configuration.")]
[UnsupportedField("is_optional", "every filter named must exist")]
public sealed record RouteFilterConfig : ConfigRecord
{
    [Description("Skips the filter on this route.")]
    public bool Disabled { get; init; }

    [Description("The filter's per-route message; @type names it.")]
    public ConfigObject? Config { get; init; }
}
