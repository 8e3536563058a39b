using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Filters.CdnLoop;

internal sealed class CdnLoopFilterDefinition : HttpFilterDefinition
{
    public override string Name => "envoy.filters.http.cdn_loop";
    public override string TypeName => "envoy.extensions.filters.http.cdn_loop.v3.CdnLoopConfig";
    public override Type ConfigType => typeof(CdnLoopConfig);
    public override string Summary => "Finds requests that go round in circles by the CDN-Loop header, and adds this proxy's name to it.";

    public override HttpFilterFactory? Build(ConfigNode? typedConfig, FilterBuildContext context)
    {
        if (typedConfig is null)
        {
            context.Errors.Error((ConfigNode?)null, ConfigCode.MissingField, "cdn_loop needs a typed_config", "give cdn_id");
            return null;
        }
        if (ConfigBinder.Bind<CdnLoopConfig>(typedConfig, context.Errors) is not { } config) return null;
        byte[] id = Encoding.UTF8.GetBytes(config.CdnId);
        if (!CdnInfo.IsId(id))
        {
            context.Errors.ErrorAt(config.Node, "cdn_id", ConfigCode.InvalidValue,
                $"'{config.CdnId}' is neither a host, with or without a port, nor a token");
            return null;
        }
        return new FilterFactory(FilterHooks.RequestHeaders, _ => new CdnLoopFilter(id, config.MaxAllowedOccurrences));
    }
}

/// <summary>Counts our own name in CDN-Loop, and adds it.</summary>
internal sealed class CdnLoopFilter(byte[] id, long most) : HttpFilter
{
    public override HeadersStatus OnRequestHeaders(HeaderMap headers, bool endStream)
    {
        var all = Stream.Worker.Scratch;
        all.Clear();
        long count = 0;
        int cursor = 0;
        while (headers.Next(ref cursor, out ReadOnlySpan<byte> name, out var value))
        {
            if (!name.SequenceEqual("cdn-loop"u8)) continue;
            int n = CdnInfo.Count(value, id);
            if (n < 0)
            {
                Stream.SendLocalReply(400, "Invalid CDN-Loop header in client request."u8, "invalid_cdn_loop_header");
                return HeadersStatus.StopIteration;
            }
            count += n;
            if (all.Length > 0) all.Write((byte)',');
            all.Write(value);
        }
        if (count > most)
        {
            Stream.SendLocalReply(502, "The server has detected a loop between CDNs."u8, "cdn_loop_detected");
            return HeadersStatus.StopIteration;
        }
        if (all.Length > 0) all.Write((byte)',');
        all.Write(id);
        headers.Set("cdn-loop"u8, all.Written);
        return HeadersStatus.Continue;
    }
}
