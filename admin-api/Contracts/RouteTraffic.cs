using System.Text.Json.Serialization;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Router;

namespace Managed.AdminApi.Contracts;

/// <summary>
/// What one route has answered: responses by the class of their status; times from request to response, null without any.
/// </summary>
internal sealed record RouteTraffic(string RouteConfiguration, string VirtualHost, string Route, long Requests,
    [property: JsonPropertyName("responses_1xx")] long Responses1xx, [property: JsonPropertyName("responses_2xx")] long Responses2xx,
    [property: JsonPropertyName("responses_3xx")] long Responses3xx, [property: JsonPropertyName("responses_4xx")] long Responses4xx,
    [property: JsonPropertyName("responses_5xx")] long Responses5xx,
    [property: JsonPropertyName("p50_ms")] double? P50Ms, [property: JsonPropertyName("p95_ms")] double? P95Ms,
    [property: JsonPropertyName("p99_ms")] double? P99Ms)
{
    public static RouteTraffic Of(RouteCounts route)
    {
        var times = new HistogramSnapshot();
        route.AddTo(times);
        return new(route.RouteConfiguration, route.VirtualHost, route.Route, route.Requests, route.OfClass(1), route.OfClass(2),
            route.OfClass(3), route.OfClass(4), route.OfClass(5), Ms(0.5), Ms(0.95), Ms(0.99));

        double? Ms(double q) => times.Count == 0 ? null : Math.Round(times.Quantile(q) / 1000, 3);
    }
}
