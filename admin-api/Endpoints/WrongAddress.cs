using Managed.AdminApi.Problems;
using Managed.AdminApi.Requests;
using Managed.Dashboard.Hosting;
using Microsoft.AspNetCore.Routing.Template;

namespace Managed.AdminApi.Endpoints;

/// <summary>
/// Answers what no endpoint of the API takes: 405 with <c>Allow</c> when the path exists with other verbs, else 404 with near paths.
/// Left to the framework, a page of the dashboard that matches any path would answer some of these.
/// </summary>
internal sealed class WrongAddress(RequestDelegate next, IEnumerable<EndpointDataSource> sources)
{
    private (TemplateMatcher Matcher, RouteEndpoint Endpoint)[]? _endpoints;

    public Task InvokeAsync(HttpContext context)
    {
        var path = context.Request.Path;
        var endpoint = context.GetEndpoint();
        // A RouteEndpoint is one that somebody mapped; for a wrong verb routing makes another kind.
        if (endpoint is RouteEndpoint && !PageAnswers.IsNotFound(endpoint)
            && (endpoint.Metadata.GetMetadata<ApiEndpointMark>() is not null || !path.StartsWithSegments("/api")))
            return next(context);
        var verbs = Endpoints().Where(e => e.Matcher.TryMatch(path, [])).SelectMany(e => Verbs(e.Endpoint)).Distinct().Order().ToList();
        if (verbs.Count > 0)
            throw new ApiException(ProblemCode.MethodNotAllowed,
                $"{context.Request.Method} is not possible on {path}; {string.Join(", ", verbs)} is")
            {
                Headers = new Dictionary<string, string> { ["Allow"] = string.Join(", ", verbs) },
            };
        if (!path.StartsWithSegments("/api"))
        {
            if (!MediaTypes.WantsHtml(context.Request))
                context.SetEndpoint(null); // a page helps a browser only
            return next(context);
        }
        throw ApiException.NotFound("path", path.Value ?? "",
            Endpoints().Select(e => "/" + e.Endpoint.RoutePattern.RawText!.TrimStart('/')).Where(p => !p.Contains('{')));
    }

    private (TemplateMatcher Matcher, RouteEndpoint Endpoint)[] Endpoints() => _endpoints ??=
    [
        .. sources.SelectMany(s => s.Endpoints).OfType<RouteEndpoint>().Where(e => e.Metadata.GetMetadata<ApiEndpointMark>() is not null)
            .Select(e => (new TemplateMatcher(TemplateParser.Parse(e.RoutePattern.RawText!.TrimStart('/')), []), e)),
    ];

    private static IReadOnlyList<string> Verbs(RouteEndpoint endpoint)
        => endpoint.Metadata.GetMetadata<IHttpMethodMetadata>()?.HttpMethods ?? [];
}
