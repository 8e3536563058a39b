using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;

namespace Managed.Proxy.Http.Filters.Cache;

internal sealed class CacheFilterDefinition : HttpFilterDefinition
{
    private const string Memory = "envoy.extensions.http.cache.simple_http_cache.v3.SimpleHttpCacheConfig";

    // From before the package had its place; the message is empty in all of them.
    private static readonly string[] Former = ["envoy.extensions.cache.simple_http_cache.v3.SimpleHttpCacheConfig",
        "envoy.source.extensions.filters.http.cache.SimpleHttpCacheConfig"];

    public override string Name => "envoy.filters.http.cache";
    public override string TypeName => "envoy.extensions.filters.http.cache.v3.CacheConfig";
    public override Type ConfigType => typeof(CacheConfig);
    public override string Summary => "Keeps responses that may be kept and gives them to later requests (RFC 9111).";

    public override HttpFilterFactory? Build(ConfigNode? typedConfig, FilterBuildContext context)
    {
        var config = typedConfig is null ? new CacheConfig() : ConfigBinder.Bind<CacheConfig>(typedConfig, context.Errors);
        if (config is null or { HasErrors: true } || !HasStorage(config, typedConfig, context.Errors, out var files)) return null;
        if (CacheSettings.Build(config, context.Errors) is not { } settings) return null;
        if (config.Disabled) return new FilterFactory(FilterHooks.None, _ => new IdleFilter());
        FileLimits? limits = null;
        if (files is not null && (limits = FileStorage.Limits(files, context.Errors)) is null) return null;
        var store = limits is not null ? FileStorage.Open(files!, limits, context.Shared)
            : context.Shared.GetOrAdd("cache|" + context.Identity, () => new CacheStore(CacheStore.Bytes, CacheStore.Entries));
        var stats = new CacheStats(context, limits is not null);
        return new FilterFactory(FilterHooks.RequestHeaders | FilterHooks.ResponseHeaders | FilterHooks.ResponseBody
            | FilterHooks.ResponseTrailers, worker => new CacheFilter(settings, store, stats, worker));
    }

    private static bool HasStorage(CacheConfig config, ConfigNode? at, ConfigErrors errors, out FileSystemHttpCacheConfig? files)
    {
        files = null;
        if (config.TypedConfig is not { } storage)
        {
            if (!config.Disabled) errors.ErrorAt(at, "typed_config", ConfigCode.MissingField, "'typed_config' is missing", Memory);
            return config.Disabled;
        }
        string type = storage.Text("@type") is { } url ? url[(url.LastIndexOf('/') + 1)..] : "";
        if (type == Memory || Former.Contains(type)) return ConfigBinder.Bind<EmptyConfig>(storage, errors) is { HasErrors: false };
        if (type == FileStorage.TypeName)
            return (files = ConfigBinder.Bind<FileSystemHttpCacheConfig>(storage, errors)) is { HasErrors: false };
        errors.ErrorAt(storage, "@type", ConfigCode.UnknownExtension, $"there is no cache storage '{type}'",
            $"there are {Memory} and {FileStorage.TypeName}");
        return false;
    }

    private sealed class IdleFilter : HttpFilter;
}
