using System.Text;
using Managed.Proxy.Core.Buffers;

namespace Managed.Proxy.Streams.Formatting.Operators;

/// <summary>
/// The part of strftime that Envoy's users need, and Envoy's own <c>%s</c> (seconds since the epoch) and <c>%f</c>, <c>%1f</c> to
/// <c>%9f</c> (fraction of the second). Names are English.
/// </summary>
internal sealed class TimeFormat
{
    private const string Specifiers = "YyCmdeHIklMSpPaAbBhjuwzZsfnt%";
    private static readonly string[] Days = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
    private static readonly string[] Months =
        ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];

    // A specifier with its number of digits, or a literal byte run.
    private readonly record struct Part(char Specifier, int Digits, byte[]? Literal);
    private readonly Part[] _parts;

    private TimeFormat(Part[] parts) => _parts = parts;

    /// <param name="text">The format.</param>
    /// <param name="wrong">The specifier that is not known.</param>
    public static TimeFormat? Compile(string text, out string? wrong)
    {
        // strftime's composites, spelt out.
        text = text.Replace("%F", "%Y-%m-%d", StringComparison.Ordinal).Replace("%T", "%H:%M:%S", StringComparison.Ordinal)
            .Replace("%R", "%H:%M", StringComparison.Ordinal).Replace("%D", "%m/%d/%y", StringComparison.Ordinal);
        var parts = new List<Part>();
        for (int i = 0; i < text.Length;)
        {
            int percent = text.IndexOf('%', i);
            if (percent < 0) percent = text.Length;
            if (percent > i) parts.Add(new Part('\0', 0, Encoding.UTF8.GetBytes(text[i..percent])));
            if (percent == text.Length) break;
            i = percent + 1;
            int digits = 0;
            bool extended = i < text.Length && text[i] == 'E'; // absl's %Ez and %E3S
            if (extended) i++;
            if (i < text.Length && text[i] is >= '1' and <= '9') digits = text[i++] - '0';
            char specifier = i < text.Length ? text[i++] : '\0';
            bool known = Specifiers.Contains(specifier)
                && (digits == 0 || (specifier == 'f' && !extended) || (specifier == 'S' && extended))
                && (!extended || specifier is 'z' || (specifier == 'S' && digits > 0));
            if (!known || specifier == '\0') { wrong = text[percent..i]; return null; }
            if (specifier == 'z' && extended) digits = 1;
            parts.Add(new Part(specifier, digits, null));
        }
        wrong = null;
        return new TimeFormat([.. parts]);
    }

    /// <param name="to">Where.</param>
    /// <param name="micros">Since the Unix epoch.</param>
    /// <param name="offsetMinutes">Of the time zone.</param>
    public void Write(ByteWriter to, long micros, int offsetMinutes)
    {
        var time = DateTime.UnixEpoch.AddMicroseconds(micros + offsetMinutes * 60_000_000L);
        int fraction = (int)(micros % 1_000_000);
        foreach (ref readonly var part in _parts.AsSpan())
        {
            switch (part.Specifier)
            {
                case '\0': to.Write(part.Literal); break;
                case 'Y': Pad(to, time.Year, 4); break;
                case 'y': Pad(to, time.Year % 100, 2); break;
                case 'C': Pad(to, time.Year / 100, 2); break;
                case 'm': Pad(to, time.Month, 2); break;
                case 'd': Pad(to, time.Day, 2); break;
                case 'e': Pad(to, time.Day, 2, (byte)' '); break;
                case 'H': Pad(to, time.Hour, 2); break;
                case 'k': Pad(to, time.Hour, 2, (byte)' '); break;
                case 'I': Pad(to, (time.Hour + 11) % 12 + 1, 2); break;
                case 'l': Pad(to, (time.Hour + 11) % 12 + 1, 2, (byte)' '); break;
                case 'M': Pad(to, time.Minute, 2); break;
                case 'S':
                    Pad(to, time.Second, 2);
                    if (part.Digits > 0) { to.Write((byte)'.'); Fraction(to, fraction, part.Digits); }
                    break;
                case 'f': Fraction(to, fraction, part.Digits == 0 ? 9 : part.Digits); break; // Envoy: %f is nanoseconds
                case 's': to.Write(micros / 1_000_000); break;
                case 'p': to.Write(time.Hour < 12 ? "AM"u8 : "PM"u8); break;
                case 'P': to.Write(time.Hour < 12 ? "am"u8 : "pm"u8); break;
                case 'a': Short(to, Days[(int)time.DayOfWeek]); break;
                case 'A': to.Write(Days[(int)time.DayOfWeek]); break;
                case 'b' or 'h': Short(to, Months[time.Month - 1]); break;
                case 'B': to.Write(Months[time.Month - 1]); break;
                case 'j': Pad(to, time.DayOfYear, 3); break;
                case 'u': to.Write(time.DayOfWeek == DayOfWeek.Sunday ? 7 : (long)time.DayOfWeek); break;
                case 'w': to.Write((long)time.DayOfWeek); break;
                case 'z': Offset(to, offsetMinutes, colon: part.Digits == 1); break;
                case 'Z':
                    if (offsetMinutes == 0) to.Write("UTC"u8);
                    else Offset(to, offsetMinutes, colon: false);
                    break;
                case 'n': to.Write((byte)'\n'); break;
                case 't': to.Write((byte)'\t'); break;
                default: to.Write((byte)'%'); break;
            }
        }
    }

    private static void Short(ByteWriter to, string name)
    {
        for (int i = 0; i < 3; i++) to.Write((byte)name[i]);
    }

    private static void Pad(ByteWriter to, int value, int width, byte fill = (byte)'0')
    {
        int digits = value < 10 ? 1 : value < 100 ? 2 : value < 1000 ? 3 : 4;
        for (; digits < width; width--) to.Write(fill);
        to.Write(value);
    }

    private static void Fraction(ByteWriter to, int micros, int digits)
    {
        int unit = 100_000;
        for (; digits > 0; digits--, micros %= Math.Max(unit, 1), unit /= 10)
            to.Write((byte)('0' + (unit == 0 ? 0 : micros / unit)));
    }

    private static void Offset(ByteWriter to, int minutes, bool colon)
    {
        to.Write(minutes < 0 ? (byte)'-' : (byte)'+');
        minutes = Math.Abs(minutes);
        Pad(to, minutes / 60, 2);
        if (colon) to.Write((byte)':');
        Pad(to, minutes % 60, 2);
    }
}
