using Managed.Filters;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Downstream.Listener;
using Managed.Proxy.Http.Filters.Native.Plugins;

namespace Managed.Proxy.Downstream.NetworkFilters.Native;

internal sealed class NativeNetworkFilterDefinition : NetworkFilterDefinition
{
    public override string Name => "managed.filters.network.native";
    public override string TypeName => "managed.extensions.filters.network.native.v1.Native";
    public override Type ConfigType => typeof(NativeConfig);
    public override string Summary => "Runs a filter written in C# on the bytes of each connection (docs/native.md).";
    public override bool IsTerminal => false;

    internal override NetworkFilterFactory? BuildFilter(ConfigNode? typedConfig, NetworkBuildContext context)
    {
        if (typedConfig is null)
        {
            context.Errors.Error((ConfigNode?)null, ConfigCode.MissingField, "a native filter needs a typed_config");
            return null;
        }
        if (ConfigBinder.Bind<NativeConfig>(typedConfig, context.Errors) is not { } config) return null;
        var plugin = NativeBuilder.Build(config, typeof(NetworkFilterPlugin), static p => Check(((NetworkFilterPlugin)p).Create()),
            context.Errors, context.Stats, context.Shared);
        return plugin is null ? null : new Factory(plugin);
    }

    private static int Check(Managed.Filters.NetworkFilter? made)
        => made is null ? throw new InvalidOperationException("CreateFilter gave null") : 0;

    private sealed class Factory(NativePlugin plugin) : NetworkFilterFactory
    {
        public override Listener.NetworkFilter? Create(DownstreamConnection connection) => NativeNetworkFilter.Create(plugin, connection);
    }
}
