namespace Managed.AdminApi.Auth;

/// <summary>Who makes a call. Kept in <c>HttpContext.Items</c> by <see cref="AuthMiddleware"/>.</summary>
/// <param name="Role">viewer, operator or admin; this version knows only the administrator.</param>
/// <param name="ByCookie">Signed in through the dashboard.</param>
internal sealed record Identity(string Name, string Role, bool ByCookie)
{
    private static readonly object Key = new();

    public static Identity Of(HttpContext context) => (Identity)context.Items[Key]!;

    public void Attach(HttpContext context) => context.Items[Key] = this;
}
