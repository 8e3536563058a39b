using System.Globalization;
using System.Text.RegularExpressions;

namespace Managed.Proxy.Configuration.Validation;

/// <summary>Sizes as text: <c>64KiB</c>, <c>1.5MiB</c>, <c>10MB</c>, <c>512B</c>.</summary>
internal static partial class ByteSize
{
    public static bool TryParse(string text, out long bytes)
    {
        bytes = 0;
        if (text.Length > 32 || Form().Match(text) is not { Success: true } match
            || !decimal.TryParse(match.Groups[1].Value, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number)
                || number > 1e15m)
            return false;
        var size = number * match.Groups[2].Value switch
        {
            "KiB" => 1L << 10,
            "MiB" => 1L << 20,
            "GiB" => 1L << 30,
            "KB" => 1_000,
            "MB" => 1_000_000,
            "GB" => 1_000_000_000,
            _ => 1,
        };
        if (size != decimal.Truncate(size) || size > long.MaxValue)
            return false;
        bytes = (long)size;
        return true;
    }

    [GeneratedRegex(@"^([0-9]+(?:\.[0-9]+)?) ?(B|KiB|MiB|GiB|KB|MB|GB)?\z")]
    private static partial Regex Form();
}
