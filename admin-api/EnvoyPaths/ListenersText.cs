using Managed.AdminApi.Requests;
using Managed.Proxy;

namespace Managed.AdminApi.EnvoyPaths;

/// <summary>Envoy's <c>/listeners</c>: <c>name::address</c> lines, or JSON with <c>?format=json</c>.</summary>
internal static class ListenersText
{
    public static Task WriteAsync(HttpContext context)
    {
        var listeners = context.RequestServices.GetRequiredService<ProxyServer>().Listeners();
        return Query.Text(context, "format") == "json"
            ? JsonAnswer.WriteAsync(context, StatusCodes.Status200OK,
                new { listener_statuses = listeners.Select(l => new { name = l.Name, local_address = Address(l.BoundAddress) }) })
            : ServerAnswers.TextAsync(context, string.Concat(listeners.Select(l => $"{l.Name}::{l.BoundAddress}\n")));
    }

    /// <summary>Envoy's <c>Address</c> message of <c>127.0.0.1:80</c>, <c>[::1]:80</c> or a path.</summary>
    public static object Address(string text)
    {
        var colon = text.LastIndexOf(':');
        return !text.Contains('/') && colon > 0 && int.TryParse(text.AsSpan(colon + 1), out var port)
            ? new { socket_address = new { address = text[..colon].Trim('[', ']'), port_value = port } }
            : new { pipe = new { path = text.StartsWith("unix://", StringComparison.Ordinal) ? text["unix://".Length..] : text } };
    }
}
