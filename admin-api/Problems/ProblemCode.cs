namespace Managed.AdminApi.Problems;

/// <summary>The machine-readable kinds of failure; each has one status and one title. Clients match on the name.</summary>
internal sealed record ProblemCode(string Name, int Status, string Title)
{
    public static readonly ProblemCode MalformedBody = new("MALFORMED_BODY", 400, "The body cannot be read");
    public static readonly ProblemCode InvalidParameter = new("INVALID_PARAMETER", 400, "A parameter of the call is not valid");
    public static readonly ProblemCode Unauthenticated = new("UNAUTHENTICATED", 401, "Sign-in needed");
    public static readonly ProblemCode Forbidden = new("FORBIDDEN", 403, "Not allowed");
    public static readonly ProblemCode NotFound = new("NOT_FOUND", 404, "Not found");
    public static readonly ProblemCode MethodNotAllowed = new("METHOD_NOT_ALLOWED", 405, "This resource does not take that verb");
    public static readonly ProblemCode BodyTimeout = new("BODY_TIMEOUT", 408, "The body did not come in time");
    public static readonly ProblemCode AlreadyExists = new("ALREADY_EXISTS", 409, "The name is taken");
    public static readonly ProblemCode InUse = new("IN_USE", 409, "Something still refers to it");
    public static readonly ProblemCode Conflict = new("CONFLICT", 409, "Later changes touch the same places");
    public static readonly ProblemCode RollbackBlocked = new("ROLLBACK_BLOCKED", 409, "The version cannot be brought back as things are");
    public static readonly ProblemCode NotAwaitingConfirmation =
        new("NOT_AWAITING_CONFIRMATION", 409, "The deployment does not wait for a confirmation");
    public static readonly ProblemCode VersionPruned = new("VERSION_PRUNED", 410, "The history does not keep this version any more");
    public static readonly ProblemCode EtagMismatch = new("ETAG_MISMATCH", 412, "It has changed in the meantime");
    public static readonly ProblemCode TooLarge = new("TOO_LARGE", 413, "The body is too large");
    public static readonly ProblemCode UnsupportedMediaType = new("UNSUPPORTED_MEDIA_TYPE", 415, "The media type is not served here");
    public static readonly ProblemCode MalformedRequest = new("MALFORMED_REQUEST", 400, "This is no HTTP request that can be read");
    public static readonly ProblemCode RequestTimeout = new("REQUEST_TIMEOUT", 408, "The request did not come in time");
    public static readonly ProblemCode AddressTooLong = new("ADDRESS_TOO_LONG", 414, "The address is too long");
    public static readonly ProblemCode HeadersTooLarge = new("HEADERS_TOO_LARGE", 431, "The header fields are too large");
    public static readonly ProblemCode VersionNotSupported =
        new("VERSION_NOT_SUPPORTED", 505, "Only HTTP/1.0 and HTTP/1.1 are spoken here");
    public static readonly ProblemCode ValidationFailed = new("VALIDATION_FAILED", 422, "Configuration is not valid");
    public static readonly ProblemCode CompileFailed = new("COMPILE_FAILED", 422, "The module cannot be compiled");
    public static readonly ProblemCode ApplyFailed = new("APPLY_FAILED", 422, "The version could not be applied; nothing has changed");
    public static readonly ProblemCode PreconditionRequired = new("PRECONDITION_REQUIRED", 428, "If-Match is needed");
    public static readonly ProblemCode RateLimited = new("RATE_LIMITED", 429, "Too many at once");
    public static readonly ProblemCode Internal = new("INTERNAL", 500, "A bug in the server");
    public static readonly ProblemCode StoreUnavailable = new("STORE_UNAVAILABLE", 503, "The history cannot be read or written");
    public static readonly ProblemCode ApplyTimeout =
        new("APPLY_TIMEOUT", 504, "The workers did not acknowledge in time; the former version was put back");

    public static readonly IReadOnlyList<ProblemCode> All =
    [
        MalformedBody, InvalidParameter, Unauthenticated, Forbidden, NotFound, MethodNotAllowed, BodyTimeout, AlreadyExists, InUse,
        Conflict, RollbackBlocked,
        NotAwaitingConfirmation, VersionPruned, EtagMismatch, TooLarge, UnsupportedMediaType, ValidationFailed, CompileFailed, ApplyFailed,
        PreconditionRequired, RateLimited, Internal, StoreUnavailable, ApplyTimeout,
        MalformedRequest, RequestTimeout, AddressTooLong, HeadersTooLarge, VersionNotSupported,
    ];

    /// <summary>What the server refuses before there is a call: no operation lists them, any can meet them.</summary>
    public static readonly IReadOnlyList<ProblemCode> OfTheServer =
        [MalformedRequest, RequestTimeout, AddressTooLong, HeadersTooLarge, VersionNotSupported];

    /// <summary><c>/problems/validation-failed</c>.</summary>
    public string Type => "/problems/" + Name.ToLowerInvariant().Replace('_', '-');

    /// <summary>The code for a status that the framework chose by itself.</summary>
    public static ProblemCode ForStatus(int status) => status switch
    {
        401 => Unauthenticated,
        403 => Forbidden,
        404 => NotFound,
        405 => MethodNotAllowed,
        408 => RequestTimeout,
        413 => TooLarge,
        414 => AddressTooLong,
        415 => UnsupportedMediaType,
        429 => RateLimited,
        431 => HeadersTooLarge,
        505 => VersionNotSupported,
        >= 500 => Internal,
        _ => MalformedBody,
    };
}
