using Managed.AdminApi.Documents;
using Managed.AdminApi.Problems;
using Managed.AdminApi.Requests;
using Managed.AdminApi.Versions;
using Managed.Proxy;

namespace Managed.AdminApi.Endpoints;

/// <summary>Listeners, their chains, the HTTP filters of a chain, and draining.</summary>
internal static class ListenerEndpoints
{
    public static void MapListeners(this ApiRoutes api)
    {
        new PieceEndpoints("/listeners", "Listeners", _ => TopLevelList.Listeners, PieceExamples.Listener, ordered: false).Map(api);
        new PieceEndpoints("/listeners/{listener}/filter_chains", "Filter chains", c => new FilterChainList(Value(c, "listener")),
            PieceExamples.FilterChain, ordered: false).Map(api);
        new PieceEndpoints("/listeners/{listener}/filter_chains/{chain}/http_filters", "HTTP filters",
            c => new HttpFilterList(Value(c, "listener"), Value(c, "chain")), PieceExamples.HttpFilter, ordered: true).Map(api);
        api.Post("/listeners/{name}/drain", DrainAsync, new("Listeners", "Drains a listener")
        {
            Description = "A run-time action, no version: it stops accepting and its connections are asked to end. The next publication "
                + "that changes the listener opens it again.",
            Answers = [(200, "Draining", """{"listener":"edge","state":"draining"}""")], Errors = [ProblemCode.NotFound],
        });
    }

    private static Task DrainAsync(HttpContext context)
    {
        var name = Value(context, "name");
        var active = context.RequestServices.GetRequiredService<ActiveConfiguration>().Required;
        _ = TopLevelList.Listeners.Get(active.Document, name);
        if (!context.RequestServices.GetRequiredService<ProxyServer>().DrainListener(name))
            throw new ApiException(ProblemCode.NotFound, $"listener '{name}' is not open");
        return JsonAnswer.WriteAsync(context, StatusCodes.Status200OK, new { listener = name, state = "draining" });
    }

    private static string Value(HttpContext context, string name) => (string)context.Request.RouteValues[name]!;
}
