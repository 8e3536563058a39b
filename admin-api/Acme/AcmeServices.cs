namespace Managed.AdminApi.Acme;

internal static class AcmeServices
{
    public static IServiceCollection AddAcme(this IServiceCollection services) => services
        .AddSingleton<AcmeStore>()
        .AddSingleton<AcmePublication>()
        .AddSingleton<AcmeManager>();
}
