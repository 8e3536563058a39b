using System.Globalization;
using System.Text;

namespace Managed.Proxy.Http.Filters.GrpcJsonTranscoder;

/// <summary>Messages of google.protobuf that have a JSON of their own.</summary>
internal static class WellKnownJson
{
    private const long MinSeconds = -62135596800, MaxSeconds = 253402300799; // years 1 to 9999
    private const long MostDuration = 315_576_000_000;

    public static bool IsWellKnown(string name) => name.StartsWith("google.protobuf.", StringComparison.Ordinal) && name[16..] is
        "Timestamp" or "Duration" or "FieldMask" or "Struct" or "ListValue" or "Value" or "Any" or "DoubleValue" or "FloatValue"
        or "Int64Value" or "UInt64Value" or "Int32Value" or "UInt32Value" or "BoolValue" or "StringValue" or "BytesValue";

    /// <summary>RFC 3339, with any offset.</summary>
    public static bool TryTimestamp(ReadOnlySpan<byte> text, out long seconds, out int nanos)
    {
        seconds = nanos = 0;
        Span<char> letters = stackalloc char[64];
        if (text.Length is < 20 or > 64 || text[10] != 'T' || !Encoding.ASCII.TryGetChars(text, letters, out int n)) return false;
        var value = letters[..n];
        int dot = value.IndexOf('.'), end = 19;
        if (dot == 19)
        {
            end = dot + 1;
            for (int scale = 100_000_000; end < n && char.IsAsciiDigit(value[end]); end++, scale /= 10)
            {
                if (scale == 0) return false;
                nanos += (value[end] - '0') * scale;
            }
            if (end == dot + 1) return false;
        }
        var zone = value[end..];
        int offset = 0;
        if (!zone.SequenceEqual("Z"))
        {
            if (zone.Length != 6 || zone[0] is not ('+' or '-') || zone[3] != ':'
                || !int.TryParse(zone.Slice(1, 2), NumberStyles.None, CultureInfo.InvariantCulture, out int hours)
                || !int.TryParse(zone.Slice(4, 2), NumberStyles.None, CultureInfo.InvariantCulture, out int minutes)) return false;
            offset = (hours * 60 + minutes) * (zone[0] == '-' ? -60 : 60);
        }
        if (!DateTime.TryParseExact(value[..19], "yyyy-MM-dd'T'HH:mm:ss", CultureInfo.InvariantCulture,
            DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var time)) return false;
        seconds = (time.Ticks - DateTime.UnixEpoch.Ticks) / TimeSpan.TicksPerSecond - offset;
        return seconds is >= MinSeconds and <= MaxSeconds;
    }

    /// <summary>Seconds with up to nine digits behind the point, and an <c>s</c>.</summary>
    public static bool TryDuration(ReadOnlySpan<byte> text, out long seconds, out int nanos)
    {
        seconds = nanos = 0;
        if (text.Length < 2 || text[^1] != 's') return false;
        bool negative = text[0] == '-';
        text = text[(negative ? 1 : 0)..^1];
        int dot = text.IndexOf((byte)'.');
        if (!long.TryParse(dot < 0 ? text : text[..dot], NumberStyles.None, CultureInfo.InvariantCulture, out seconds)
            || seconds > MostDuration) return false;
        if (dot >= 0)
        {
            var digits = text[(dot + 1)..];
            if (digits.Length is 0 or > 9
                || !int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out nanos)) return false;
            for (int i = digits.Length; i < 9; i++) nanos *= 10;
        }
        if (negative) (seconds, nanos) = (-seconds, -nanos);
        return true;
    }

    public static string? Timestamp(long seconds, int nanos)
    {
        if (seconds is < MinSeconds or > MaxSeconds || nanos is < 0 or > 999_999_999) return null;
        var time = DateTime.UnixEpoch.AddSeconds(seconds);
        return time.ToString("yyyy-MM-dd'T'HH:mm:ss", CultureInfo.InvariantCulture) + Fraction(nanos) + "Z";
    }

    public static string? Duration(long seconds, int nanos)
    {
        if (Math.Abs(seconds) > MostDuration || Math.Abs((long)nanos) > 999_999_999) return null;
        string sign = seconds < 0 || nanos < 0 ? "-" : "";
        return $"{sign}{Math.Abs(seconds).ToString(CultureInfo.InvariantCulture)}{Fraction(Math.Abs(nanos))}s";
    }

    // No digits, three, six or nine.
    private static string Fraction(int nanos) => nanos == 0 ? ""
        : nanos % 1_000_000 == 0 ? $".{(nanos / 1_000_000).ToString("000", CultureInfo.InvariantCulture)}"
        : nanos % 1000 == 0 ? $".{(nanos / 1000).ToString("000000", CultureInfo.InvariantCulture)}"
        : $".{nanos.ToString("000000000", CultureInfo.InvariantCulture)}";

    /// <summary>A path of a field mask as the wire has it.</summary>
    public static string Snake(string path)
    {
        var text = new StringBuilder(path.Length + 8);
        foreach (char c in path)
            if (char.IsAsciiLetterUpper(c)) text.Append('_').Append(char.ToLowerInvariant(c));
            else text.Append(c);
        return text.ToString();
    }

    /// <summary>The same as JSON has it.</summary>
    public static string Camel(string path)
    {
        var text = new StringBuilder(path.Length);
        bool upper = false;
        foreach (char c in path)
        {
            if (c == '_') { upper = true; continue; }
            text.Append(upper ? char.ToUpperInvariant(c) : c);
            upper = false;
        }
        return text.ToString();
    }
}
