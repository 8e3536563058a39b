using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.ShortForms;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Core;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Http.Rules;
using Managed.Proxy.Streams;
using Managed.Proxy.Streams.Formatting;

namespace Managed.Proxy.Downstream.NetworkFilters.TcpProxy;

/// <summary>A compiled <see cref="TcpTunnelingConfig"/>.</summary>
internal sealed class TcpTunneling
{
    private const string UuidType = "envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig";
    private const string MetadataSpace = "envoy.filters.network.tcp_proxy";

    private readonly FormatTemplate _host;
    private readonly HeaderMutations _headers;
    private readonly byte[] _path;
    private readonly byte[]? _idHeader; // null: no identifier
    private readonly string _idKey;

    private TcpTunneling(TcpTunnelingConfig config, FormatTemplate host, HeaderMutations headers)
    {
        (_host, _headers) = (host, headers);
        UsesPost = config.UsePost;
        TellsHeaders = config.PropagateResponseHeaders;
        TellsTrailers = config.PropagateResponseTrailers;
        _path = Encoding.ASCII.GetBytes(config.PostPath ?? "/");
        if (config.RequestIdExtension is not null)
            _idHeader = config.RequestIdHeader is { Length: > 0 } named ? Encoding.ASCII.GetBytes(named.ToLowerInvariant())
                : [.. "x-request-id"u8];
        _idKey = config.RequestIdMetadataKey.Length > 0 ? config.RequestIdMetadataKey : "tunnel_request_id";
    }

    public bool UsesPost { get; }
    public bool TellsHeaders { get; }
    public bool TellsTrailers { get; }

    /// <summary>Null with errors added.</summary>
    public static TcpTunneling? Build(TcpTunnelingConfig config, ConfigErrors errors)
    {
        int before = errors.Count;
        var host = FormatTemplate.Compile(config.Hostname, errors, (config.Node as ConfigObject)?["hostname"]);
        if (host?.Literal is { Length: > 0 } literal && !HeaderValue.IsAuthority(literal))
            errors.ErrorAt(config.Node, "hostname", ConfigCode.InvalidValue, $"'{config.Hostname}' is not a host with an optional port");
        if (config.PostPath is { } path && !config.UsePost)
            errors.ErrorAt(config.Node, "post_path", ConfigCode.InvalidValue, "is for use_post", "use_post: true");
        else if (config.PostPath is { } given
            && !(given is ['/', ..] && Ascii.IsValid(given) && HeaderValue.IsTarget(Encoding.ASCII.GetBytes(given))))
            errors.ErrorAt(config.Node, "post_path", ConfigCode.InvalidValue, $"'{given}' is not a path", "/tunnel");
        var headers = HeaderMutations.Build(config.HeadersToAdd, [], errors, null);
        if (config.RequestIdExtension?.TypedConfig is { } typed)
        {
            string name = typed.Text("@type") is { } type ? ExtensionNames.Bare(type) : "";
            if (name != UuidType)
                errors.Error(typed, ConfigCode.UnknownExtension, $"'{name}' is not supported as a request_id_extension",
                    $"there is {UuidType}");
            else _ = ConfigBinder.Bind<UuidRequestIdConfig>(typed, errors);
        }
        if (config.RequestIdHeader.Length > 0)
            _ = HeaderRules.CheckName(config.RequestIdHeader.ToLowerInvariant(), errors, config.Node, "request_id_header", false);
        return errors.Count > before || host is null ? null : new TcpTunneling(config, host, headers);
    }

    /// <summary>The request of a connection. False: what it would ask for is no host.</summary>
    /// <param name="info">What the formats read; gets the identifier.</param>
    public bool TryWrite(HeaderMap into, StreamInfo info, WorkerContext worker, bool secure)
    {
        into.Clear();
        var scratch = worker.Scratch;
        int mark = scratch.Length;
        _host.Write(scratch, info);
        bool valid = HeaderValue.IsAuthority(scratch.Written[mark..]);
        if (valid)
        {
            into.Add(HeaderId.Method, UsesPost ? "POST"u8 : "CONNECT"u8);
            into.Add(HeaderId.Authority, scratch.Written[mark..]);
        }
        scratch.Truncate(mark);
        if (!valid) return false;
        if (UsesPost)
        {
            into.Add(HeaderId.Path, _path);
            into.Add(":scheme"u8, secure ? "https"u8 : "http"u8);
        }
        if (_idHeader is not null)
        {
            Span<byte> id = stackalloc byte[36];
            RequestId.Write(id, worker.NextRandom(), worker.NextRandom());
            into.Add(_idHeader, id);
            info.MetadataOf(MetadataSpace)[_idKey] = Encoding.ASCII.GetString(id);
        }
        _headers.Apply(into, info, scratch);
        return true;
    }
}
