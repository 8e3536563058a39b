using System.Globalization;
using Managed.AdminApi.Requests;
using Managed.Proxy;

namespace Managed.AdminApi.EnvoyPaths;

/// <summary>Envoy's <c>/certs</c>: of each chain and cluster what it shows and whom it trusts (envoy.admin.v3.Certificates).</summary>
internal static class CertsAnswer
{
    public static Task WriteAsync(HttpContext context)
    {
        var now = context.RequestServices.GetService<TimeProvider>()?.GetUtcNow() ?? DateTimeOffset.UtcNow;
        var uses = context.RequestServices.GetRequiredService<ProxyServer>().Certificates();
        return JsonAnswer.WriteAsync(context, StatusCodes.Status200OK, new
        {
            certificates = uses.Select(u => new
            {
                ca_cert = u.Authorities.Select(c => Details(c, u.Owner, now)),
                cert_chain = u.Chain.Select(c => Details(c, u.Owner, now)),
            }),
        });
    }

    private static object Details(CertificateFacts c, string owner, DateTimeOffset now) => new
    {
        // Where it is used: bytes have no path once they are part of a version.
        path = owner, serial_number = c.Serial,
        subject_alt_names = c.Names.Where(n => n.Kind is "dns" or "uri" or "ip_address").Select(n => new Dictionary<string, string>
        {
            [n.Kind] = n.Name,
        }),
        days_until_expiration = Math.Max(0, (long)Math.Floor((c.NotAfter - now).TotalDays)).ToString(CultureInfo.InvariantCulture),
        valid_from = Text(c.NotBefore), expiration_time = Text(c.NotAfter),
    };

    private static string Text(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);
}
