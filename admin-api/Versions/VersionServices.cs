using Managed.AdminApi.Hosting;
using Managed.AdminApi.Modules;
using Managed.Migrations;
using Microsoft.EntityFrameworkCore;

namespace Managed.AdminApi.Versions;

internal static class VersionServices
{
    public static IServiceCollection AddVersions(this IServiceCollection services, DataFolder folder) => services
        .AddSingleton<IDbContextFactory<HistoryContext>>(new HistoryContexts(HistoryDatabase.Options(folder.DatabaseFile)))
        .AddSingleton<VersionStore>()
        .AddSingleton<DeploymentStore>()
        .AddSingleton<ModuleStore>()
        .AddSingleton<StoredModules>()
        .AddSingleton<LastGoodFile>()
        .AddSingleton<ActiveConfiguration>()
        .AddSingleton<HostPolicy>()
        .AddSingleton<VersionBuilder>()
        .AddSingleton<Publisher>()
        .AddSingleton<ConfirmationClock>()
        .AddSingleton<HistoryFile>()
        .AddSingleton<HistoryKeeper>()
        .AddSingleton<FileWatch>()
        .AddSingleton<Startup>();

    /// <summary>Contexts are cheap; the connections under them are pooled.</summary>
    private sealed class HistoryContexts(DbContextOptions<HistoryContext> options) : IDbContextFactory<HistoryContext>
    {
        public HistoryContext CreateDbContext() => new(options);
    }
}
