using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Streams;
using Managed.Proxy.Streams.Formatting;

namespace Managed.Proxy.Router;

/// <summary>An answer from the configuration.</summary>
internal sealed class DirectResponseAction(int status, byte[] body, BodyFormat? format)
{
    // For %LOCAL_REPLY_BODY%, made once.
    private readonly string _text = Encoding.UTF8.GetString(body);

    public int Status => status;
    public ReadOnlyMemory<byte> Body => body;
    /// <summary>Null when the format does not say.</summary>
    public byte[]? ContentType => format?.ContentType;

    public static DirectResponseAction? Compile(DirectResponseConfig config, long maxBody, ConfigErrors errors)
    {
        byte[]? body = config.Body is null ? [] : config.Body.TryRead(errors);
        if (body is null) return null;
        if (body.Length > maxBody)
        {
            errors.ErrorAt(config.Node, "body", ConfigCode.InvalidValue,
                $"the body has {body.Length} bytes, more than max_direct_response_body_size_bytes ({maxBody})");
            return null;
        }
        BodyFormat? format = null;
        if (config.BodyFormat is not null && (format = BodyFormat.Compile(config.BodyFormat, errors)) is null) return null;
        return new DirectResponseAction(config.Status, body, format);
    }

    public void Write(StreamInfo info, ByteWriter to)
    {
        if (format is null) { to.Write(body); return; }
        info.LocalReplyBody = _text;
        if (info.ResponseCode == 0) info.ResponseCode = status;
        format.Write(to, info);
    }
}
