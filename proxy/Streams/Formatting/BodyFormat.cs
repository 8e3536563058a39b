using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Streams.Formatting.Operators;

namespace Managed.Proxy.Streams.Formatting;

/// <summary>A SubstitutionFormatString that makes a body, with its content type; text as it is, JSON escaped.</summary>
internal sealed class BodyFormat
{
    private readonly FormatTemplate? _text;
    private readonly JsonTemplate? _json;

    private BodyFormat(FormatTemplate? text, JsonTemplate? json, string contentType)
    {
        _text = text;
        _json = json;
        // Envoy's defaults
        ContentType = Encoding.ASCII.GetBytes(contentType.Length > 0 ? contentType : json is null ? "text/plain" : "application/json");
    }

    public byte[] ContentType { get; }

    /// <summary>Null when errors were added.</summary>
    public static BodyFormat? Compile(SubstitutionFormatConfig config, ConfigErrors errors)
    {
        if (!HeaderValue.IsValid(Encoding.UTF8.GetBytes(config.ContentType)))
        {
            errors.ErrorAt(config.Node, "content_type", ConfigCode.InvalidValue, "a header value cannot hold control characters");
            return null;
        }
        if (config.JsonFormat is { } map)
            return JsonTemplate.Compile(map, errors, config.OmitEmptyValues, FormatUse.Body) is { } json
                ? new BodyFormat(null, json, config.ContentType) : null;
        return CompileText(config, errors, FormatUse.Body) is { } text ? new BodyFormat(text, null, config.ContentType) : null;
    }

    /// <summary>The text form, from the format or its data source.</summary>
    public static FormatTemplate? CompileText(SubstitutionFormatConfig config, ConfigErrors errors, FormatUse use)
    {
        var at = config.Node as ConfigObject;
        if (config.TextFormat is { } format)
            return FormatTemplate.Compile(format, errors, at?["text_format"] ?? at, use, config.OmitEmptyValues);
        if (config.TextFormatSource?.TryRead(errors) is not { } bytes) return null;
        if (config.TextFormatSource is { InlineString: not null } or { InlineBytes: not null })
            return FormatTemplate.Compile(Encoding.UTF8.GetString(bytes), errors, config.TextFormatSource.Node, use,
                config.OmitEmptyValues);
        // It may be any file, a mistake in the path away from a format: nothing of it is quoted.
        var inside = new ConfigErrors { Host = errors.Host };
        var read = FormatTemplate.Compile(Encoding.UTF8.GetString(bytes), inside, config.TextFormatSource.Node, use,
            config.OmitEmptyValues);
        if (inside.HasErrors)
            errors.Error(config.TextFormatSource.Node, ConfigCode.InvalidValue,
                "it holds no valid format; what is wrong is not quoted from files");
        return read;
    }

    public void Write(ByteWriter to, StreamInfo info)
    {
        if (_json is not null)
        {
            _json.Write(to, info);
            to.Write((byte)'\n'); // Envoy ends JSON formats with a line end
        }
        else _text!.Write(to, info);
    }
}
