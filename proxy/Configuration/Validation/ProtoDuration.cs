using System.Globalization;
using System.Text.RegularExpressions;

namespace Managed.Proxy.Configuration.Validation;

/// <summary>Durations as text: protobuf's <c>1.5s</c>, and the short forms <c>250ms</c>, <c>5m</c>, <c>1h30m</c>.</summary>
internal static partial class ProtoDuration
{
    public static bool TryParse(string text, out TimeSpan value)
    {
        value = default;
        if (text.Length > 32 || !Form().IsMatch(text))
            return false;
        var ticks = 0m;
        foreach (Match part in Part().Matches(text))
        {
            if (!decimal.TryParse(part.Groups[1].Value, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number)
                || number > 1e15m)
                return false;
            ticks += number * part.Groups[2].Value switch
            {
                "h" => TimeSpan.TicksPerHour,
                "m" => TimeSpan.TicksPerMinute,
                "s" => TimeSpan.TicksPerSecond,
                "ms" => TimeSpan.TicksPerMillisecond,
                "us" => TimeSpan.TicksPerMicrosecond,
                _ => 0.01m, // ns; a tick is 100 ns
            };
        }
        if (ticks > long.MaxValue)
            return false;
        value = TimeSpan.FromTicks((long)ticks);
        return true;
    }

    /// <summary>Protobuf's JSON form: seconds with 0, 3, 6 or 9 digits of fraction.</summary>
    public static string Format(TimeSpan value)
    {
        var fraction = value.Ticks % TimeSpan.TicksPerSecond;
        var seconds = (value.Ticks / TimeSpan.TicksPerSecond).ToString(CultureInfo.InvariantCulture);
        if (fraction == 0)
            return seconds + "s";
        if (fraction % TimeSpan.TicksPerMillisecond == 0)
            return string.Create(CultureInfo.InvariantCulture, $"{seconds}.{fraction / TimeSpan.TicksPerMillisecond:000}s");
        return fraction % TimeSpan.TicksPerMicrosecond == 0
            ? string.Create(CultureInfo.InvariantCulture, $"{seconds}.{fraction / TimeSpan.TicksPerMicrosecond:000000}s")
            : string.Create(CultureInfo.InvariantCulture, $"{seconds}.{fraction * 100:000000000}s");
    }

    [GeneratedRegex(@"^([0-9]+(\.[0-9]+)?(h|ms|m|s|us|ns))+\z")]
    private static partial Regex Form();

    [GeneratedRegex(@"([0-9]+(?:\.[0-9]+)?)(h|ms|m|s|us|ns)")]
    private static partial Regex Part();
}
