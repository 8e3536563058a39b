using System.Buffers.Text;
using System.Text;

namespace Managed.Load.Traffic;

/// <summary>Reads what the runs need of a message, without allocating.</summary>
internal static class Message
{
    /// <summary>The value of the first field of a name; empty when there is none.</summary>
    /// <param name="head">With the line end of its last line.</param>
    public static ReadOnlySpan<byte> Value(ReadOnlySpan<byte> head, ReadOnlySpan<byte> name)
    {
        while (head.IndexOf("\r\n"u8) is >= 0 and var end)
        {
            var line = head[..end];
            if (line.Length > name.Length && line[name.Length] == ':' && Ascii.EqualsIgnoreCase(line[..name.Length], name))
                return line[(name.Length + 1)..].Trim(" \t"u8);
            head = head[(end + 2)..];
        }
        return [];
    }

    public static long Number(ReadOnlySpan<byte> head, ReadOnlySpan<byte> name) =>
        Value(head, name) is { Length: > 0 } value && Utf8Parser.TryParse(value, out long number, out int used)
        && used == value.Length ? number : -1;

    /// <summary>The length of the whole response at the beginning, with its head's length; zero when more is needed.</summary>
    public static (int Head, int Whole) Response(ReadOnlySpan<byte> bytes)
    {
        int end = bytes.IndexOf("\r\n\r\n"u8);
        if (end < 0) return default;
        long length = Number(bytes[..(end + 2)], "content-length"u8);
        int whole = end + 4 + (int)Math.Max(length, 0);
        return bytes.Length >= whole ? (end + 2, whole) : default;
    }
}
