using Managed.AdminApi.Problems;
using Managed.AdminApi.Requests;
using Managed.AdminApi.Swagger;
using Managed.Proxy.Configuration;

namespace Managed.AdminApi.Endpoints;

/// <summary>Marks an endpoint as part of the API, so that everything else under <c>/api</c> is known to be a wrong address.</summary>
internal sealed class ApiEndpointMark
{
    public static readonly ApiEndpointMark Instance = new();
}

/// <summary>Maps the calls of one prefix with their descriptions.</summary>
internal sealed class ApiRoutes(IEndpointRouteBuilder app, string prefix)
{
    public const string V1 = "/api/v1";

    public ApiRoutes Get(string pattern, Func<HttpContext, Task> call, ApiDoc doc) => Map("GET", pattern, call, doc);
    public ApiRoutes Post(string pattern, Func<HttpContext, Task> call, ApiDoc doc) => Map("POST", pattern, call, doc);
    public ApiRoutes Put(string pattern, Func<HttpContext, Task> call, ApiDoc doc) => Map("PUT", pattern, call, doc);
    public ApiRoutes Patch(string pattern, Func<HttpContext, Task> call, ApiDoc doc) => Map("PATCH", pattern, call, doc);
    public ApiRoutes Delete(string pattern, Func<HttpContext, Task> call, ApiDoc doc) => Map("DELETE", pattern, call, doc);

    private ApiRoutes Map(string verb, string pattern, Func<HttpContext, Task> call, ApiDoc doc)
    {
        var endpoint = app.MapMethods(prefix + pattern, [verb], (RequestDelegate)(context =>
        {
            CheckQuery(context, doc);
            PathNames.Restore(context);
            return call(context);
        })).WithMetadata(doc, ApiEndpointMark.Instance, call.Method /* without it Swagger does not see the endpoint */).WithTags(doc.Tag);
        if (doc.Anonymous)
            endpoint.AllowAnonymous();
        return this;
    }

    private static void CheckQuery(HttpContext context, ApiDoc doc)
    {
        foreach (var name in context.Request.Query.Keys)
        {
            var known = doc.Parameters.Where(p => p.In == "query").Select(p => p.Name);
            if (!known.Contains(name))
                throw ApiException.Parameter(name, "is not a parameter of this call", Suggestions.Hint(name, known));
        }
    }
}
