using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Streams.AccessLog;
using Managed.Proxy.Streams.Formatting;

namespace Managed.Proxy.Http.LocalReply;

/// <summary>One compiled mapper.</summary>
internal sealed record LocalReplyMapper(AccessLogFilter Filter, int? Status, byte[]? Body, BodyFormat? Format, HeaderMutations Headers)
{
    public static LocalReplyMapper? Build(LocalReplyMapperConfig config, ConfigErrors errors)
    {
        var filter = config.Filter is null ? null : AccessLogFilter.Compile(config.Filter, errors);
        byte[]? body = config.Body?.TryRead(errors);
        var format = config.BodyFormatOverride is null ? null : BodyFormat.Compile(config.BodyFormatOverride, errors);
        var headers = HeaderMutations.Build(config.HeadersToAdd, [], errors, null);
        if (filter is null || (config.Body is not null && body is null) || (config.BodyFormatOverride is not null && format is null))
            return null;
        return new LocalReplyMapper(filter, config.StatusCode, body, format, headers);
    }
}
