using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Streams.Formatting;
using Managed.Proxy.Upstream;

namespace Managed.Proxy.Router;

/// <summary>Where copies of a route's requests go, and which of them (Envoy: request_mirror_policies). Immutable.</summary>
internal sealed class MirrorPolicy
{
    private readonly HeaderName? _header;
    private readonly Dictionary<byte[], Cluster>? _byName;
    private readonly int _partsPerMillion;
    private readonly byte[] _host;
    private readonly bool _hasSuffix;

    private MirrorPolicy(MirrorPolicyConfig config, Cluster? cluster, HeaderName? header, Dictionary<byte[], Cluster>? byName)
    {
        (Cluster, _header, _byName) = (cluster, header, byName);
        _partsPerMillion = config.RuntimeFraction?.DefaultValue?.PartsPerMillion ?? 1_000_000;
        _host = Encoding.ASCII.GetBytes(config.HostRewriteLiteral);
        _hasSuffix = !config.DisableShadowHostSuffixAppend;
    }

    /// <summary>Null where a header names it.</summary>
    public Cluster? Cluster { get; }
    public bool NamesByHeader => _header is not null;

    /// <summary>Those of one level; what is wrong is in the errors.</summary>
    public static MirrorPolicy[] Build(IReadOnlyList<MirrorPolicyConfig> configs, RouteBuildContext context,
        Lazy<Dictionary<byte[], Cluster>> clusters)
    {
        var built = new List<MirrorPolicy>();
        foreach (var config in configs)
        {
            if (config.HostRewriteLiteral.Length > 0 && !HeaderValue.IsAuthority(Encoding.UTF8.GetBytes(config.HostRewriteLiteral)))
                context.Errors.ErrorAt(config.Node, "host_rewrite_literal", ConfigCode.InvalidValue,
                    $"'{config.HostRewriteLiteral}' is not a host");
            else if (config.ClusterHeader is { } header)
            {
                if (HeaderName.IsValid(header)) built.Add(new MirrorPolicy(config, null, new HeaderName(header), clusters.Value));
                else context.Errors.ErrorAt(config.Node, "cluster_header", ConfigCode.InvalidValue, $"'{header}' is not a header name");
            }
            else if (config.Cluster is { Length: > 0 } name)
            {
                if (context.Clusters.TryGetValue(name, out var cluster)) built.Add(new MirrorPolicy(config, cluster, null, null));
                else
                    context.Errors.ErrorAt(config.Node, "cluster", ConfigCode.UnknownReference, $"cluster '{name}' does not exist",
                        context.Errors.IsFull ? null : Suggestions.Hint(name, context.Clusters.Keys));
            }
        }
        return [.. built];
    }

    /// <summary>Where the copy of this request goes; null: there is none.</summary>
    /// <param name="random">The same for all policies of a request, so that equal shares are of the same requests, as in Envoy.</param>
    public Cluster? ClusterOf(HeaderMap request, ulong random)
    {
        if ((int)(random % 1_000_000) >= _partsPerMillion) return null;
        if (_header is not { } header) return Cluster;
        return header.TryGet(request, out var name)
            && _byName!.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(name, out var cluster) ? cluster : null;
    }

    /// <summary>Gives a copy its host: <c>shop-shadow:8080</c> of <c>shop:8080</c>.</summary>
    public void NameHost(HeaderMap copy, ByteWriter scratch)
    {
        scratch.Clear();
        var host = _host.Length > 0 ? _host : copy.Get(HeaderId.Authority);
        int port = host.IsEmpty || host[^1] == (byte)']' ? -1 : host.LastIndexOf((byte)':');
        scratch.Write(port < 0 ? host : host[..port]);
        if (_hasSuffix) scratch.Write("-shadow"u8);
        if (port >= 0) scratch.Write(host[port..]);
        copy.Set(HeaderId.Authority, scratch.Written);
        if (copy.Has(HeaderId.Host)) copy.Set(HeaderId.Host, scratch.Written);
    }
}
