namespace Managed.AdminApi.Telemetry;

internal static class TelemetryServices
{
    public static IServiceCollection AddTelemetry(this IServiceCollection services) => services
        .AddSingleton<NodeState>()
        .AddSingleton<CpuShares>()
        .AddSingleton<TrafficHistory>()
        .AddSingleton<StatHistory>();
}
