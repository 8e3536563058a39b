using System.Globalization;

namespace Managed.AdminApi.Requests;

internal static class DurationText
{
    private static readonly (string Suffix, double Seconds)[] Units = [("ms", 0.001), ("s", 1), ("m", 60), ("h", 3600), ("", 1)];

    public static bool TryParse(string text, out TimeSpan value)
    {
        value = default;
        foreach (var (suffix, seconds) in Units)
        {
            if (!text.EndsWith(suffix, StringComparison.Ordinal))
                continue;
            if (!double.TryParse(text[..^suffix.Length], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) || number * seconds > TimeSpan.MaxValue.TotalSeconds / 2)
                return false;
            value = TimeSpan.FromSeconds(number * seconds);
            return true;
        }
        return false;
    }

    public static string Format(TimeSpan value) =>
        value.TotalSeconds >= 1 || value == default ? value.TotalSeconds.ToString("0.###", CultureInfo.InvariantCulture) + "s" : value.TotalMilliseconds.ToString("0.###", CultureInfo.InvariantCulture) + "ms";
}
