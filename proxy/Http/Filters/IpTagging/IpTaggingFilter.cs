using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Filters.IpTagging;

internal sealed class IpTaggingFilterDefinition : HttpFilterDefinition
{
    public override string Name => "envoy.filters.http.ip_tagging";
    public override string TypeName => "envoy.extensions.filters.http.ip_tagging.v3.IPTagging";
    public override Type ConfigType => typeof(IpTaggingConfig);
    public override string Summary => "Tells services in a header to which of the configured blocks the client's address belongs.";

    public override HttpFilterFactory? Build(ConfigNode? typedConfig, FilterBuildContext context)
    {
        if (typedConfig is null)
        {
            context.Errors.Error((ConfigNode?)null, ConfigCode.MissingField, "ip_tagging needs a typed_config", "give ip_tags");
            return null;
        }
        if (ConfigBinder.Bind<IpTaggingConfig>(typedConfig, context.Errors) is not { } config) return null;
        int before = context.Errors.Count;
        if (config.IpTagHeader is { } header && (!HeaderName.IsValid(header.Header) || header.Header.StartsWith(':')))
            context.Errors.ErrorAt(header.Node, "header", ConfigCode.InvalidValue, $"'{header.Header}' is not a header name");
        foreach (var tag in config.IpTags)
            if (!FieldSyntax.IsValue(Encoding.UTF8.GetBytes(tag.IpTagName)))
                context.Errors.ErrorAt(tag.Node, "ip_tag_name", ConfigCode.InvalidValue, "a header value cannot hold control characters");
        if (IpTags.Build(config.IpTags, context.Errors) is not { } tags || context.Errors.Count > before) return null;
        var settings = new IpTaggingSettings(config, tags, context);
        return new FilterFactory(FilterHooks.RequestHeaders, _ => new IpTaggingFilter(settings));
    }
}

/// <summary>What the filter was built with.</summary>
internal sealed class IpTaggingSettings(IpTaggingConfig config, IpTags tags, FilterBuildContext context)
{
    public IpTags Tags => tags;
    public IpTaggingRequestType For => config.RequestType;
    public byte[][] Names { get; } = [.. config.IpTags.Select(t => Encoding.UTF8.GetBytes(t.IpTagName))];
    public byte[] Header { get; } = Encoding.ASCII.GetBytes(config.IpTagHeader?.Header.ToLowerInvariant() ?? "x-envoy-ip-tags");
    public bool Replaces { get; } = config.IpTagHeader is { Action: IpTagHeaderAction.Sanitize };
    public Counter[] Hits { get; } =
        [.. config.IpTags.Select(t => context.Stats.Counter($"{context.StatPrefix}ip_tagging.{t.IpTagName}.hit"))];
    public Counter NoHit { get; } = context.Stats.Counter(context.StatPrefix + "ip_tagging.no_hit");
    public Counter Total { get; } = context.Stats.Counter(context.StatPrefix + "ip_tagging.total");
}

/// <summary>Looks the client's address up when a request comes.</summary>
internal sealed class IpTaggingFilter(IpTaggingSettings settings) : HttpFilter
{
    private const int MostSent = 10; // fields that a client may send of a header that is kept

    public override HeadersStatus OnRequestHeaders(HeaderMap headers, bool endStream)
    {
        bool isInternal = headers.Has(HeaderId.XEnvoyInternal);
        if (settings.For == (isInternal ? IpTaggingRequestType.External : IpTaggingRequestType.Internal)) return HeadersStatus.Continue;
        var cells = Stream.Worker.Stats;
        cells.Increment(settings.Total);
        Span<ulong> found = stackalloc ulong[16]; // 1,000 tags at most
        bool any = Stream.Info.RemoteAddress is { } client && settings.Tags.Find(client.Address, found);
        if (!any)
        {
            cells.Increment(settings.NoHit);
            if (settings.Replaces && headers.Remove(settings.Header) > 0) Stream.ClearRouteCache();
            return HeadersStatus.Continue;
        }
        var value = Stream.Worker.Scratch;
        value.Clear();
        for (int i = 0; !settings.Replaces && headers.TryGetAt(settings.Header, i, out var there) && i < MostSent; i++)
        {
            if (i > 0) value.Write((byte)',');
            value.Write(there);
        }
        for (int i = 0; i < settings.Names.Length; i++)
        {
            if ((found[i >> 6] >> (i & 63) & 1) == 0) continue;
            cells.Increment(settings.Hits[i]);
            if (value.Length > 0) value.Write((byte)',');
            value.Write(settings.Names[i]);
        }
        headers.Set(settings.Header, value.Written);
        Stream.ClearRouteCache(); // a route may ask for a tag
        return HeadersStatus.Continue;
    }
}
