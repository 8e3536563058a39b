using System.Buffers;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Codecs.Http2.Hpack;

/// <summary>
/// What may stand in a field's name and value (RFC 9113 section 8.2.1), looked at once for each literal; the tables remember it.
/// </summary>
internal static class FieldRules
{
    private static readonly SearchValues<byte> LowerToken = SearchValues.Create("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"u8);

    /// <summary>
    /// A token without capitals, with a colon before it when it is a pseudo-header, and a value without control characters (tab is none)
    /// and without white space at its ends.
    /// </summary>
    public static bool IsGood(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        if (name.Length > 0 && name[0] == ':') name = name[1..];
        if (name.IsEmpty || name.Length > ushort.MaxValue - 1 || name.ContainsAnyExcept(LowerToken)
            || !FieldSyntax.IsValue(value)) return false;
        return value.IsEmpty || (!IsBlank(value[0]) && !IsBlank(value[^1]));
    }

    private static bool IsBlank(byte b) => b is (byte)' ' or (byte)'\t';
}
