using Managed.AdminApi.Hosting;
using Managed.AdminApi.Modules;
using Managed.AdminApi.Secrets;
using Managed.AdminApi.Trials;
using Managed.Migrations;

namespace Managed.AdminApi.Versions;

internal static class VersionServices
{
    public static IServiceCollection AddVersions(this IServiceCollection services, DataFolder folder) => services
        .AddSingleton(new HistoryAccess(folder.DatabaseFile))
        .AddSingleton<VersionStore>()
        .AddSingleton<DeploymentStore>()
        .AddSingleton<ModuleStore>()
        .AddSingleton<StoredModules>()
        .AddSingleton<SecretCipher>()
        .AddSingleton<SecretVault>()
        .AddSingleton<SecretSweep>()
        .AddSingleton<CertificateExpiry>()
        .AddSingleton<LastGoodFile>()
        .AddSingleton<ActiveConfiguration>()
        .AddSingleton<HostPolicy>()
        .AddSingleton<VersionBuilder>()
        .AddSingleton<Publisher>()
        .AddSingleton<TrialWatch>()
        .AddSingleton<ConfirmationClock>()
        .AddSingleton<HistoryFile>()
        .AddSingleton<HistoryKeeper>()
        .AddSingleton<MissingCode>()
        .AddSingleton<FileWatch>()
        .AddSingleton<HistoryPruner>()
        .AddSingleton<Retention>()
        .AddSingleton<Startup>();
}
