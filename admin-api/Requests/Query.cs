using System.Globalization;
using Managed.AdminApi.Problems;

namespace Managed.AdminApi.Requests;

/// <summary>Reads query parameters strictly: a value that is not understood is an error, never a default.</summary>
internal static class Query
{
    public static string? Text(HttpContext context, string name)
    {
        var values = context.Request.Query[name];
        if (values.Count > 1)
            throw ApiException.Parameter(name, "is given more than once");
        return values.Count == 0 ? null : values[0];
    }

    public static bool Flag(HttpContext context, string name) => Text(context, name) switch
    {
        null or "false" or "0" => false,
        "" or "true" or "1" => true,
        var other => throw ApiException.Parameter(name, $"'{other}' is neither true nor false"),
    };

    public static long? Number(HttpContext context, string name, long min, long max)
    {
        if (Text(context, name) is not { } text)
            return null;
        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value >= min && value <= max
            ? value : throw ApiException.Parameter(name, $"'{text}' is not a whole number from {min} to {max}");
    }

    /// <summary><c>250ms</c>, <c>30s</c>, <c>15m</c>, <c>1h</c>; a bare number means seconds.</summary>
    public static TimeSpan? Duration(HttpContext context, string name, TimeSpan min, TimeSpan max)
    {
        if (Text(context, name) is not { } text)
            return null;
        if (DurationText.TryParse(text, out var value) && value >= min && value <= max)
            return value;
        throw ApiException.Parameter(name, $"'{text}' is not a duration from {DurationText.Format(min)} to {DurationText.Format(max)}",
            "write it like 30s, 250ms or 15m");
    }
}
