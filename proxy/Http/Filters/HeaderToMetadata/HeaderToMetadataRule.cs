using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Streams;

namespace Managed.Proxy.Http.Filters.HeaderToMetadata;

/// <summary>A compiled rule: a header or cookie, and what is noted when it is there or missing.</summary>
internal sealed class HeaderToMetadataRule
{
    private readonly HeaderName _name;
    private readonly byte[]? _cookie;
    private readonly MetadataPair? _present, _missing;
    private readonly bool _remove;

    private HeaderToMetadataRule(HeaderToMetadataRuleConfig config, MetadataPair? present, MetadataPair? missing)
    {
        _name = new HeaderName(config.Header ?? "cookie");
        _cookie = config.Cookie is { } cookie ? Encoding.Latin1.GetBytes(cookie) : null;
        (_present, _missing, _remove) = (present, missing, config.Remove);
    }

    /// <summary>Null with errors added.</summary>
    public static HeaderToMetadataRule? Build(HeaderToMetadataRuleConfig config, ConfigErrors errors, bool cookies)
    {
        int before = errors.Count;
        void Wrong(string field, string detail) => errors.ErrorAt(config.Node, field, ConfigCode.InvalidValue, detail);
        if (config.Header is { } name && !HeaderName.IsValid(name)) Wrong("header", $"'{name}' is not a header name");
        if (config.Cookie is not null && !cookies) Wrong("cookie", "a response has no cookies");
        if (config.Remove && config.Cookie is not null) Wrong("remove", "a cookie cannot be removed");
        if (config.Remove && config.Header is { } gone && (gone.StartsWith(':') || gone.Equals("host", StringComparison.OrdinalIgnoreCase)))
            Wrong("remove", $"'{gone}' is needed and cannot be removed");
        if (config.OnHeaderPresent is null && config.OnHeaderMissing is null)
            errors.Error(config.Node, ConfigCode.MissingField, "one of these is missing: on_header_present, on_header_missing");
        if (config.OnHeaderMissing is { Value: null or "" } missing)
            errors.ErrorAt(missing.Node, "value", ConfigCode.MissingField, "'value' is missing: there is no header to take it from");
        var whenPresent = config.OnHeaderPresent is { } p ? MetadataPair.Build(p, errors) : null;
        var whenMissing = config.OnHeaderMissing is { } m ? MetadataPair.Build(m, errors) : null;
        return errors.Count > before ? null : new HeaderToMetadataRule(config, whenPresent, whenMissing);
    }

    public void Apply(HeaderMap headers, StreamInfo info, ByteWriter scratch)
    {
        scratch.Clear();
        if (_cookie is null ? Joined(headers, scratch) : Cookie(headers, scratch)) _present?.Note(info, scratch);
        else _missing?.Note(info, scratch);
        if (_remove) headers.Remove(_name.Bytes);
    }

    private bool Joined(HeaderMap headers, ByteWriter to)
    {
        if (!_name.TryGet(headers, out var value)) return false;
        to.Write(value);
        if (!headers.TryGetAt(_name.Bytes, 1, out _)) return true;
        to.Clear();
        int cursor = 0;
        bool any = false;
        while (headers.Next(ref cursor, out ReadOnlySpan<byte> name, out var one))
        {
            if (!name.SequenceEqual(_name.Bytes)) continue;
            if (any) to.Write((byte)',');
            to.Write(one);
            any = true;
        }
        return true;
    }

    // One walk over the fields, however many cookies there are (RFC 6265 section 5.4); an empty one counts as missing, as in Envoy.
    private bool Cookie(HeaderMap headers, ByteWriter to)
    {
        int cursor = 0;
        while (headers.Next(ref cursor, out var id, out _, out var field))
        {
            if (id != HeaderId.Cookie) continue;
            while (!field.IsEmpty)
            {
                int end = field.IndexOf((byte)';');
                var pair = (end < 0 ? field : field[..end]).Trim(" \t"u8);
                field = end < 0 ? default : field[(end + 1)..];
                int equals = pair.IndexOf((byte)'=');
                if (equals < 0 || !pair[..equals].SequenceEqual(_cookie)) continue;
                var value = pair[(equals + 1)..];
                if (value.Length >= 2 && value[0] == '"' && value[^1] == '"') value = value[1..^1];
                to.Write(value);
                return value.Length > 0;
            }
        }
        return false;
    }
}
