using System.Text;

namespace Managed.Proxy.Http.Headers;

/// <summary>
/// The gRPC status codes (grpc/grpc doc/statuscodes.md) and their mapping from and to HTTP (doc/http-grpc-status-mapping.md).
/// </summary>
internal static class GrpcStatus
{
    private static readonly string[] Names =
    [
        "OK", "Canceled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound", "AlreadyExists", "PermissionDenied",
        "ResourceExhausted",
        "FailedPrecondition", "Aborted", "OutOfRange", "Unimplemented", "Internal", "Unavailable", "DataLoss", "Unauthenticated",
    ];

    private static readonly byte[][] CamelNames = [.. Names.Select(Encoding.ASCII.GetBytes)];
    private static readonly byte[][] SnakeNames = [.. Names.Select(n => Encoding.ASCII.GetBytes(Upper(n)))];

    public const int DeadlineExceeded = 4;

    public static int Count => Names.Length;
    public static ReadOnlySpan<byte> Camel(int status) => CamelNames[status];
    public static ReadOnlySpan<byte> Snake(int status) => SnakeNames[status];

    /// <summary>Whether the request's content type is <c>application/grpc</c> or <c>application/grpc+…</c>.</summary>
    public static bool IsGrpc(HeaderMap? request)
    {
        if (request is null) return false;
        var type = request.Get(HeaderId.ContentType);
        var grpc = "application/grpc"u8;
        return type.StartsWith(grpc) && (type.Length == grpc.Length || type[grpc.Length] is (byte)'+' or (byte)';');
    }

    public static int FromHttp(int status) => status switch
    {
        200 => 0,
        400 => 13,
        401 => 16,
        403 => 7,
        404 => 12,
        429 or 502 or 503 or 504 => 14,
        _ => 2,
    };

    public static int ToHttp(int status) => status switch
    {
        0 => 200,
        1 => 499,
        3 or 9 or 11 => 400,
        4 => 504,
        5 => 404,
        6 or 10 => 409,
        7 => 403,
        8 => 429,
        12 => 501,
        14 => 503,
        16 => 401,
        _ => 500,
    };

    private static string Upper(string camel)
    {
        if (camel == "OK") return camel;
        var text = new StringBuilder();
        foreach (char c in camel)
        {
            if (char.IsUpper(c) && text.Length > 0) text.Append('_');
            text.Append(char.ToUpperInvariant(c));
        }
        return text.ToString();
    }
}
