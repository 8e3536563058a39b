using System.Text;

namespace Managed.Proxy.Router.Matching;

/// <summary>Bytes where the case of ASCII letters does not count, and that of others does.</summary>
internal static class AsciiCase
{
    public static byte Lower(byte b) => b is >= (byte)'A' and <= (byte)'Z' ? (byte)(b | 0x20) : b;

    /// <summary>Turns a text to lower case.</summary>
    public static void Lower(Span<byte> text)
    {
        if (Ascii.ToLowerInPlace(text, out _) == System.Buffers.OperationStatus.Done) return; // stops at the first byte above 127
        foreach (ref byte b in text) b = Lower(b);
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
