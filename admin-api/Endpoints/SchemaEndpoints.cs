using Managed.AdminApi.Modules;
using Managed.AdminApi.Problems;
using Managed.AdminApi.Requests;
using Managed.Proxy;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Schema;
using Managed.Proxy.Http.Filters.Native.Plugins;

namespace Managed.AdminApi.Endpoints;

/// <summary>JSON Schema of the document and of everything in it.</summary>
internal static class SchemaEndpoints
{
    private static readonly Dictionary<string, Type> Resources = new(StringComparer.Ordinal)
    {
        ["document"] = typeof(BootstrapConfig), ["listener"] = typeof(ListenerConfig),
        ["route_configuration"] = typeof(RouteConfigurationConfig),
        ["cluster"] = typeof(ClusterConfig), ["extension_config"] = typeof(SharedExtensionConfig),
    };

    public static void MapSchema(this ApiRoutes api) => api
        .Get("/schema", context => JsonAnswer.WriteAsync(context, StatusCodes.Status200OK, new
        {
            kinds = Resources.Keys.Select(k => new { kind = k, type = "resource", summary = (string?)null })
                .Concat(ExtensionCatalog.ListenerFilters.Select(f =>
                    new { kind = Short(f.Name), type = "listener_filter", summary = (string?)f.Summary }))
                .Concat(ExtensionCatalog.TransportSockets.Keys.Select(t =>
                    new { kind = Short(t), type = "transport_socket", summary = (string?)null }))
                .Concat(ExtensionCatalog.NetworkFilters.Select(f =>
                    new { kind = Short(f.Name), type = "network_filter", summary = (string?)f.Summary }))
                .Concat(ExtensionCatalog.HttpFilters.Select(f =>
                    new { kind = Short(f.Name), type = "http_filter", summary = (string?)f.Summary })),
            schema = SchemaWriter.Document(),
        }), new("Schema", "Reads the JSON Schema of the document, and which kinds have one") { Answers =
            [(200, "The schema",
                """{"kinds":[{"kind":"listener","type":"resource","summary":null}],"schema":{"$schema":"https://json-schema.org/draft/"""
                    + """2020-12/schema"}}""")] })
        .Get("/schema/{kind}", ReadAsync, new("Schema", "Reads the JSON Schema of one kind")
        {
            Description = "document, listener, route_configuration, cluster, extension_config, a filter by its name, or the message of "
                + "a transport socket (DownstreamTlsContext, UpstreamTlsContext, RawBuffer); the last segment is enough. Or the "
                + "configuration of a filter in C#: native:MODULE, native:MODULE:TYPE, of a stored module or a file in the plug-in folder.",
                Errors = [ProblemCode.NotFound],
            Answers = [(200, "The schema", """{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object"}""")],
        });

    private static Task ReadAsync(HttpContext context)
    {
        var kind = (string)context.Request.RouteValues["kind"]!;
        if (kind.StartsWith("native:", StringComparison.Ordinal))
            return NativeAsync(context, kind);
        var type = Resources.GetValueOrDefault(kind)
            ?? Filters().FirstOrDefault(f => f.Name == kind || Short(f.Name) == kind || f.TypeName == kind).Type
            ?? throw ApiException.NotFound("kind", kind, Resources.Keys.Concat(Filters().Select(f => Short(f.Name))));
        return JsonAnswer.WriteAsync(context, StatusCodes.Status200OK, SchemaWriter.For(type));
    }

    /// <summary><c>native:MODULE</c> or <c>native:MODULE:TYPE</c>; a digest has a colon of its own.</summary>
    private static Task NativeAsync(HttpContext context, string kind)
    {
        var name = kind["native:".Length..];
        var cut = name.IndexOf(':', name.StartsWith("sha256:", StringComparison.Ordinal) ? "sha256:".Length : 0);
        var type = cut < 0 ? "" : name[(cut + 1)..];
        if (cut >= 0)
            name = name[..cut];
        var guests = context.RequestServices.GetRequiredService<ProxyServer>().Guests;
        var modules = context.RequestServices.GetRequiredService<StoredModules>();
        return NativeSchema.Of(name, type, guests, modules, out var others) is { } schema
            ? JsonAnswer.WriteAsync(context, StatusCodes.Status200OK, schema)
            : throw ApiException.NotFound("kind", kind, others.Select(o => $"native:{name}:{o}"));
    }

    private static IEnumerable<(string Name, string TypeName, Type Type)> Filters()
        => ExtensionCatalog.HttpFilters.Select(f => (f.Name, f.TypeName, f.ConfigType))
        .Concat(ExtensionCatalog.NetworkFilters.Select(f => (f.Name, f.TypeName, f.ConfigType)))
        .Concat(ExtensionCatalog.ListenerFilters.Select(f => (f.Name, f.TypeName, f.ConfigType)))
        .Concat(ExtensionCatalog.TransportSockets.Select(t => (t.Key, t.Key, t.Value)));

    private static string Short(string name) => name[(name.LastIndexOf('.') + 1)..];
}
