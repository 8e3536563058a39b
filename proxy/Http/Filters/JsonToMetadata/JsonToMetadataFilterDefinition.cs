using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Http.Filters.JsonToMetadata;

internal sealed class JsonToMetadataFilterDefinition : HttpFilterDefinition
{
    public override string Name => "envoy.filters.http.json_to_metadata";
    public override string TypeName => "envoy.extensions.filters.http.json_to_metadata.v3.JsonToMetadata";
    public override string RouteTypeName => TypeName;
    public override Type ConfigType => typeof(JsonToMetadataConfig);
    public override Type RouteConfigType => typeof(JsonToMetadataConfig);
    public override string Summary => "Copies values of JSON bodies into dynamic metadata.";

    public override HttpFilterFactory? Build(ConfigNode? typedConfig, FilterBuildContext context)
    {
        var settings = typedConfig is null ? new(null, null) : Settings(typedConfig, context);
        if (settings is null) return null;
        var request = new JsonStats(context.Stats, "json_to_metadata.rq.");
        var response = new JsonStats(context.Stats, "json_to_metadata.resp.");
        return new FilterFactory(FilterHooks.RequestHeaders | FilterHooks.RequestBody | FilterHooks.RequestTrailers
            | FilterHooks.ResponseHeaders | FilterHooks.ResponseBody | FilterHooks.ResponseTrailers,
            _ => new JsonToMetadataFilter(settings, request, response));
    }

    public override object? BuildRoute(ConfigNode typedConfig, FilterBuildContext context) => Settings(typedConfig, context);

    private static JsonToMetadataSettings? Settings(ConfigNode node, FilterBuildContext context)
    {
        if (ConfigBinder.Bind<JsonToMetadataConfig>(node, context.Errors) is not { } config) return null;
        int before = context.Errors.Count;
        if (config is { RequestRules: null, ResponseRules: null })
            context.Errors.Error(node, ConfigCode.MissingField, "one of these is missing: request_rules, response_rules");
        var request = config.RequestRules is { } r ? JsonRules.Build(r, context.Errors) : null;
        var response = config.ResponseRules is { } s ? JsonRules.Build(s, context.Errors) : null;
        return context.Errors.Count > before ? null : new JsonToMetadataSettings(request, response);
    }
}

/// <summary>The rules of both directions; null: that direction is not looked at.</summary>
internal sealed record JsonToMetadataSettings(JsonRules? Request, JsonRules? Response);
