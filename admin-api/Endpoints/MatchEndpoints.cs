using System.Globalization;
using System.Net;
using Managed.AdminApi.Documents;
using Managed.AdminApi.Problems;
using Managed.AdminApi.Requests;
using Managed.AdminApi.Versions;
using Managed.Proxy;
using Managed.Proxy.Configuration;

namespace Managed.AdminApi.Endpoints;

/// <summary>Tries a request against the active version's chains and routes; no traffic.</summary>
internal static class MatchEndpoints
{
    private static readonly string[] Fields =
        ["listener", "method", "authority", "path", "headers", "source_ip", "server_name", "destination_port"];

    public static void MapMatch(this ApiRoutes api)
        => api.Post("/match", MatchAsync, new("Runtime", "Says where a request would go, and why the other routes lost")
    {
        Bodies = [new(MediaTypes.Json,
            """{"listener":"edge","method":"GET","authority":"example.com","path":"/api/"""
                + """x","headers":{"x-canary":"1"},"source_ip":"10.0.0.7"}""")],
        Errors = [ProblemCode.MalformedBody, ProblemCode.NotFound, ProblemCode.TooLarge, ProblemCode.RateLimited,
            ProblemCode.UnsupportedMediaType, ProblemCode.ValidationFailed],
        Answers = [(200, "What was chosen, and the steps that led there",
            """{"matched":true,"filter_chain":"main","route_configuration":"edge","virtual_host":"default","route":"route-0","action":"route","cluster":"web","steps":[{"kind":"route","name":"route-0","matched":true,"reason":"prefix / matches"}]}""")],
    });

    private static async Task MatchAsync(HttpContext context)
    {
        var body = RequestBody.AsObject(await RequestBody.ReadConfigAsync(context), "the request");
        RequestBody.OnlyFields(body, Fields);
        var listener = Text(body, "listener") ?? throw RequestBody.Invalid(body, ConfigCode.MissingField, "listener is missing");
        _ = TopLevelList.Listeners.Get(context.RequestServices.GetRequiredService<ActiveConfiguration>().Required.Document, listener);
        var path = Text(body, "path") ?? "/";
        if (!path.StartsWith('/') && path != "*")
            throw RequestBody.Invalid(body["path"]!, ConfigCode.InvalidValue, "path begins with /");
        var query = new MatchQuery(listener, Text(body, "method") ?? "GET", Text(body, "authority") ?? "", path, Headers(body),
            SourceIp(body), Text(body, "server_name"), Port(body));
        var match = context.RequestServices.GetRequiredService<ProxyServer>().Match(query)
            ?? throw new ApiException(ProblemCode.NotFound, $"listener '{listener}' is not open");
        await JsonAnswer.WriteAsync(context, StatusCodes.Status200OK, new
        {
            matched = match.Action is not null || match.Route is not null, match.FilterChain, match.RouteConfiguration, match.VirtualHost,
            match.Route, match.Action, match.Cluster, match.Steps,
        });
    }

    private static string? Text(ConfigObject body, string field) => body[field] switch
    {
        null or ConfigScalar { IsNull: true } => null,
        ConfigScalar { Kind: ConfigScalarKind.String } text => text.Text,
        var other => throw RequestBody.Invalid(other, ConfigCode.InvalidType, $"{field} is text, not {other.KindName}"),
    };

    private static IReadOnlyList<KeyValuePair<string, string>> Headers(ConfigObject body)
    {
        if (body["headers"] is not { } given)
            return [];
        var headers = new List<KeyValuePair<string, string>>();
        foreach (var (name, value) in RequestBody.AsObject(given, "headers").Members)
            foreach (var one in value as IEnumerable<ConfigNode> ?? [value])
                headers.Add(new(name, one is ConfigScalar { IsNull: false } text ? text.Text
                    : throw RequestBody.Invalid(one, ConfigCode.InvalidType, $"the value of a header is text, not {one.KindName}")));
        return headers;
    }

    private static IPAddress? SourceIp(ConfigObject body) => Text(body, "source_ip") is not { } text ? null
        : IPAddress.TryParse(text, out var address) ? address
        : throw RequestBody.Invalid(body["source_ip"]!, ConfigCode.InvalidValue, $"'{text}' is not an IP address");

    private static int? Port(ConfigObject body) => body["destination_port"] switch
    {
        null => null,
        ConfigScalar { Kind: ConfigScalarKind.Number } number
            when ushort.TryParse(number.Text, NumberStyles.None, CultureInfo.InvariantCulture, out var port) => port,
        var other => throw RequestBody.Invalid(other, ConfigCode.InvalidValue, "destination_port is a whole number from 0 to 65535"),
    };
}
