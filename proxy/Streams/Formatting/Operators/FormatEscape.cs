using System.Buffers;
using System.Text;
using Managed.Proxy.Core.Buffers;

namespace Managed.Proxy.Streams.Formatting.Operators;

/// <summary>
/// Escapes, in place, what was just appended to a writer. Values without anything to escape (nearly all) cost one vectorised look.
/// </summary>
internal static class FormatEscape
{
    // Everything above ASCII goes the slow way: C1 controls, line and paragraph separators and broken UTF-8 hide there.
    private static readonly SearchValues<byte> Plain = SearchValues.Create(
        [.. Enumerable.Range(0x20, 0x5F).Select(i => (byte)i).Where(b => b is not ((byte)'"' or (byte)'\\'))]);

    private const string HexDigits = "0123456789abcdef";

    /// <summary>
    /// Makes what stands from <paramref name="mark"/> on safe inside one line of text: <c>\"</c>, <c>\\</c>, <c>\n</c>, <c>\r</c>,
    /// <c>\t</c>, and <c>\xHH</c> for other control bytes and bytes that are not UTF-8.
    /// </summary>
    public static void Line(ByteWriter to, int mark) => Escape(to, mark, json: false);

    /// <summary>As <see cref="Line"/> by the rules of a JSON string (RFC 8259 section 7); broken UTF-8 becomes U+FFFD.</summary>
    public static void Json(ByteWriter to, int mark) => Escape(to, mark, json: true);

    private static void Escape(ByteWriter to, int mark, bool json)
    {
        int first = to.Written[mark..].IndexOfAnyExcept(Plain);
        if (first < 0) return;
        first += mark;
        int length = to.Length - first;
        byte[] copy = ArrayPool<byte>.Shared.Rent(length);
        to.Written[first..].CopyTo(copy);
        to.Truncate(first);
        for (ReadOnlySpan<byte> rest = copy.AsSpan(0, length); rest.Length > 0;)
        {
            bool valid = Rune.DecodeFromUtf8(rest, out var rune, out int used) == OperationStatus.Done;
            if (!valid) WriteBroken(to, rest[..used], json);
            else if (IsControl(rune.Value)) WriteControl(to, rune.Value, rest[..used], json);
            else
            {
                if (rune.Value is '"' or '\\') to.Write((byte)'\\');
                to.Write(rest[..used]);
            }
            rest = rest[used..];
        }
        ArrayPool<byte>.Shared.Return(copy);
    }

    // C0, DEL, C1 (terminals act on them), and the Unicode line and paragraph separators.
    private static bool IsControl(int c) => c < 0x20 || c is >= 0x7F and < 0xA0 or 0x2028 or 0x2029;

    private static void WriteControl(ByteWriter to, int value, ReadOnlySpan<byte> bytes, bool json)
    {
        switch (value)
        {
            case '\n': to.Write("\\n"u8); return;
            case '\r': to.Write("\\r"u8); return;
            case '\t': to.Write("\\t"u8); return;
        }
        if (!json) { WriteBroken(to, bytes, json); return; }
        to.Write("\\u"u8);
        for (int shift = 12; shift >= 0; shift -= 4) to.Write((byte)HexDigits[(value >> shift) & 15]);
    }

    private static void WriteBroken(ByteWriter to, ReadOnlySpan<byte> bytes, bool json)
    {
        if (json) { to.Write("\uFFFD"u8); return; }
        foreach (byte b in bytes)
        {
            to.Write("\\x"u8);
            to.Write((byte)HexDigits[b >> 4]);
            to.Write((byte)HexDigits[b & 15]);
        }
    }
}
