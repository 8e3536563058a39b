using System.Text;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Filters.Compressor;

/// <summary>What one direction compresses, and its counters.</summary>
internal sealed class CompressorDirection
{
    // Envoy's default
    private static readonly string[] Usual =
    [
        "text/html", "text/plain", "text/css", "application/javascript", "application/x-javascript", "text/javascript", "text/x-javascript",
        "text/ecmascript", "text/js", "text/jscript", "text/x-js", "application/ecmascript", "application/x-json", "application/xml",
        "application/json", "image/svg+xml", "text/xml", "application/xhtml+xml",
    ];

    private readonly byte[][] _types;
    private readonly long _least;

    public CompressorDirection(CompressorCommonConfig config, StatScope stats, string prefix)
    {
        IsOn = config.Enabled?.IsOn ?? true;
        _least = config.MinContentLength;
        _types = [.. (config.ContentType.Count == 0 ? Usual : config.ContentType).Select(Encoding.ASCII.GetBytes)];
        Compressed = stats.Counter(prefix + "compressed");
        NotCompressed = stats.Counter(prefix + "not_compressed");
        BytesIn = stats.Counter(prefix + "total_uncompressed_bytes");
        BytesOut = stats.Counter(prefix + "total_compressed_bytes");
        TooSmall = stats.Counter(prefix + "content_length_too_small");
    }

    public bool IsOn { get; }
    public Counter Compressed { get; }
    public Counter NotCompressed { get; }
    public Counter BytesIn { get; }
    public Counter BytesOut { get; }
    public Counter TooSmall { get; }

    public bool IsLongEnough(HeaderMap headers)
        => !headers.Has(HeaderId.ContentLength) || FieldSyntax.ParseLength(headers.Get(HeaderId.ContentLength)) >= _least;

    /// <summary>A message without a content type may be anything, a text too.</summary>
    public bool IsType(HeaderMap headers)
    {
        var type = headers.Get(HeaderId.ContentType);
        int end = type.IndexOf((byte)';');
        if (end >= 0) type = type[..end];
        type = type.Trim(" \t"u8);
        if (type.IsEmpty) return true;
        foreach (byte[] one in _types)
            if (Ascii.EqualsIgnoreCase(type, one)) return true;
        return false;
    }
}
