using Managed.AdminApi.Endpoints;

namespace Managed.AdminApi.Auth;

internal static class AuthServices
{
    public static IServiceCollection AddAccess(this IServiceCollection services) => services
        .AddSingleton(TimeProvider.System)
        .AddSingleton<Expiry>()
        .AddSingleton<AccessTokens>()
        .AddSingleton<Sessions>()
        .AddSingleton<SignInCodes>()
        .AddSingleton<FailureLimits>();

    /// <summary>After routing, before anything answers.</summary>
    public static void UseAccess(this IApplicationBuilder app)
    {
        app.UseMiddleware<AuthMiddleware>();
        app.UseMiddleware<WrongAddress>();
    }
}
