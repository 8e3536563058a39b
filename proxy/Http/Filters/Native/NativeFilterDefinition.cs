using Managed.Filters;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Http.Filters.Native.Plugins;

namespace Managed.Proxy.Http.Filters.Native;

internal sealed class NativeFilterDefinition : HttpFilterDefinition
{
    public override string Name => "managed.filters.http.native";
    public override string TypeName => "managed.extensions.filters.http.native.v1.Native";
    public override string RouteTypeName => TypeName;
    public override Type ConfigType => typeof(NativeConfig);
    public override Type RouteConfigType => typeof(NativeConfig);
    public override string Summary => "Runs a filter written in C# on each request and response (docs/native.md).";

    public override HttpFilterFactory? Build(ConfigNode? typedConfig, FilterBuildContext context)
    {
        if (typedConfig is null)
        {
            context.Errors.Error((ConfigNode?)null, ConfigCode.MissingField, "a native filter needs a typed_config");
            return null;
        }
        if (ConfigBinder.Bind<NativeConfig>(typedConfig, context.Errors) is not { } config) return null;
        var plugin = NativeBuilder.Build(config, typeof(HttpFilterPlugin), static p => HooksOf(((HttpFilterPlugin)p).Create()),
            context.Errors, context.Stats, context.Shared);
        return plugin is null ? null : new FilterFactory((FilterHooks)plugin.Hooks, _ => new NativeFilter(plugin));
    }

    public override object? BuildRoute(ConfigNode typedConfig, FilterBuildContext context)
        => ConfigBinder.Bind<NativeConfig>(typedConfig, context.Errors) is { } config
            ? NativeBuilder.Bind(config, typeof(HttpFilterPlugin), context.Errors, context.Shared) : null;

    private static int HooksOf(Managed.Filters.HttpFilter? filter)
    {
        if (filter is null) throw new InvalidOperationException("CreateFilter gave null");
        // A stream that is to do without it learns so at its head.
        var hooks = FilterHooks.RequestHeaders;
        foreach (var hook in (ReadOnlySpan<FilterHooks>)[FilterHooks.RequestBody, FilterHooks.RequestTrailers,
            FilterHooks.ResponseHeaders, FilterHooks.ResponseBody, FilterHooks.ResponseTrailers, FilterHooks.Complete])
        {
            var method = filter.GetType().GetMethod("On" + hook,
                System.Reflection.BindingFlags.Instance | System.Reflection.BindingFlags.NonPublic);
            if (method?.DeclaringType != typeof(Managed.Filters.HttpFilter)) hooks |= hook;
        }
        return (int)hooks;
    }
}
