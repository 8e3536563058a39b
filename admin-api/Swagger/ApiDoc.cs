using Managed.AdminApi.Problems;
using Managed.AdminApi.Requests;
using Microsoft.AspNetCore.Http.Metadata;

namespace Managed.AdminApi.Swagger;

/// <summary>A query or header parameter of a call.</summary>
internal sealed record ApiParameter(string Name, string Description, string Example, string In = "query");

/// <summary>What a call takes as its body, by media type, with one example each.</summary>
internal sealed record ApiBody(string MediaType, string Example);

/// <summary>
/// Describes a call for Swagger, and for the server itself: a query parameter that is not listed here is refused, so that a mistyped
/// <c>dry_run</c> never becomes a real write.
/// </summary>
internal sealed record ApiDoc(string Tag, string Summary) : IRequestSizeLimitMetadata
{
    public string? Description { get; init; }
    public IReadOnlyList<ApiParameter> Parameters { get; init; } = [];
    public IReadOnlyList<ApiBody> Bodies { get; init; } = [];
    public bool BodyRequired { get; init; } = true;
    /// <summary>The most bytes of a body that are read. A call that describes none takes next to none.</summary>
    public long BodyLimit { get => field > 0 ? field : Bodies.Count > 0 ? RequestBody.ConfigLimit : RequestBody.NoBodyLimit; init; }
    /// <summary>Where the server itself stops reading, the framing of chunks included.</summary>
    long? IRequestSizeLimitMetadata.MaxRequestBodySize => BodyLimit + BodyLimit / 8 + 1024;
    /// <summary>Status of success and an example of its body; null when there is none.</summary>
    public IReadOnlyList<(int Status, string Description, string? Example)> Answers { get; init; } = [(200, "Done", null)];
    public string AnswerType { get; init; } = "application/json";
    /// <summary>Further media types of success, by the kind of what is answered or by <c>Accept</c>.</summary>
    public IReadOnlyList<string> FurtherAnswerTypes { get; init; } = [];
    public IReadOnlyList<ProblemCode> Errors
    {
        get => Bodies.Count == 0 ? field : [.. field.Union([ProblemCode.TooLarge, ProblemCode.BodyTimeout])];
        init;
    } = [];
    /// <summary>Without access token.</summary>
    public bool Anonymous { get; init; }
}
