using System.Globalization;

namespace Managed.AdminApi.Requests;

internal static class DurationText
{
    private static readonly (string Suffix, double Seconds)[] Units =
        [("ms", 0.001), ("s", 1), ("m", 60), ("h", 3600), ("d", 86_400), ("", 1)];

    public static bool TryParse(string text, out TimeSpan value)
    {
        value = default;
        foreach (var (suffix, seconds) in Units)
        {
            if (!text.EndsWith(suffix, StringComparison.Ordinal))
                continue;
            var digits = text.AsSpan(0, text.Length - suffix.Length);
            // Digits and a point only: .NET would also take NaN, Infinity and their signs as numbers.
            if (digits.ContainsAnyExcept("0123456789.")
                || !double.TryParse(digits, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number)
                || number * seconds > TimeSpan.MaxValue.TotalSeconds / 2)
                return false;
            value = TimeSpan.FromSeconds(number * seconds);
            return true;
        }
        return false;
    }

    public static string Format(TimeSpan value) =>
        value.TotalSeconds >= 1 || value == default ? value.TotalSeconds.ToString("0.###", CultureInfo.InvariantCulture) + "s"
        : value.TotalMilliseconds.ToString("0.###", CultureInfo.InvariantCulture) + "ms";
}
