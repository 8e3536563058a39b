namespace Managed.AdminApi.Endpoints;

internal static class ApiEndpoints
{
    /// <summary>All of <c>/api/v1</c>: one line for each resource.</summary>
    public static void MapAdminApi(this WebApplication app)
    {
        var api = new ApiRoutes(app, ApiRoutes.V1);
        api.MapConfig();
        api.MapSchema();
        api.MapListeners();
        api.MapRouteConfigurations();
        new PieceEndpoints("/clusters", "Clusters", _ => Documents.TopLevelList.Clusters, PieceExamples.Cluster, ordered: false).Map(api);
        new PieceEndpoints("/secrets", "Secrets", _ => Documents.TopLevelList.Secrets, PieceExamples.Secret, ordered: false).Map(api);
        new PieceEndpoints("/extension_configs", "Extension configurations", _ => Documents.TopLevelList.ExtensionConfigs,
            PieceExamples.ExtensionConfig, ordered: false).Map(api);
        foreach (var list in Documents.TopLevelList.All)
            new ResourceHistoryEndpoints(list).Map(api);
        api.MapVersions();
        api.MapDeployments();
        api.MapRuntime();
        api.MapMatch();
        api.MapFilterTest();
        api.MapModules();
        api.MapAcme();
        api.MapStats();
        api.MapTraffic();
        api.MapNames();
        api.MapEvents();
        api.MapAuth();
        app.MapSignInLink();
    }
}
