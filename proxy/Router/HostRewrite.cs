using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Streams.Formatting;

namespace Managed.Proxy.Router;

/// <summary>A new host: a literal, the value of a header, or what an expression makes of the path.</summary>
internal sealed class HostRewrite
{
    private readonly byte[]? _literal;
    private readonly HeaderName _header;
    private readonly RegexSubstitution? _path;

    private HostRewrite(byte[]? literal, HeaderName header, RegexSubstitution? path)
    {
        _literal = literal;
        _header = header;
        _path = path;
    }

    /// <summary>Null when nothing is rewritten, or with errors added.</summary>
    public static HostRewrite? Compile(RouteActionConfig config, ConfigErrors errors)
    {
        if (!string.IsNullOrEmpty(config.HostRewriteLiteral)) return Literal(config.HostRewriteLiteral, errors, config.Node);
        if (config.HostRewritePathRegex is { } regex)
            return RegexSubstitution.Compile(regex, errors) is { } path ? new HostRewrite(null, default, path) : null;
        if (string.IsNullOrEmpty(config.HostRewriteHeader)) return null;
        if (HeaderName.IsValid(config.HostRewriteHeader)) return new HostRewrite(null, new HeaderName(config.HostRewriteHeader), null);
        errors.ErrorAt(config.Node, "host_rewrite_header", ConfigCode.InvalidValue, $"'{config.HostRewriteHeader}' is not a header name");
        return null;
    }

    public static HostRewrite? Literal(string host, ConfigErrors errors, ConfigNode? at)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(host);
        if (HeaderValue.IsAuthority(bytes)) return new HostRewrite(bytes, default, null);
        errors.ErrorAt(at, "host_rewrite_literal", ConfigCode.InvalidValue, $"'{host}' is not a host");
        return null;
    }

    /// <summary>The new host; empty when there is none or what came out is no host (the host then stays).</summary>
    /// <param name="headers">The request.</param>
    /// <param name="scratch">What is written stays there; the result may point into it.</param>
    public ReadOnlySpan<byte> Evaluate(HeaderMap headers, ByteWriter scratch)
    {
        if (_literal is not null) return _literal;
        int mark = scratch.Length;
        if (_path is not null) _path.TryWrite(QueryString.PathOf(headers.Get(HeaderId.Path)), scratch);
        else if (_header.TryGet(headers, out var value)) scratch.Write(value);
        var host = scratch.Written[mark..];
        return HeaderValue.IsAuthority(host) ? host : default;
    }

    /// <summary>
    /// Sets the host, and appends the former one to x-forwarded-host when asked and not its last entry already, as in Envoy.
    /// </summary>
    public static void Apply(HeaderMap headers, ReadOnlySpan<byte> host, bool appendForwardedHost, ByteWriter scratch)
    {
        var former = headers.Get(HeaderId.Authority);
        if (appendForwardedHost && former.Length > 0)
        {
            var forwarded = headers.Get(HeaderId.XForwardedHost);
            var last = forwarded[(forwarded.LastIndexOf((byte)',') + 1)..].Trim((byte)' ');
            if (!last.SequenceEqual(former))
            {
                int mark = scratch.Length;
                scratch.Write(forwarded);
                if (forwarded.Length > 0) scratch.Write(","u8);
                scratch.Write(former);
                headers.Set(HeaderId.XForwardedHost, scratch.Written[mark..]);
            }
        }
        headers.Set(HeaderId.Authority, host);
        if (headers.Has(HeaderId.Host)) headers.Set(HeaderId.Host, host);
    }
}
