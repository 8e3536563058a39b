namespace Managed.AdminApi.Problems;

/// <summary>
/// Ends a call with a problem answer. Carries everything the answer shows; the middleware adds what belongs to the request.
/// </summary>
internal sealed class ApiException(ProblemCode code, string detail) : Exception(detail)
{
    public ProblemCode Code { get; } = code;

    public IReadOnlyList<ErrorItem>? Errors { get; init; }

    public IReadOnlyList<ErrorItem>? Warnings { get; init; }

    /// <summary>Further members, such as <c>references</c> or <c>current_etag</c>.</summary>
    public IReadOnlyDictionary<string, object?> Members { get; init; } = new Dictionary<string, object?>();

    /// <summary>Response headers, such as <c>Retry-After</c>.</summary>
    public IReadOnlyDictionary<string, string> Headers { get; init; } = new Dictionary<string, string>();

    public static ApiException NotFound(string kind, string name, IEnumerable<string> candidates)
    {
        var near = NearNames.Of(name, candidates);
        return new(ProblemCode.NotFound, $"{kind} '{name}' does not exist")
        {
            Members = new Dictionary<string, object?>
            {
                ["near"] = near,
                ["hint"] = near.Count == 0 ? null : $"did you mean '{near[0]}'?",
            },
        };
    }

    public static ApiException Parameter(string name, string detail, string? hint = null)
        => new(ProblemCode.InvalidParameter, $"{name}: {detail}")
    {
        Members = new Dictionary<string, object?> { ["parameter"] = name, ["hint"] = hint },
    };
}
