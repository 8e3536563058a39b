using System.Globalization;
using Managed.AdminApi.Problems;
using Managed.AdminApi.Requests;
using Managed.AdminApi.Versions;
using Managed.Proxy.Configuration;

namespace Managed.AdminApi.Endpoints;

/// <summary>Answers with pieces of configuration, and checks the conditions that callers put on them.</summary>
internal static class PieceAnswer
{
    /// <summary>200 with the piece and its ETag, or 304.</summary>
    /// <param name="etag">Of the piece, where it is known.</param>
    public static Task ReadAsync(HttpContext context, ConfigNode piece, long version, object? body = null, string? etag = null)
    {
        etag ??= piece.ETag;
        Headers(context, version, etag);
        if (Conditions.IfNoneMatchHolds(context.Request, etag))
            return JsonAnswer.WriteAsync(context, 200, body ?? piece);
        context.Response.StatusCode = StatusCodes.Status304NotModified;
        return Task.CompletedTask;
    }

    public static void Headers(HttpContext context, long version, string? etag)
    {
        context.Response.Headers["Config-Version"] = version.ToString(CultureInfo.InvariantCulture);
        context.Response.Headers.CacheControl = "no-cache"; // may be kept, must be revalidated: that is what the ETag is for
        if (etag is not null)
            context.Response.Headers.ETag = etag;
    }

    /// <summary>Ends the call with 412 unless If-Match and If-None-Match hold for the piece as it is now.</summary>
    /// <param name="piece">Null when there is none.</param>
    /// <param name="resource">The top-level resource around the piece, to find out who changed it.</param>
    public static void CheckConditions(HttpContext context, ActiveVersion active, ConfigNode? piece,
        (string Collection, string? Name)? resource)
    {
        var etag = piece?.ETag;
        if (Conditions.IfMatchHolds(context.Request, etag) && Conditions.IfNoneMatchHolds(context.Request, etag))
            return;
        var last = resource is { } r ? context.RequestServices.GetRequiredService<VersionStore>()
            .LastToTouch(r.Collection, r.Name, active.Number) : null;
        var detail = piece is null ? "it does not exist (any more)" : Conditions.HasIfMatch(context.Request)
            ? "it is no longer what If-Match says" : "it exists already";
        throw new ApiException(ProblemCode.EtagMismatch, detail)
        {
            Members = new Dictionary<string, object?>
            {
                ["current_etag"] = etag,
                ["current_version"] = active.Number,
                ["changed_by"] = last?.Author ?? active.Author,
                ["changed_at"] = last?.CreatedAt ?? active.CreatedAt,
                ["changed_in"] = last?.Number ?? active.Number,
            },
        };
    }
}
