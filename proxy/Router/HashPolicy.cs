using System.Globalization;
using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Streams;
using Managed.Proxy.Upstream.LoadBalancing;

namespace Managed.Proxy.Router;

/// <summary>One thing of a request that its hash is made of. Immutable.</summary>
internal sealed class HashPolicy
{
    private HeaderName? _header;
    private RegexSubstitution? _rewrite;
    private byte[]? _cookie, _query, _cookieEnd;
    private bool _address;
    private string? _filterState;

    public bool IsTerminal { get; private init; }

    /// <summary>Errors are added; what is wrong is left out.</summary>
    public static HashPolicy[] Compile(IReadOnlyList<HashPolicyConfig> configs, ConfigErrors errors)
        => [.. configs.Select(c => Compile(c, errors)).OfType<HashPolicy>()];

    private static HashPolicy? Compile(HashPolicyConfig config, ConfigErrors errors)
    {
        var policy = new HashPolicy { IsTerminal = config.Terminal };
        switch (config)
        {
            case { Header: { } header }:
                if (!HeaderName.IsValid(header.HeaderName))
                {
                    errors.ErrorAt(header.Node, "header_name", ConfigCode.InvalidValue, $"'{header.HeaderName}' is not a header name");
                    return null;
                }
                policy._header = new HeaderName(header.HeaderName);
                if (header.RegexRewrite is { } rewrite) policy._rewrite = RegexSubstitution.Compile(rewrite, errors);
                return policy;
            case { Cookie: { } cookie }:
                policy._cookie = Encoding.UTF8.GetBytes(cookie.Name);
                if (cookie.Ttl is { } ttl) policy._cookieEnd = EndOf(cookie, ttl, errors);
                return policy;
            case { ConnectionProperties: { } connection }:
                policy._address = connection.SourceIp;
                return policy;
            case { QueryParameter: { } query }:
                policy._query = Encoding.UTF8.GetBytes(query.Name);
                return policy;
            case { FilterState: { } state }:
                policy._filterState = state.Key;
                return policy;
            default: return null;
        }
    }

    // What stands behind the value of a cookie that is made, as Envoy writes it.
    private static byte[] EndOf(HashCookieConfig cookie, TimeSpan ttl, ConfigErrors errors)
    {
        var text = new StringBuilder("\"");
        if (ttl > TimeSpan.Zero) text.Append(CultureInfo.InvariantCulture, $"; Max-Age={(long)ttl.TotalSeconds}");
        if (cookie.Path.Length > 0) text.Append("; Path=").Append(cookie.Path);
        foreach (var attribute in cookie.Attributes)
            text.Append("; ").Append(attribute.Name).Append(attribute.Value.Length > 0 ? "=" : "").Append(attribute.Value);
        text.Append("; HttpOnly");
        byte[] bytes = Encoding.UTF8.GetBytes(text.ToString());
        if (!FieldSyntax.IsValue(bytes) || !HeaderName.IsToken(Encoding.UTF8.GetBytes(cookie.Name)))
            errors.Error(cookie.Node, ConfigCode.InvalidValue, "the cookie's name is a token, and its path and attributes are on one line");
        return bytes;
    }

    /// <summary>
    /// The hash of a request by all of them; null when none of them finds anything. Allocates for cookies that are made, and for filter
    /// state.
    /// </summary>
    /// <param name="policies">In their order.</param>
    /// <param name="request">Its headers.</param>
    /// <param name="info">Its client.</param>
    /// <param name="random">For the value of a cookie.</param>
    /// <param name="scratch">For what is rewritten.</param>
    /// <param name="cookies">Gets a set-cookie for each cookie that was made.</param>
    public static ulong? Hash(HashPolicy[] policies, HeaderMap request, StreamInfo info, Func<ulong> random, ByteWriter scratch,
        ref List<byte[]>? cookies)
    {
        ulong? hash = null;
        foreach (var policy in policies)
        {
            if (policy.HashOf(request, info, random, scratch, ref cookies) is { } one)
                hash = hash is { } before ? ulong.RotateLeft(before, 1) ^ one : one;
            if (policy.IsTerminal && hash is not null) break;
        }
        return hash;
    }

    private ulong? HashOf(HeaderMap request, StreamInfo info, Func<ulong> random, ByteWriter scratch, ref List<byte[]>? cookies)
    {
        if (_header is { } header) return header.TryGet(request, out var value) ? XxHash.Of(Rewritten(value, scratch)) : null;
        if (_query is not null)
            return QueryString.TryFind(request.Get(HeaderId.Path), _query, out var parameter) ? XxHash.Of(parameter) : null;
        if (_address)
        {
            if (info.RemoteAddress?.Address is not { } ip) return null;
            Span<byte> text = stackalloc byte[64];
            return ip.TryFormat(text, out int length) ? XxHash.Of(text[..length]) : null;
        }
        if (_filterState is not null)
            return info.FilterState?.TryGetValue(_filterState, out object? state) == true
                ? XxHash.Of(Encoding.UTF8.GetBytes(state.ToString() ?? "")) : null;
        if (_cookie is null) return null;
        if (Cookies.TryFind(request, _cookie, out var crumb)) return XxHash.Of(crumb);
        if (_cookieEnd is null) return null;
        byte[] made = Encoding.ASCII.GetBytes(random().ToString("x16", CultureInfo.InvariantCulture));
        (cookies ??= []).Add([.. _cookie, (byte)'=', (byte)'"', .. made, .. _cookieEnd]);
        return XxHash.Of(made);
    }

    private ReadOnlySpan<byte> Rewritten(ReadOnlySpan<byte> value, ByteWriter scratch)
    {
        if (_rewrite is null) return value;
        scratch.Clear();
        return _rewrite.TryWrite(value, scratch) ? scratch.Written : value;
    }
}
