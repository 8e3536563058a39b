namespace Managed.AdminApi.Acme;

/// <summary>A certificate that an authority issues, as the API shows it; nothing of a key.</summary>
/// <param name="State">
/// <c>issued</c>; <c>ordering</c>: an order is on its way; <c>failing</c>: the last attempt failed; <c>waiting</c>: none was made yet.
/// </param>
/// <param name="Serves">
/// What clients are shown: <c>certificate</c>; <c>former</c>: the one of other names that was there before; <c>placeholder</c>:
/// self-signed.
/// </param>
internal sealed record AcmeView(string Name, IReadOnlyList<string> Domains, string DirectoryUrl, string Email, string KeyType,
    IReadOnlyList<string> UsedBy, string State, string Serves, AcmeCertificateView? Certificate, DateTimeOffset? RenewalTime,
    AcmeWindowView? SuggestedWindow, DateTimeOffset? NextAttempt, int Failures, AcmeFailure? LastError);

/// <param name="SerialNumber">Lower-case hexadecimal digits, as the digest.</param>
internal sealed record AcmeCertificateView(DateTimeOffset ValidFrom, DateTimeOffset ExpirationTime, string SerialNumber, string Sha256);

/// <summary>Within which the authority would like the renewal to come.</summary>
internal sealed record AcmeWindowView(DateTimeOffset Start, DateTimeOffset End);
