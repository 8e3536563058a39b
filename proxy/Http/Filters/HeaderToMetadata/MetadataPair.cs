using System.Buffers.Text;
using System.Globalization;
using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Router;
using Managed.Proxy.Streams;

namespace Managed.Proxy.Http.Filters.HeaderToMetadata;

/// <summary>Where a value goes, and what is made of it.</summary>
internal sealed class MetadataPair
{
    private const int Most = 8 * 1024; // MAX_HEADER_VALUE_LEN of Envoy's filter
    private const string OwnSpace = "envoy.filters.http.header_to_metadata";

    private readonly string _space, _key;
    private readonly byte[]? _value;
    private readonly RegexSubstitution? _rewrite;
    private readonly HeaderValueType _type;
    private readonly bool _base64;

    private MetadataPair(MetadataPairConfig config, RegexSubstitution? rewrite)
    {
        _space = config.MetadataNamespace.Length > 0 ? config.MetadataNamespace : OwnSpace;
        _key = config.Key;
        _value = config.Value is { Length: > 0 } value ? Encoding.UTF8.GetBytes(value) : null;
        _rewrite = rewrite;
        _type = config.Type;
        _base64 = config.Encode == HeaderValueEncode.Base64;
    }

    /// <summary>Null with errors added.</summary>
    public static MetadataPair? Build(MetadataPairConfig config, ConfigErrors errors)
    {
        if (config.RegexValueRewrite is not { } rewrite) return new MetadataPair(config, null);
        return RegexSubstitution.Compile(rewrite, errors) is { } compiled ? new MetadataPair(config, compiled) : null;
    }

    /// <summary>Notes what is in the scratch, or the value of the configuration; one that cannot be read as its type is left out.</summary>
    public void Note(StreamInfo info, ByteWriter scratch)
    {
        int start = 0;
        if (_value is not null)
        {
            scratch.Clear();
            scratch.Write(_value);
        }
        else if (_rewrite is not null)
        {
            start = scratch.Length;
            // More work than a request may make: then nothing is known of the value.
            if (!_rewrite.TryWrite(scratch.Written, scratch)) return;
        }
        var value = scratch.Written[start..];
        if (value.IsEmpty || value.Length >= Most) return;
        if (_base64)
        {
            Span<byte> decoded = stackalloc byte[Most];
            int length = Decode(value, decoded);
            if (length > 0 && Read(decoded[..length], out object? inner)) info.MetadataOf(_space)[_key] = inner;
        }
        else if (Read(value, out object? read)) info.MetadataOf(_space)[_key] = read;
    }

    // With or without padding.
    private static int Decode(ReadOnlySpan<byte> text, Span<byte> into)
    {
        text = text.TrimEnd((byte)'=');
        Span<byte> padded = stackalloc byte[Most + 4];
        text.CopyTo(padded);
        int length = text.Length;
        while (length % 4 != 0) padded[length++] = (byte)'=';
        return Base64.DecodeFromUtf8(padded[..length], into, out int used, out int written) == System.Buffers.OperationStatus.Done
            && used == length ? written : 0;
    }

    private bool Read(ReadOnlySpan<byte> value, out object? read)
    {
        switch (_type)
        {
            case HeaderValueType.Number:
                bool number = double.TryParse(value.Trim(" \t"u8), NumberStyles.Float, CultureInfo.InvariantCulture, out double parsed);
                read = number ? parsed : null;
                return number;
            case HeaderValueType.ProtobufValue: return ProtoValue.TryRead(value, out read);
            default:
                read = Encoding.UTF8.GetString(value);
                return true;
        }
    }
}
