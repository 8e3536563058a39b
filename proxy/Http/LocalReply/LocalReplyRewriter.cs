using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Streams;
using Managed.Proxy.Streams.Formatting;

namespace Managed.Proxy.Http.LocalReply;

/// <summary>
/// Changes the responses that the proxy makes itself: the first mapper whose filter holds changes status, headers and body; then the
/// body format makes the body anew.
/// </summary>
public sealed class LocalReplyRewriter
{
    [ThreadStatic] private static ByteWriter? t_scratch;

    private readonly LocalReplyMapper[] _mappers;
    private readonly BodyFormat? _format;

    private LocalReplyRewriter(LocalReplyMapper[] mappers, BodyFormat? format)
    {
        _mappers = mappers;
        _format = format;
    }

    /// <summary>Null when nothing is configured, or errors were added.</summary>
    public static LocalReplyRewriter? Build(LocalReplyConfig? config, ConfigErrors errors)
    {
        if (config is null) return null;
        var mappers = config.Mappers.Select(m => LocalReplyMapper.Build(m, errors)).OfType<LocalReplyMapper>().ToArray();
        var format = config.BodyFormat is null ? null : BodyFormat.Compile(config.BodyFormat, errors);
        if (mappers.Length != config.Mappers.Count || (format is null && config.BodyFormat is not null)) return null;
        return new LocalReplyRewriter(mappers, format);
    }

    /// <summary>Rewrites a reply before it is sent: call with the response headers set, without content-length.</summary>
    /// <param name="status">May be replaced; the stream info's response code follows it.</param>
    /// <param name="body">May be replaced; content-type is set when it is.</param>
    internal void Rewrite(HeaderMap headers, StreamInfo info, ref int status, ByteWriter body)
    {
        info.ResponseCode = status;
        var format = _format;
        var scratch = t_scratch ??= new ByteWriter();
        scratch.Clear();
        foreach (var mapper in _mappers)
        {
            if (!mapper.Filter.Passes(info)) continue;
            if (mapper.Status is { } mapped) info.ResponseCode = status = mapped;
            if (mapper.Body is not null)
            {
                body.Clear();
                body.Write(mapper.Body);
                headers.Set(HeaderId.ContentType, "text/plain"u8);
            }
            mapper.Headers.Apply(headers, info, scratch);
            format = mapper.Format ?? format;
            break;
        }
        if (format is null) return;
        info.LocalReplyBody = Encoding.UTF8.GetString(body.Written);
        body.Clear();
        format.Write(body, info);
        headers.Set(HeaderId.ContentType, format.ContentType);
    }
}
