using System.Text;

namespace Managed.Proxy.Router.Matching;

/// <summary>Bytes where the case of ASCII letters does not count, and that of others does.</summary>
internal static class AsciiCase
{
    public static byte Lower(byte b) => b is >= (byte)'A' and <= (byte)'Z' ? (byte)(b | 0x20) : b;

    /// <summary>Writes a text in lower case to a span of its length, or onto itself.</summary>
    public static void Lower(ReadOnlySpan<byte> text, Span<byte> lower)
    {
        if (Ascii.ToLower(text, lower, out _) == System.Buffers.OperationStatus.Done) return;
        for (int i = 0; i < text.Length; i++) lower[i] = Lower(text[i]);
    }

    public static bool Same(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b)
    {
        if (a.Length != b.Length) return false;
        if (Ascii.EqualsIgnoreCase(a, b)) return true; // false for any byte above 127, even for equal ones
        for (int i = 0; i < a.Length; i++)
            if (Lower(a[i]) != Lower(b[i])) return false;
        return true;
    }
}
