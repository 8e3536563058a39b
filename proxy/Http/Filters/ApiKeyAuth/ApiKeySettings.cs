using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Filters.ApiKeyAuth;

/// <summary>What the filter, or a route, was built with; null where the level says nothing. Immutable.</summary>
internal sealed class ApiKeySettings
{
    /// <summary>Clients by their keys.</summary>
    public Dictionary<byte[], byte[]>? Clients { get; private init; }
    public KeySource[]? Sources { get; private init; }
    /// <summary>Where the client's name goes; empty: nowhere.</summary>
    public byte[]? ForwardHeader { get; private init; }
    public bool Hides { get; private init; }
    /// <summary>Null: all.</summary>
    public HashSet<byte[]>? Allowed { get; private init; }

    /// <summary>Null when errors were added. No error quotes a key.</summary>
    public static ApiKeySettings? Build(IReadOnlyList<ApiKeyCredentialConfig> credentials, IReadOnlyList<ApiKeySourceConfig> sources,
        ApiKeyForwardingConfig? forwarding, IReadOnlyList<string> allowed, ConfigErrors errors)
    {
        bool valid = true;
        var clients = new Dictionary<byte[], byte[]>(ByteKeys.Comparer);
        foreach (var credential in credentials)
        {
            string? key = DataSourceReading.TryReadText(credential, "key", credential.Key, errors);
            byte[] name = Encoding.UTF8.GetBytes(credential.Client);
            valid &= key is not null;
            if (!FieldSyntax.IsValue(name)) Wrong(credential.Node, "client", "holds a control character");
            if (key is not null && !clients.TryAdd(Encoding.UTF8.GetBytes(key), name))
                Wrong(credential.Node, "key", "is given twice");
        }
        foreach (var source in sources) Name(source.Header, source.Node, "header");
        Name(forwarding?.Header, forwarding?.Node, "header");
        return !valid ? null : new ApiKeySettings
        {
            Clients = credentials.Count > 0 ? clients : null,
            Sources = sources.Count > 0 ? [.. sources.Select(s => new KeySource(s))] : null,
            ForwardHeader = forwarding is null ? null : Encoding.ASCII.GetBytes(forwarding.Header.ToLowerInvariant()),
            Hides = forwarding?.HideCredentials == true,
            Allowed = allowed.Count > 0 ? new(allowed.Select(Encoding.UTF8.GetBytes), ByteKeys.Comparer) : null,
        };

        void Name(string? name, ConfigNode? node, string field)
        {
            if (name is { Length: > 0 } && (!HeaderName.IsValid(name) || name[0] == ':'))
                Wrong(node, field, $"'{name}' is not a header name");
        }

        void Wrong(ConfigNode? node, string field, string text)
        {
            errors.ErrorAt(node, field, ConfigCode.InvalidValue, text);
            valid = false;
        }
    }
}

/// <summary>One place of keys.</summary>
internal sealed class KeySource(ApiKeySourceConfig config)
{
    private readonly byte[]? _header = config.Header is { } header ? Encoding.ASCII.GetBytes(header.ToLowerInvariant()) : null;
    private readonly byte[]? _query = config.Query is { } query ? Encoding.UTF8.GetBytes(query) : null;
    private readonly byte[]? _cookie = config.Cookie is { } cookie ? Encoding.UTF8.GetBytes(cookie) : null;

    /// <summary>False: there is none, or several of which the upstream might believe another one.</summary>
    public bool TryFind(HeaderMap headers, ByteWriter scratch, out ReadOnlySpan<byte> key)
    {
        if (_header is not null)
        {
            if (!headers.TryGet(_header, out key) || headers.CountOf(_header) > 1) return false;
            if (key.StartsWith("Bearer "u8)) key = key[7..];
            return !key.IsEmpty;
        }
        if (_cookie is not null) return Cookies.TryFind(headers, _cookie, out key) && !key.IsEmpty;
        if (!QueryString.TryFind(headers.Get(HeaderId.Path), _query, out key)) return false;
        if (!key.Contains((byte)'%')) return !key.IsEmpty;
        scratch.Clear();
        QueryString.Decode(key, scratch);
        key = scratch.Written;
        return !key.IsEmpty;
    }

    public void Remove(HeaderMap headers, ByteWriter scratch)
    {
        if (_header is not null) headers.Remove(_header);
        else if (_cookie is not null) Cookies.Remove(headers, _cookie, scratch);
        else
        {
            scratch.Clear();
            QueryString.WriteWithout(headers.Get(HeaderId.Path), _query, scratch);
            headers.Set(HeaderId.Path, scratch.Written);
        }
    }
}
