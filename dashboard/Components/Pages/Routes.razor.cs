using System.Globalization;
using Managed.Dashboard.AdminApi;
using Managed.Dashboard.Components.Controls;

namespace Managed.Dashboard.Components.Pages;

/// <summary>
/// All routes in the order in which they are asked, which is why they cannot be sorted, and which of them a request would take.
/// </summary>
public sealed partial class Routes
{
    private readonly Loadable<IReadOnlyList<RouteDocument>> _routes = new();
    private readonly Loadable<IReadOnlyList<ListenerDocument>> _listeners = new();

    private IReadOnlyList<ListenerDocument> Http
        => [.. (_listeners.Value ?? []).Where(l => l.Serves.StartsWith("HTTP", StringComparison.Ordinal))];

    private Dictionary<(string? Configuration, string Host, string Route), RouteTraffic> _hits = [];

    protected override Task LoadAsync()
    {
        _ = LoadHitsAsync(); // beside the table: it does not wait for them
        return Task.WhenAll(_routes.LoadAsync(Api.RoutesAsync, Gone), _listeners.LoadAsync(Api.ListenersAsync, Gone));
    }

    private async Task LoadHitsAsync()
    {
        try
        {
            var hits = new Dictionary<(string?, string, string), RouteTraffic>();
            foreach (var route in await Api.AllRouteTrafficAsync(Gone))
                hits.TryAdd((route.RouteConfiguration, route.VirtualHost, route.Route), route);
            _hits = hits;
            await InvokeAsync(StateHasChanged);
        }
        catch (Exception e) when (e is AdminApiException or OperationCanceledException or ObjectDisposedException)
        {
            // Figures are a courtesy: the table is shown without.
        }
    }

    /// <summary>Since the start; null while it is not known.</summary>
    private RouteTraffic? HitsOf(RouteDocument route) => _hits.GetValueOrDefault((route.Configuration, route.VirtualHost, route.Name));

    private List<RouteDocument> Rows(IReadOnlyList<RouteDocument> all)
        => string.IsNullOrEmpty(Q) ? [.. all] : [.. all.Where(r => r.Texts.Any(IsAskedFor))];

    /// <summary>Of the editor in which the route is.</summary>
    private static string AddressOf(RouteDocument route) => route.Listener is { } listener ? ResourceKind.Listener.AddressOf(listener)
        : ResourceKind.RouteConfiguration.AddressOf(route.Configuration);

    private static string Count(int count, string noun) => count == 1 ? $"1 {noun}" : $"{count} {noun}s";

    private static string Width(RouteTarget target)
        => string.Create(CultureInfo.InvariantCulture, $"width: {target.Percent:0.##}%");

    private static string Shares(RouteDocument route) => string.Join(", ",
        route.Targets.Select(t => string.Create(CultureInfo.InvariantCulture, $"{t.Cluster} {t.Percent:0.#} %")));
}
