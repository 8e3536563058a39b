using Managed.Dashboard.Components;
using Microsoft.AspNetCore.Components.Endpoints;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Managed.Dashboard.Hosting;

/// <summary>What every page for a browser has in common, wherever it comes from.</summary>
public static class PageAnswers
{
    internal sealed class NotFoundMark;

    // style-src 'unsafe-inline': MudBlazor sets style attributes and its theme is a <style> element; CodeMirror adds its
    // rules at run time. Scripts stay limited to our own files. img-src data: carries MudBlazor's CSS-embedded icons.
    private const string ContentPolicy =
        "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; " +
        "connect-src 'self'; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'";

    /// <summary>Whether the endpoint draws a page of the dashboard.</summary>
    public static bool Has(Endpoint? endpoint) => endpoint?.Metadata.GetMetadata<ComponentTypeMetadata>() is not null;

    /// <summary>Whether nothing but the page for unknown addresses answers.</summary>
    public static bool IsNotFound(Endpoint? endpoint) => endpoint?.Metadata.GetMetadata<NotFoundMark>() is not null;

    internal static bool WantsPage(HttpRequest request)
        => request.Headers.Accept.ToString().Contains("text/html", StringComparison.OrdinalIgnoreCase);

    /// <summary>404: the frame, whose router says that there is nothing; nothing at all for who does not want a page.</summary>
    internal static Task NotFoundAsync(HttpContext context)
    {
        context.Response.StatusCode = StatusCodes.Status404NotFound;
        return WantsPage(context.Request)
            ? new RazorComponentResult<App> { StatusCode = StatusCodes.Status404NotFound }.ExecuteAsync(context) : Task.CompletedTask;
    }

    /// <summary>Content policy, no sniffing, no framing, no copies in caches.</summary>
    public static void AddHeaders(IHeaderDictionary headers)
    {
        headers.ContentSecurityPolicy = ContentPolicy;
        headers.XContentTypeOptions = "nosniff";
        headers["Referrer-Policy"] = "same-origin";
        headers.CacheControl = "no-store";
    }

    /// <summary>To the form, and from there back to the page that was wanted.</summary>
    /// <param name="expired">The browser had a session, which has ended.</param>
    public static void RedirectToSignIn(HttpContext context, bool expired)
    {
        var back = context.Request.Path + context.Request.QueryString;
        var query = back == "/" ? "" : $"?return={Uri.EscapeDataString(back)}";
        if (expired)
            query += query.Length == 0 ? "?reason=expired" : "&reason=expired";
        context.Response.Redirect($"/sign-in{query}");
    }
}
