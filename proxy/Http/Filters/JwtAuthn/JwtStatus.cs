namespace Managed.Proxy.Http.Filters.JwtAuthn;

/// <summary>What came of a token. The numbers are those that Envoy writes into the metadata.</summary>
internal enum JwtStatus
{
    Ok = 0, Missing = 1, NotYetValid = 2, Expired = 3, BadFormat = 4, HeaderBase64 = 5, HeaderJson = 6, HeaderAlg = 7, UnknownAlg = 8,
    HeaderKid = 9, PayloadBase64 = 10, PayloadJson = 11, Issuer = 12, Subject = 13, IssuedAt = 14, NotBefore = 15, Expiration = 16,
    Id = 17, Audience = 18, SignatureBase64 = 19, SignatureLength = 20, UnknownIssuer = 21, AudienceNotAllowed = 22,
    VerificationFails = 23, NoValidKeys = 28, NoMatchingKey = 29, FetchFails = 37, SubjectNotAllowed = 100, LifetimeNotAllowed = 101,
    /// <summary>Ours: the keys have to be fetched first.</summary>
    Waits = -1,
}

internal static class JwtStatusText
{
    /// <summary>The body of the refusal, as Envoy says it.</summary>
    public static string Of(JwtStatus status) => status switch
    {
        JwtStatus.Ok => "OK",
        JwtStatus.Missing => "Jwt is missing",
        JwtStatus.NotYetValid => "Jwt not yet valid",
        JwtStatus.Expired => "Jwt is expired",
        JwtStatus.BadFormat => "Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections",
        JwtStatus.HeaderBase64 => "Jwt header is an invalid Base64url encoded",
        JwtStatus.HeaderJson => "Jwt header is an invalid JSON",
        JwtStatus.HeaderAlg => "Jwt header [alg] field is required and must be a string",
        JwtStatus.UnknownAlg => "Jwt header [alg] is not supported",
        JwtStatus.HeaderKid => "Jwt header [kid] field is not a string",
        JwtStatus.PayloadBase64 => "Jwt payload is an invalid Base64url encoded",
        JwtStatus.PayloadJson => "Jwt payload is an invalid JSON",
        JwtStatus.Issuer => "Jwt payload [iss] field is not a string",
        JwtStatus.Subject => "Jwt payload [sub] field is not a string",
        JwtStatus.IssuedAt => "Jwt payload [iat] field is not an integer",
        JwtStatus.NotBefore => "Jwt payload [nbf] field is not an integer",
        JwtStatus.Expiration => "Jwt payload [exp] field is not an integer",
        JwtStatus.Id => "Jwt payload [jti] field is not a string",
        JwtStatus.Audience => "Jwt payload [aud] field is not a string or string list",
        JwtStatus.SignatureBase64 => "Jwt signature is an invalid Base64url encoded",
        JwtStatus.SignatureLength => "Jwt ED25519 signature is wrong length",
        JwtStatus.UnknownIssuer => "Jwt issuer is not configured",
        JwtStatus.AudienceNotAllowed => "Audiences in Jwt are not allowed",
        JwtStatus.NoValidKeys => "Jwks doesn't have any valid public key",
        JwtStatus.NoMatchingKey => "Jwks doesn't have key to match kid or alg from Jwt",
        JwtStatus.FetchFails => "Jwks remote fetch is failed",
        JwtStatus.SubjectNotAllowed => "Subject in Jwt is not allowed",
        JwtStatus.LifetimeNotAllowed => "Jwt lifetime is not allowed",
        _ => "Jwt verification fails",
    };

    // Made once each: what is refused must not cost more than what is let through.
    private static readonly Dictionary<JwtStatus, string> Details = Enum.GetValues<JwtStatus>().ToDictionary(s => s, MakeDetails);

    /// <summary>Envoy's response code details.</summary>
    public static string DetailsOf(JwtStatus status) => Details[status];

    /// <summary>The same of any text.</summary>
    public static string DetailsOf(string text) => "jwt_authn_access_denied{" + text.Replace(' ', '_') + "}";

    private static string MakeDetails(JwtStatus status) => DetailsOf(Of(status));
}
