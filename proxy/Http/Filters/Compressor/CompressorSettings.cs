using Managed.Proxy.Configuration;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Http.Compression;
using Encoder = Managed.Proxy.Core.Compression.Encoder;

namespace Managed.Proxy.Http.Filters.Compressor;

/// <summary>What a compressor was built with, and the counters of its choices (Envoy's names).</summary>
internal sealed class CompressorSettings
{
    private readonly HashSet<int> _statuses;

    private CompressorSettings(CompressorConfig config, CompressionLibrary<Encoder> library, FilterBuildContext context)
    {
        var response = config.ResponseDirectionConfig;
        string prefix = $"{context.StatPrefix}compressor.{library.Name}.{library.StatName}.";
        string ofResponse = response is null ? prefix : prefix + "response.";
        Library = library;
        ChooseFirst = config.ChooseFirst;
        RemovesAcceptEncoding = response?.RemoveAcceptEncodingHeader ?? config.RemoveAcceptEncodingHeader;
        StopsAtEtag = response?.DisableOnEtagHeader ?? config.DisableOnEtagHeader;
        WeakensEtag = response?.WeakenEtagOnCompress ?? false;
        _statuses = [.. response?.UncompressibleResponseCodes ?? []];
        Response = new CompressorDirection(response is not null ? response.CommonConfig ?? new() : new()
        {
            Enabled = config.RuntimeEnabled, MinContentLength = config.ContentLength ?? 30, ContentType = config.ContentType,
        }, context.Stats, ofResponse);
        Request = config.RequestDirectionConfig is { } request
            ? new CompressorDirection(request.CommonConfig ?? new(), context.Stats, prefix + "request.") : null;
        NoAcceptHeader = context.Stats.Counter(ofResponse + "no_accept_header");
        Identity = context.Stats.Counter(ofResponse + "header_identity");
        Used = context.Stats.Counter(ofResponse + "header_compressor_used");
        Overshadowed = context.Stats.Counter(ofResponse + "header_compressor_overshadowed");
        Wildcard = context.Stats.Counter(ofResponse + "header_wildcard");
        NotValid = context.Stats.Counter(ofResponse + "header_not_valid");
        Etag = context.Stats.Counter(ofResponse + "not_compressed_etag");
    }

    public CompressionLibrary<Encoder> Library { get; }
    public CompressorDirection Response { get; }
    /// <summary>Null: requests are not compressed.</summary>
    public CompressorDirection? Request { get; }
    public bool ChooseFirst { get; }
    public bool RemovesAcceptEncoding { get; }
    public bool StopsAtEtag { get; }
    public bool WeakensEtag { get; }
    public Counter NoAcceptHeader { get; }
    public Counter Identity { get; }
    public Counter Used { get; }
    public Counter Overshadowed { get; }
    public Counter Wildcard { get; }
    public Counter NotValid { get; }
    public Counter Etag { get; }

    /// <summary>A part of a whole (206) has a meaning in its bytes as they are.</summary>
    public bool MayCompress(int status) => status != 206 && !_statuses.Contains(status);

    /// <summary>Null with errors added.</summary>
    public static CompressorSettings? Build(CompressorConfig config, FilterBuildContext context)
    {
        if (config.ResponseDirectionConfig is { } response && (config.ContentLength is not null || config.ContentType.Count > 0
            || config.DisableOnEtagHeader || config.RemoveAcceptEncodingHeader || config.RuntimeEnabled is not null))
            context.Errors.Error(response.Node, ConfigCode.Conflict,
                "response_direction_config and the deprecated fields of answers exclude each other");
        int before = context.Errors.Count;
        return CompressionLibraries.Compressor(config.CompressorLibrary!, context.Errors) is { } library && context.Errors.Count == before
            ? new CompressorSettings(config, library, context) : null;
    }
}

/// <summary>What a route says.</summary>
/// <param name="Disabled">Nothing is compressed.</param>
/// <param name="RemovesAcceptEncoding">In place of the filter's.</param>
internal sealed record CompressorRoute(bool Disabled, bool? RemovesAcceptEncoding);
