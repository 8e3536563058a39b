using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Streams.Formatting;
using Managed.Proxy.Streams.Formatting.Operators;

namespace Managed.Proxy.Streams.AccessLog;

/// <summary>Makes one line, text or JSON, with its line end.</summary>
internal sealed class LogFormat
{
    // Envoy's default access log line.
    private const string Default =
        "[%START_TIME%] \"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%\" %RESPONSE_CODE% %RESPONSE_FLAGS% "
            + "%BYTES_RECEIVED% %BYTES_SENT% %DURATION% "
        + "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% \"%REQ(X-FORWARDED-FOR)%\" \"%REQ(USER-AGENT)%\" \"%REQ(X-REQUEST-ID)%\" "
            + "\"%REQ(:AUTHORITY)%\" \"%UPSTREAM_HOST%\"\n";

    private readonly FormatTemplate? _text;
    private readonly JsonTemplate? _json;

    private LogFormat(FormatTemplate? text, JsonTemplate? json)
    {
        _text = text;
        _json = json;
    }

    /// <param name="config">Null: <paramref name="text"/>, else Envoy's default line.</param>
    public static LogFormat? Compile(SubstitutionFormatConfig? config, string? text, ConfigErrors errors, ConfigNode? at)
    {
        if (config?.JsonFormat is { } map) return JsonTemplate.Compile(map, errors, config.OmitEmptyValues) is { } json
            ? new LogFormat(null, json) : null;
        var template = config is null ? FormatTemplate.Compile(string.IsNullOrEmpty(text) ? Default : text, errors, at, FormatUse.Log)
            : BodyFormat.CompileText(config, errors, FormatUse.Log);
        return template is null ? null : new LogFormat(template, null);
    }

    public void Write(ByteWriter to, StreamInfo info)
    {
        int mark = to.Length;
        if (_json is not null) _json.Write(to, info);
        else _text!.Write(to, info);
        // Envoy writes a text format as it is; here a request is one line even where the format forgot its end.
        if (to.Length == mark || to.Written[^1] != '\n') to.Write((byte)'\n');
    }
}
