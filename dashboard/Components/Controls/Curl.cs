namespace Managed.Dashboard.Components.Controls;

/// <summary>A call of the API for a shell; the token is the reader's own.</summary>
internal static class Curl
{
    /// <param name="origin">The base address of the page.</param>
    /// <param name="path">Below <c>/api/v1</c>.</param>
    /// <param name="options">Such as <c>-X DELETE</c>; may be empty.</param>
    public static string Of(string origin, string path, params ReadOnlySpan<string> options)
    {
        var call = $"curl -fsS {Quote($"{origin.TrimEnd('/')}/api/v1/{path}")} \\\n  -H \"Authorization: Bearer $TOKEN\"";
        foreach (var option in options)
            if (option.Length > 0)
                call += " \\\n  " + option;
        return call + "\n";
    }

    public static string Quote(string text) => $"'{text.Replace("'", "'\\''", StringComparison.Ordinal)}'";
}
