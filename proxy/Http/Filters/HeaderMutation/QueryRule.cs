using System.Buffers;
using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Streams;
using Managed.Proxy.Streams.Formatting;

namespace Managed.Proxy.Http.Filters.HeaderMutation;

/// <summary>One change of the query. Names compare as they stand in the target; the other parameters keep their bytes and order.</summary>
internal sealed class QueryRule
{
    // What would end the value, the query or the request line; a percent sign is taken for an escape that is there already.
    private static readonly SearchValues<byte> Unsafe = SearchValues.Create(
        [.. Enumerable.Range(0, 0x21).Concat(Enumerable.Range(0x7F, 0x81)).Select(i => (byte)i), .. "&#\"<>"u8]);

    private readonly byte[] _name;
    private readonly FormatTemplate? _value; // null: removal
    private readonly HeaderAppendAction _action;

    private QueryRule(byte[] name, FormatTemplate? value, HeaderAppendAction action)
    {
        _name = name;
        _value = value;
        _action = action;
    }

    public static QueryRule? Compile(QueryParameterMutationConfig config, ConfigErrors errors)
    {
        string? name = config.Remove;
        FormatTemplate? value = null;
        if (config.Append is { } append)
        {
            if ((append.Record ?? append.Entry) is not { } pair) return null; // the binder has said so
            name = pair.Key;
            value = FormatTemplate.Compile(pair.Value, errors, (pair.Node as ConfigObject)?["value"] ?? pair.Node);
            if (value is null) return null;
        }
        if (name is null) return null;
        byte[] bytes = Encoding.UTF8.GetBytes(name);
        if (bytes.AsSpan().IndexOfAny(Unsafe) < 0 && !bytes.Contains((byte)'='))
            return new QueryRule(bytes, value, config.Append?.Action ?? default);
        errors.Error(config.Node, ConfigCode.InvalidValue, $"'{name}' cannot stand as a parameter name in a URL", "percent-encode it");
        return null;
    }

    public void Apply(HeaderMap headers, StreamInfo info, ByteWriter scratch)
    {
        var target = headers.Get(HeaderId.Path);
        if (target.Length == 0) return;
        bool exists = QueryString.TryFind(target, _name, out _);
        bool append = _value is not null && _action switch
        {
            HeaderAppendAction.AddIfAbsent => !exists,
            HeaderAppendAction.OverwriteIfExists => exists,
            _ => true,
        };
        bool drop = exists
            && (_value is null || (append && _action is HeaderAppendAction.OverwriteIfExists or HeaderAppendAction.OverwriteIfExistsOrAdd));
        if (!append && !drop) return;

        int mark = scratch.Length;
        scratch.Write(QueryString.PathOf(target));
        byte separator = (byte)'?';
        bool placed = !append;
        if (QueryString.TryOf(target, out var query))
            while (query.Length > 0)
            {
                var piece = QueryString.NextPiece(ref query);
                if (drop && QueryString.NameOf(piece, out _).SequenceEqual(_name))
                {
                    // An overwrite stands where the first one stood.
                    if (!placed) WriteOwn(scratch, info, ref separator);
                    placed = true;
                    continue;
                }
                Separate(scratch, ref separator);
                scratch.Write(piece);
            }
        if (!placed) WriteOwn(scratch, info, ref separator);
        headers.Set(HeaderId.Path, scratch.Written[mark..]);
        scratch.Truncate(mark);
    }

    private void WriteOwn(ByteWriter to, StreamInfo info, ref byte separator)
    {
        Separate(to, ref separator);
        to.Write(_name);
        to.Write((byte)'=');
        int mark = to.Length;
        _value!.Write(to, info);
        var value = to.Written[mark..];
        if (value.IndexOfAny(Unsafe) < 0) return;
        byte[] copy = ArrayPool<byte>.Shared.Rent(value.Length);
        int length = value.Length;
        value.CopyTo(copy);
        to.Truncate(mark);
        foreach (byte b in copy.AsSpan(0, length))
        {
            if (!Unsafe.Contains(b)) { to.Write(b); continue; }
            to.Write((byte)'%');
            to.Write((byte)"0123456789ABCDEF"[b >> 4]);
            to.Write((byte)"0123456789ABCDEF"[b & 15]);
        }
        ArrayPool<byte>.Shared.Return(copy);
    }

    private static void Separate(ByteWriter to, ref byte separator)
    {
        to.Write(separator);
        separator = (byte)'&';
    }
}
