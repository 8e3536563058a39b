using Microsoft.AspNetCore.Http.Features;

namespace Managed.AdminApi.Requests;

/// <summary>
/// Names in paths, percent-encoded. The server decodes a path but for <c>%2F</c>, so that a slash inside of a name and one between names
/// stay two things; and then <c>%2F</c> and <c>%252F</c> look alike. So names with a percent sign are taken from the target as it came.
/// </summary>
internal static class PathNames
{
    /// <summary>The path as it came: ASCII, and fit for a Location header.</summary>
    public static string RawPath(HttpContext context)
    {
        var target = context.Features.Get<IHttpRequestFeature>()?.RawTarget ?? "";
        if (!target.StartsWith('/'))
            target = Uri.TryCreate(target, UriKind.Absolute, out var absolute) ? absolute.PathAndQuery
                : context.Request.Path.ToUriComponent();
        var end = target.IndexOfAny(['?', '#']);
        return end < 0 ? target : target[..end];
    }

    /// <summary>Puts the names that the path stands for into the route values.</summary>
    public static void Restore(HttpContext context)
    {
        var values = context.Request.RouteValues;
        if (context.GetEndpoint() is not RouteEndpoint endpoint || !values.Values.Any(v => v is string text && text.Contains('%')))
            return;
        var pattern = endpoint.RoutePattern.PathSegments;
        var segments = RawPath(context).Trim('/').Split('/');
        for (var i = 0; i < pattern.Count; i++)
            if (pattern[i].Parts is [Microsoft.AspNetCore.Routing.Patterns.RoutePatternParameterPart { IsCatchAll: false } parameter]
                && values[parameter.Name] is string value && value.Contains('%'))
                values[parameter.Name] = segments.Length == pattern.Count ? Uri.UnescapeDataString(segments[i]) // else it has dot segments
                    : value.Replace("%2F", "/", StringComparison.OrdinalIgnoreCase);
    }
}
