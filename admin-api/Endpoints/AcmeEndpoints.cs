using Managed.AdminApi.Acme;
using Managed.AdminApi.Problems;
using Managed.AdminApi.Requests;

namespace Managed.AdminApi.Endpoints;

/// <summary>Certificates that authorities issue (ACME): how each of them is, and renewing one now.</summary>
internal static class AcmeEndpoints
{
    private const string Tag = "Automatic certificates";
    private const string Example = """
        {"name":"example.com-3f9a1c07be","domains":["example.com","www.example.com"],
         "directory_url":"https://acme-v02.api.letsencrypt.org/directory","email":"ops@example.com","key_type":"ECDSA_P256",
         "used_by":["listener.edge"],"state":"issued","serves":"certificate",
         "certificate":{"valid_from":"2026-11-01T00:00:00+00:00","expiration_time":"2027-01-30T00:00:00+00:00","serial_number":"04a1",
                        "sha256":"9ba6c2"},
         "renewal_time":"2026-12-31T00:00:00+00:00","suggested_window":null,"next_attempt":"2026-12-31T00:00:00+00:00","failures":0,
         "last_error":null}
        """;

    public static void MapAcme(this ApiRoutes api) => api
        .Get("/acme_certificates", ListAsync, new(Tag, "Lists the certificates that authorities issue")
        {
            Description = "Those that the version in force wants (acme in a certificate), each once: its state (issued, ordering, "
                + "failing, waiting), what clients are shown meanwhile (certificate; former: one of other names that was there "
                + "before; placeholder: self-signed), when it ends and is renewed, and of the last failure the authority's own "
                + "problem type and words. Never a key.",
            Answers = [(200, "All of them", $$"""{"items":[{{Example}}]}""")],
        })
        .Get("/acme_certificates/{name}", ReadAsync, new(Tag, "Reads one")
        {
            Errors = [ProblemCode.NotFound], Answers = [(200, "The certificate", Example)],
        })
        .Post("/acme_certificates/{name}/renew", RenewAsync, new(Tag, "Renews one now")
        {
            Description = "Places an order at once, whatever the certificate's age and however long our own pause after failures still "
                + "is; nothing more happens when an order is on its way. The answer does not wait for the authority: read the state, "
                + "or wait for the event certificate.issued or certificate.renewal_failed.",
            Errors = [ProblemCode.NotFound, ProblemCode.RateLimited, ProblemCode.StoreUnavailable],
            Answers = [(202, "As it is now", Example)],
        });

    private static Task ListAsync(HttpContext context)
        => JsonAnswer.WriteAsync(context, StatusCodes.Status200OK, new { items = Manager(context).List() });

    private static Task ReadAsync(HttpContext context) => JsonAnswer.WriteAsync(context, StatusCodes.Status200OK,
        Manager(context).View(Name(context))
            ?? throw ApiException.NotFound("certificate", Name(context), Manager(context).List().Select(v => v.Name)));

    private static Task RenewAsync(HttpContext context)
    {
        context.RequestServices.GetRequiredService<Versions.Publisher>().RefuseWhileLent();
        try
        {
            return JsonAnswer.WriteAsync(context, StatusCodes.Status202Accepted, Manager(context).Renew(Name(context)));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or System.Security.Cryptography.CryptographicException)
        {
            throw new ApiException(ProblemCode.StoreUnavailable, $"nothing can be kept: {e.Message}");
        }
    }

    private static string Name(HttpContext context) => (string)context.Request.RouteValues["name"]!;

    private static AcmeManager Manager(HttpContext context) => context.RequestServices.GetRequiredService<AcmeManager>();
}
