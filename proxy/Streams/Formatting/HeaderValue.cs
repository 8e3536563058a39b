using System.Buffers;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Streams.Formatting;

/// <summary>
/// The one place where bytes that were put together (from formats, rewrites, other headers) become fit for a field value
/// (RFC 9110 section 5.5): control characters but TAB become spaces, so CR, LF and NUL can never end a field, and white space at the
/// ends goes.
/// </summary>
public static class HeaderValue
{
    private static readonly SearchValues<byte> Controls = SearchValues.Create(
        [.. Enumerable.Range(0, 0x20).Where(i => i != '\t').Append(0x7F).Select(i => (byte)i)]);

    // RFC 3986 section 3.2 and 3.3: none of these can stand in an authority or a request target.
    private static readonly SearchValues<byte> NotAuthority = SearchValues.Create(
        [.. Enumerable.Range(0, 0x21).Append(0x7F).Select(i => (byte)i), .. "/?#@\\\"<>^`{|}"u8]);
    private static readonly SearchValues<byte> NotTarget = SearchValues.Create(
        [.. Enumerable.Range(0, 0x21).Append(0x7F).Select(i => (byte)i)]);

    /// <summary>Whether a literal from a configuration can be sent as it is.</summary>
    public static bool IsValid(ReadOnlySpan<byte> value) => value.IndexOfAny(Controls) < 0;

    /// <summary>Whether the bytes may stand as a host with an optional port.</summary>
    public static bool IsAuthority(ReadOnlySpan<byte> value) => value.Length > 0 && value.IndexOfAny(NotAuthority) < 0;

    /// <summary>Whether somebody else may set this pseudo-header of a request to this: :path, :authority and :method alone.</summary>
    public static bool MaySetPseudo(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value) => HeaderNames.Find(name) switch
    {
        HeaderId.Path => value is [(byte)'/', ..] && IsTarget(value),
        HeaderId.Authority => IsAuthority(value),
        HeaderId.Method => FieldSyntax.IsToken(value) && !value.SequenceEqual("CONNECT"u8),
        _ => false,
    };

    /// <summary>Whether the bytes may stand as the target of a request: no white space, no controls.</summary>
    public static bool IsTarget(ReadOnlySpan<byte> value) => value.IndexOfAny(NotTarget) < 0;

    /// <summary>
    /// Replaces control characters in what was appended from <paramref name="mark"/> on, and gives it without white space at the ends.
    /// </summary>
    public static ReadOnlySpan<byte> Clean(ByteWriter writer, int mark) => Clean(writer, mark, writer.Length);

    /// <summary>As above, for what stands between two marks.</summary>
    public static ReadOnlySpan<byte> Clean(ByteWriter writer, int mark, int end)
    {
        var value = writer.Storage.Slice(mark, end - mark);
        for (int at; (at = value.IndexOfAny(Controls)) >= 0;) value[at] = (byte)' ';
        return value.Trim((ReadOnlySpan<byte>)" \t"u8);
    }
}
