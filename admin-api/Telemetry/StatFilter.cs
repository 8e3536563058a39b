using System.Text.RegularExpressions;
using Managed.AdminApi.Problems;

namespace Managed.AdminApi.Telemetry;

/// <summary>
/// Chooses statistics by a regular expression that matches anywhere in the name, as Envoy's <c>/stats?filter=</c> does. Linear-time engine:
/// it comes from outside.
/// </summary>
internal static class StatFilter
{
    public static Func<string, bool> Of(string? filter)
    {
        if (string.IsNullOrEmpty(filter))
            return _ => true;
        try
        {
            var pattern = new Regex(filter, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
            return pattern.IsMatch;
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            throw ApiException.Parameter("filter", $"is not a regular expression of the linear-time kind: {e.Message}");
        }
    }
}
