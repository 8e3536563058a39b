using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Http.Filters.Router;

/// <summary>
/// The terminal filter. Its work is the stream's own ([6] and [7] in <see cref="HttpStream"/>); here are its name and settings.
/// </summary>
internal sealed class RouterFilterDefinition : HttpFilterDefinition
{
    public override string Name => "envoy.filters.http.router";
    public override string TypeName => "envoy.extensions.filters.http.router.v3.Router";
    public override Type ConfigType => typeof(RouterConfig);
    public override string Summary => "Ends the chain: sends the request to the cluster of its route and brings the response back.";
    public override bool IsTerminal => true;

    public RouterConfig? Read(ConfigNode? typedConfig, ConfigErrors errors)
        => typedConfig is null ? new RouterConfig() : ConfigBinder.Bind<RouterConfig>(typedConfig, errors);

    public override HttpFilterFactory? Build(ConfigNode? typedConfig, FilterBuildContext context) => null;
}
