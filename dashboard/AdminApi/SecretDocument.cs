using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using static Managed.Dashboard.AdminApi.JsonReads;

namespace Managed.Dashboard.AdminApi;

/// <summary>What a table shows of one secret; the node never tells what is secret about it.</summary>
/// <param name="Kind">In words: <c>certificate and key</c>.</param>
/// <param name="Source">Where it is from when that is not the document itself: <c>file /etc/tls/a.pem</c>.</param>
/// <param name="Certificate">Null where the document has none, or only names its file.</param>
/// <param name="UsedBy">Listeners and clusters that name it.</param>
public sealed record SecretDocument(string Name, string Kind, string? Source, CertificateFacts? Certificate,
    IReadOnlyList<(string Collection, string Name)> UsedBy)
{
    private static readonly (string Field, string Kind)[] Kinds =
    [
        ("tls_certificate", "certificate and key"), ("validation_context", "trusted certificates"),
        ("session_ticket_keys", "session ticket keys"), ("generic_secret", "generic"),
    ];

    /// <param name="document">The whole document as it is written, in which its users are looked for.</param>
    public static SecretDocument Read(JsonElement secret, JsonElement document)
    {
        var name = Text(secret, "name") ?? "";
        var (field, kind) = Kinds.FirstOrDefault(k => Property(secret, k.Field) is not null, (Field: "", Kind: "secret"));
        var chain = Property(secret, field) is { } body
            ? Property(body, field is "validation_context" ? "trusted_ca" : "certificate_chain") ?? Property(body, "pkcs12") : null;
        var source = chain is not { } c ? null : Text(c, "filename") is { } file ? $"file {file}"
            : Text(c, "environment_variable") is { } variable ? $"variable {variable}" : null;
        var certificate = chain is { } pem && Text(pem, "inline_string") is { } text ? CertificateFacts.Read(text) : null;
        return new(name, kind, source, certificate, [.. new[] { "listeners", "clusters" }.SelectMany(list =>
            Items(document, list).Where(r => Names(r, name)).Select(r => (list, Text(r, "name") ?? "")))]);
    }

    private static bool Names(JsonElement element, string secret, bool inReference = false) => element.ValueKind switch
    {
        JsonValueKind.Object => (inReference && Text(element, "name") == secret) || element.EnumerateObject().Any(p =>
            Names(p.Value, secret, p.Name.Contains("sds_secret_config", StringComparison.Ordinal))),
        JsonValueKind.Array => element.EnumerateArray().Any(e => Names(e, secret, inReference)),
        _ => false,
    };
}

/// <summary>The first certificate of a chain.</summary>
/// <param name="Names">Subject alternative names; the common name where there are none.</param>
public sealed record CertificateFacts(IReadOnlyList<string> Names, string Issuer, DateTimeOffset NotAfter)
{
    public int DaysLeft(DateTimeOffset now) => (int)Math.Floor((NotAfter - now).TotalDays);

    /// <summary>Null for what is no PEM certificate.</summary>
    public static CertificateFacts? Read(string pem)
    {
        try
        {
            using var certificate = X509Certificate2.CreateFromPem(pem);
            var names = certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>()
                .SelectMany(e => e.EnumerateDnsNames().Concat(e.EnumerateIPAddresses().Select(a => a.ToString()))).ToList();
            if (names.Count == 0)
                names.Add(certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false));
            return new(names, certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: true), certificate.NotAfter);
        }
        catch (CryptographicException)
        {
            return null;
        }
    }
}
