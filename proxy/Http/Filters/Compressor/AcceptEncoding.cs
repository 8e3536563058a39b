using Managed.Proxy.Http.Headers;
using Ascii = System.Text.Ascii;

namespace Managed.Proxy.Http.Filters.Compressor;

/// <summary>Reads accept-encoding (RFC 9110 section 12.5.3) for one coding at a time.</summary>
internal static class AcceptEncoding
{
    /// <summary>Of a coding that is not named, where there is no * either.</summary>
    public const int NotNamed = -1;

    /// <summary>The weight of a coding in thousandths: what is said of it, else of *; 0: not acceptable.</summary>
    /// <param name="headers">All fields of the name count, as one list.</param>
    /// <param name="coding">In lower case.</param>
    /// <param name="wildcard">It is meant by * alone.</param>
    public static int WeightOf(HeaderMap headers, ReadOnlySpan<byte> coding, out bool wildcard)
    {
        int named = NotNamed, star = NotNamed;
        int cursor = 0;
        while (headers.Next(ref cursor, out var id, out _, out var list))
        {
            if (id != HeaderId.AcceptEncoding) continue;
            while (FieldSyntax.NextMember(ref list, out var member))
            {
                int end = member.IndexOf((byte)';');
                var name = (end < 0 ? member : member[..end]).Trim(" \t"u8);
                int weight = end < 0 ? 1000 : Weight(member[(end + 1)..]);
                if (Ascii.EqualsIgnoreCase(name, coding)) named = Math.Max(named, weight);
                else if (name.SequenceEqual("*"u8)) star = Math.Max(star, weight);
            }
        }
        wildcard = named == NotNamed && star != NotNamed;
        return named == NotNamed ? star : named;
    }

    // ;q=0.5 among other parameters; one that is none counts as 0, so that nothing comes that was not asked for.
    private static int Weight(ReadOnlySpan<byte> parameters)
    {
        while (!parameters.IsEmpty)
        {
            int end = parameters.IndexOf((byte)';');
            var one = (end < 0 ? parameters : parameters[..end]).Trim(" \t"u8);
            parameters = end < 0 ? default : parameters[(end + 1)..];
            if (one.Length < 2 || (one[0] | 0x20) != 'q' || one[1] != '=') continue;
            var value = one[2..];
            if (value.IsEmpty || value.Length > 5 || value[0] is not ((byte)'0' or (byte)'1')) return 0;
            if (value.Length > 1 && value[1] != '.') return 0;
            int weight = (value[0] - '0') * 1000, unit = 100;
            for (int i = 2; i < value.Length; i++, unit /= 10)
            {
                if (value[i] is < (byte)'0' or > (byte)'9') return 0;
                weight += (value[i] - '0') * unit;
            }
            return Math.Min(weight, 1000);
        }
        return 1000;
    }
}
