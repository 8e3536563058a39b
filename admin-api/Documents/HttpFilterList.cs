using Managed.AdminApi.Problems;
using Managed.Proxy.Configuration;

namespace Managed.AdminApi.Documents;

/// <summary>
/// The HTTP filters of a chain's connection manager. Problem: a listener in the short form keeps them in <c>http_filters</c> beside
/// its routes, without the router, which is implied. Design: the list always shows the router last; an edit that leaves it there
/// untouched goes back into the short form, any other turns the stored listener into the long form first.
/// </summary>
internal sealed class HttpFilterList(string listener, string chain) : PieceList("HTTP filter")
{
    public override (string Collection, string? Name) Resource => ("listeners", listener);

    public override ConfigArray Read(ConfigObject document)
    {
        var written = TopLevelList.Listeners.Get(document, listener);
        if (!ListenerForm.IsShortHttp(written))
            return ArrayOf(Manager(document), "http_filters");
        RequireMain();
        var shown = new ConfigArray(written.Array("http_filters")?.Origin);
        foreach (var item in ArrayOf(written, "http_filters"))
            shown.Add(item);
        if (!shown.Any(IsRouter))
            shown.Add(ListenerForm.ImpliedRouter());
        return shown;
    }

    public override void Write(ConfigObject document, ConfigArray items)
    {
        var written = TopLevelList.Listeners.Get(document, listener);
        if (!ListenerForm.IsShortHttp(written))
        {
            new FilterChainList(listener).Change(document, chain, c => ManagerOf(c).Set("http_filters", items));
            return;
        }
        var keepsImpliedRouter = items.Count > 0 && items[^1] is ConfigObject last && last.SameAs(ListenerForm.ImpliedRouter())
            && items.Count(IsRouter) == 1;
        if (keepsImpliedRouter)
            items.RemoveAt(items.Count - 1);
        else
            keepsImpliedRouter = items.Count(IsRouter) == 1 && items[^1] is { } end && IsRouter(end)
                && ArrayOf(written, "http_filters").Any(IsRouter);
        if (keepsImpliedRouter)
        {
            if (items.Count > 0)
                written.Set("http_filters", items);
            else
                written.Remove("http_filters");
            return;
        }
        new FilterChainList(listener).Change(document, chain, c => ManagerOf(c).Set("http_filters", items));
    }

    public override int DefaultPosition(ConfigArray items)
    {
        for (var i = 0; i < items.Count; i++)
            if (IsRouter(items[i]))
                return i;
        return items.Count;
    }

    /// <summary>By name; failing that by its last segment, so that <c>router</c> finds <c>envoy.filters.http.router</c>.</summary>
    public override int IndexOf(ConfigArray items, string name)
    {
        var exact = items.IndexOfName(name);
        for (var i = 0; exact < 0 && i < items.Count; i++)
            if (items[i] is ConfigObject item && item.Text("name")?.EndsWith("." + name, StringComparison.Ordinal) == true)
                exact = i;
        return exact;
    }

    private ConfigObject Manager(ConfigObject document) => ManagerOf(new FilterChainList(listener).GetAny(document, chain));

    private ConfigObject ManagerOf(ConfigObject found) => ListenerForm.ConnectionManager(found)
        ?? throw new ApiException(ProblemCode.NotFound,
            $"filter chain '{chain}' of listener '{listener}' has no HTTP connection manager");

    private void RequireMain()
    {
        if (chain != ListenerForm.MainChain)
            throw ApiException.NotFound("filter chain", chain, [ListenerForm.MainChain]);
    }

    private static bool IsRouter(ConfigNode item) =>
        item is ConfigObject filter && filter.Text("name") is { } name && (name == "router" || name == "envoy.filters.http.router"
            || filter.Object("typed_config")?.Text("@type") is { } type
                && type.EndsWith("filters.http.router.v3.Router", StringComparison.Ordinal));
}
