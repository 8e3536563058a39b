using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Http.Filters.HeaderToMetadata;

internal sealed class HeaderToMetadataFilterDefinition : HttpFilterDefinition
{
    public override string Name => "envoy.filters.http.header_to_metadata";
    public override string TypeName => "envoy.extensions.filters.http.header_to_metadata.v3.Config";
    public override string RouteTypeName => TypeName;
    public override Type ConfigType => typeof(HeaderToMetadataConfig);
    public override Type RouteConfigType => typeof(HeaderToMetadataConfig);
    public override string Summary => "Copies headers and cookies into dynamic metadata, for other filters, policies and access logs.";

    public override HttpFilterFactory? Build(ConfigNode? typedConfig, FilterBuildContext context)
    {
        var settings = typedConfig is null ? new([], []) : Settings(typedConfig, context);
        return settings is null ? null : new FilterFactory(FilterHooks.RequestHeaders | FilterHooks.ResponseHeaders,
            _ => new HeaderToMetadataFilter(settings));
    }

    public override object? BuildRoute(ConfigNode typedConfig, FilterBuildContext context)
    {
        var settings = Settings(typedConfig, context);
        if (settings is not { Request.Length: 0, Response.Length: 0 }) return settings;
        context.Errors.Error(typedConfig, ConfigCode.MissingField, "a route's entry needs request_rules or response_rules",
            "{disabled: true} switches the filter off");
        return null;
    }

    private static HeaderToMetadataSettings? Settings(ConfigNode node, FilterBuildContext context)
    {
        if (ConfigBinder.Bind<HeaderToMetadataConfig>(node, context.Errors) is not { } config) return null;
        int before = context.Errors.Count;
        var request = config.RequestRules.Select(r => HeaderToMetadataRule.Build(r, context.Errors, cookies: true)).ToArray();
        var response = config.ResponseRules.Select(r => HeaderToMetadataRule.Build(r, context.Errors, cookies: false)).ToArray();
        return context.Errors.Count > before ? null : new HeaderToMetadataSettings(request!, response!);
    }
}

/// <summary>The compiled rules of both directions.</summary>
internal sealed record HeaderToMetadataSettings(HeaderToMetadataRule[] Request, HeaderToMetadataRule[] Response);
