using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Http.Filters.GrpcJsonTranscoder;

internal sealed class GrpcJsonTranscoderFilterDefinition : HttpFilterDefinition
{
    private const int MostBindings = 10_000;

    public override string Name => "envoy.filters.http.grpc_json_transcoder";
    public override string TypeName => "envoy.extensions.filters.http.grpc_json_transcoder.v3.GrpcJsonTranscoder";
    public override string RouteTypeName => TypeName;
    public override Type ConfigType => typeof(GrpcJsonTranscoderConfig);
    public override Type RouteConfigType => typeof(GrpcJsonTranscoderConfig);
    public override string Summary => "Lets clients that speak HTTP and JSON call gRPC services.";

    public override HttpFilterFactory? Build(ConfigNode? typedConfig, FilterBuildContext context)
    {
        if (typedConfig is null)
        {
            context.Errors.Error((ConfigNode?)null, ConfigCode.MissingField, "grpc_json_transcoder needs a typed_config");
            return null;
        }
        return Settings(typedConfig, context) is { } settings
            ? new FilterFactory((FilterHooks)63, _ => new GrpcJsonTranscoderFilter(settings)) : null;
    }

    public override object? BuildRoute(ConfigNode typedConfig, FilterBuildContext context) => Settings(typedConfig, context);

    private static TranscoderSettings? Settings(ConfigNode node, FilterBuildContext context)
    {
        if (ConfigBinder.Bind<GrpcJsonTranscoderConfig>(node, context.Errors) is not { } config) return null;
        if (config.Services.Count == 0) return TranscoderSettings.Off;
        string field = config.ProtoDescriptorBin is null ? "proto_descriptor" : "proto_descriptor_bin";
        byte[]? bytes = config.ProtoDescriptorBin;
        if (bytes is null && config.ProtoDescriptor is { } source && (bytes = source.TryRead(context.Errors)) is null) return null;
        if (bytes is null)
        {
            context.Errors.ErrorAt(config.Node, "proto_descriptor", ConfigCode.MissingField,
                "one of these is missing: proto_descriptor, proto_descriptor_bin");
            return null;
        }
        if (DescriptorSet.Read(bytes, out string wrong) is not { } types)
        {
            context.Errors.ErrorAt(config.Node, field, ConfigCode.InvalidValue, wrong);
            return null;
        }
        var bindings = new List<HttpBinding>();
        bool valid = true;
        foreach (string service in config.Services)
        {
            if (!types.Services.Contains(service))
            {
                context.Errors.ErrorAt(config.Node, "services", ConfigCode.UnknownReference,
                    $"there is no service '{service}' in the descriptor set",
                    Suggestions.Closest(service, types.Services) is { } near ? $"did you mean '{near}'?" : null);
                valid = false;
                continue;
            }
            foreach (var method in types.Methods[service])
            {
                if (method.HttpRule is { } rule && !HttpBinding.TryRead(method, rule, bindings, out wrong))
                {
                    context.Errors.ErrorAt(config.Node, field, ConfigCode.InvalidValue, $"{service}.{method.Name}: {wrong}");
                    valid = false;
                }
                else if (method.HttpRule is null && config.AutoMapping) HttpBinding.AddAuto(method, bindings);
            }
        }
        if (bindings.Count > MostBindings)
        {
            context.Errors.ErrorAt(config.Node, "services", ConfigCode.InvalidValue, $"more than {MostBindings} rules");
            valid = false;
        }
        return valid ? new TranscoderSettings(config, types, bindings) : null;
    }
}
