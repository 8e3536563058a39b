using Managed.AdminApi.Contracts;
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
        api.Get("/listeners/{listener}/filter_chains/{chain}/filter_times", FilterTimesAsync,
            new("HTTP filters", "Reads the time that each HTTP filter takes")
        {
            Description = "In microseconds of a stream, all hooks of a filter in one direction together, since the process started; in the "
                + "order of the chain, over all workers and for each. The same as the histograms "
                + "http.PREFIX.filter.NAME.request_time_us and response_time_us of /stats, which chains with one stat_prefix share. errors "
                + "(http.PREFIX.filter.NAME.errors): requests that the filter ended with a 4xx or 5xx of its own, or by failing.",
            Answers = [(200, "The filters",
                """{"items":[{"name":"lua","disabled":false,"errors":3,"""
                    + """ "request":{"count":90210,"mean":3.1,"p50":2.9,"p90":4.2,"p99":9.5},"""
                    + """ "response":{"count":90210,"mean":0.4,"p50":0.3,"p90":0.6,"p99":1.1},"workers":[{"worker":0}]}]}""")],
            Errors = [ProblemCode.NotFound],
        });
        api.Post("/listeners/{name}/drain", DrainAsync, new("Listeners", "Drains a listener")
        {
            Description = "A run-time action, no version: it stops accepting and its connections are asked to end. The next publication "
                + "that changes the listener opens it again.",
            Answers = [(200, "Draining", """{"listener":"edge","state":"draining"}""")], Errors = [ProblemCode.NotFound],
        });
    }

    private static Task FilterTimesAsync(HttpContext context)
    {
        var (listener, chain) = (Value(context, "listener"), Value(context, "chain"));
        var active = context.RequestServices.GetRequiredService<ActiveConfiguration>().Required;
        _ = new FilterChainList(listener).GetAny(active.Document, chain);
        var times = context.RequestServices.GetRequiredService<ProxyServer>().FilterTimesOf(listener, chain)
            ?? throw new ApiException(ProblemCode.NotFound, $"filter chain '{chain}' has no HTTP filters");
        return JsonAnswer.WriteAsync(context, StatusCodes.Status200OK, new
        {
            items = times.Select(f => new
            {
                name = f.Name, disabled = f.Disabled, errors = f.Errors,
                request = FilterTimeView.Of(f.Request), response = FilterTimeView.Of(f.Response),
                workers = f.Request.Select((r, i) => new
                    { worker = i, request = FilterTimeView.Of([r]), response = FilterTimeView.Of([f.Response[i]]) }),
            }),
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
