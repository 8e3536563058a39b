using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Http.Filters.SetMetadata;

internal sealed class SetMetadataFilterDefinition : HttpFilterDefinition
{
    public override string Name => "envoy.filters.http.set_metadata";
    public override string TypeName => "envoy.extensions.filters.http.set_metadata.v3.Config";
    public override Type ConfigType => typeof(SetMetadataConfig);
    public override string Summary => "Adds fixed values to the dynamic metadata of each request.";

    public override HttpFilterFactory? Build(ConfigNode? typedConfig, FilterBuildContext context)
    {
        var config = typedConfig is null ? new() : ConfigBinder.Bind<SetMetadataConfig>(typedConfig, context.Errors);
        if (config is null) return null;
        var items = config.Metadata
            .Select(m => new SetMetadataItem(m.MetadataNamespace, ConfigPlain.Of(m.Value!), m.AllowOverwrite)).ToList();
        if (config.Value is { } value)
        {
            if (config.MetadataNamespace.Length == 0)
            {
                context.Errors.ErrorAt(typedConfig, "metadata_namespace", ConfigCode.MissingField, "'metadata_namespace' is missing");
                return null;
            }
            items.Insert(0, new SetMetadataItem(config.MetadataNamespace, ConfigPlain.Of(value), AllowOverwrite: true));
        }
        var denied = context.Stats.Counter(context.StatPrefix + "set_metadata.overwrite_denied");
        SetMetadataItem[] all = [.. items];
        return new FilterFactory(FilterHooks.RequestHeaders, _ => new SetMetadataFilter(all, denied));
    }
}
