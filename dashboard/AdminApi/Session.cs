using System.Security.Claims;

namespace Managed.Dashboard.AdminApi;

/// <summary>The signed-in person as claims: they reach the circuit with the connection and stay in server memory.</summary>
internal static class Session
{
    private const string CookieClaim = "managed:session";

    public static ClaimsPrincipal Principal(Account account, string cookie) => new(new ClaimsIdentity(
        [
            new Claim(ClaimTypes.Name, account.Name),
            new Claim(ClaimTypes.Role, account.Role),
            new Claim(CookieClaim, cookie),
        ],
        authenticationType: AdminApiConnection.SessionCookie));

    public static string? Cookie(ClaimsPrincipal user) => user.FindFirst(CookieClaim)?.Value;

    public static Account Account(ClaimsPrincipal user) =>
        new(user.Identity?.Name ?? "unknown", user.FindFirst(ClaimTypes.Role)?.Value ?? "viewer");
}
