using System.Globalization;
using System.Text;

namespace Managed.Proxy.Core.Telemetry;

/// <summary>What others say, as part of a log line: one line, whatever is in it, so that nobody writes lines of his own.</summary>
internal static class LogText
{
    /// <summary>What is longer is cut.</summary>
    public const int MaxBytes = 8192;

    /// <summary>UTF-8 of a guest; what is too long is cut.</summary>
    public static string OneLine(ReadOnlySpan<byte> text) => OneLine(Encoding.UTF8.GetString(text[..Math.Min(text.Length, MaxBytes)]));

    /// <summary>
    /// Line ends at its end are dropped; other control characters become <c>\n</c>, <c>\t</c> or <c>\x1b</c>, and line separators
    /// <c>\u2028</c>.
    /// </summary>
    public static string OneLine(string text)
    {
        text = text.TrimEnd('\r', '\n');
        int first = 0;
        while (first < text.Length && !Breaks(text[first])) first++;
        if (first == text.Length) return text;
        var line = new StringBuilder(text.Length + 16).Append(text, 0, first);
        foreach (char c in text.AsSpan(first))
            switch (c)
            {
                case '\n': line.Append("\\n"); break;
                case '\r': line.Append("\\r"); break;
                case '\t': line.Append("\\t"); break;
                case '\u2028' or '\u2029': line.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"); break;
                default:
                    if (Breaks(c)) line.Append(CultureInfo.InvariantCulture, $"\\x{(int)c:x2}");
                    else line.Append(c);
                    break;
            }
        return line.ToString();
    }

    private static bool Breaks(char c) => char.IsControl(c) || c is '\u2028' or '\u2029';
}
