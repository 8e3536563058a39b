using Managed.AdminApi.Documents;
using Managed.AdminApi.Modules;
using Managed.AdminApi.Requests;
using Managed.AdminApi.Versions;

namespace Managed.AdminApi.Endpoints;

/// <summary>What there is, by name alone: for completion and for searching by name.</summary>
internal static class NameEndpoints
{
    public static void MapNames(this ApiRoutes api) => api.Get("/names", ReadAsync, new("Configuration", "Lists the names of all resources")
    {
        Description = "Of the active document, in its order, and of the modules by their names.",
        Answers = [(200, "Names by kind",
            """{"listeners":["edge"],"route_configurations":[],"clusters":["web"],"""
                + """ "secrets":[],"extension_configs":[],"modules":["auth"]}""")],
    });

    private static Task ReadAsync(HttpContext context)
    {
        var active = context.RequestServices.GetRequiredService<ActiveConfiguration>().Required;
        PieceAnswer.Headers(context, active.Number, null);
        var names = TopLevelList.All.ToDictionary(l => l.Collection,
            l => (IReadOnlyList<string>)[.. PieceList.Names(l.Read(active.Document))]);
        names["modules"] = [.. context.RequestServices.GetRequiredService<ModuleStore>().Names()];
        return JsonAnswer.WriteAsync(context, StatusCodes.Status200OK, names);
    }
}
