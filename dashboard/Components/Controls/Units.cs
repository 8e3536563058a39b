using System.Globalization;

namespace Managed.Dashboard.Components.Controls;

/// <summary>Figures with the unit that fits.</summary>
internal static class Units
{
    public static string Bytes(long bytes) => bytes switch
    {
        < 1024 => string.Create(CultureInfo.InvariantCulture, $"{bytes} B"),
        < 1024 * 1024 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1024.0:0.#} KiB"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{bytes / (1024.0 * 1024):0.#} MiB"),
    };

    public static string Micros(double micros) => micros switch
    {
        < 1000 => string.Create(CultureInfo.InvariantCulture, $"{micros:0.#} µs"),
        < 10_000 => string.Create(CultureInfo.InvariantCulture, $"{micros / 1000:0.##} ms"),
        < 1_000_000 => string.Create(CultureInfo.InvariantCulture, $"{micros / 1000:0.#} ms"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{micros / 1_000_000:0.##} s"),
    };

    public static string Count(long number) => number.ToString("N0", CultureInfo.InvariantCulture);
}
