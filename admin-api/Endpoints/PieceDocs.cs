using Managed.AdminApi.Problems;
using Managed.AdminApi.Requests;
using Managed.AdminApi.Swagger;
using static Managed.AdminApi.Problems.ProblemCode;

namespace Managed.AdminApi.Endpoints;

/// <summary>Swagger descriptions of the calls on one kind of piece.</summary>
internal sealed class PieceDocs(string tag, string kind, string example)
{
    /// <summary>Stand-ins for the parents' names, to ask a list what it is called.</summary>
    public static readonly KeyValuePair<string, object?>[] AnyValues =
        [new("listener", "any"), new("chain", "any"), new("configuration", "any"), new("host", "any")];

    private static readonly ProblemCode[] ReadErrors = [NotFound, InvalidParameter];
    private static readonly ProblemCode[] WriteErrors =
        [MalformedBody, InvalidParameter, NotFound, EtagMismatch, TooLarge, RateLimited, UnsupportedMediaType, ValidationFailed,
            ApplyFailed, StoreUnavailable, ApplyTimeout];

    private ApiBody[] Bodies => [new(MediaTypes.Yaml, example), new(MediaTypes.Json, PieceExamples.ToJson(example))];

    public ApiDoc List => new(tag, $"Lists every {kind}")
    {
        Parameters = [.. ApiParameters.Page, ApiParameters.IfNoneMatch], Errors = ReadErrors,
        Answers = [(200, "One page", $$"""{"items":[{{PieceExamples.ToJson(example)}}],"next_page_token":null,"total_size":1}"""),
            (304, "Unchanged", null)],
    };

    public ApiDoc Create => new(tag, $"Adds a {kind}")
    {
        Description = "Publishes a new version before it answers. Without before or after, an HTTP filter goes before the router, "
            + "anything else to the end.",
        Parameters = [.. ApiParameters.ConditionalWrite, ApiParameters.Before, ApiParameters.After], Bodies = Bodies,
        Errors = [.. WriteErrors, AlreadyExists],
        Answers = [(201, "Created; the piece", PieceExamples.ToJson(example)),
            (202, "With wait=0s: the deployment", """{"deployment":"d-00000042","version":42}""")],
    };

    public ApiDoc Read => new(tag, $"Reads one {kind}")
    {
        Parameters = [ApiParameters.IfNoneMatch], Errors = ReadErrors,
        Answers = [(200, "The piece with its ETag", PieceExamples.ToJson(example)), (304, "Unchanged", null)],
    };

    public ApiDoc Replace => new(tag, $"Creates or replaces a {kind}")
    {
        Description = "If-None-Match: * creates only; If-Match replaces only what was read. A write that changes nothing makes no "
            + "version (Config-Changed: false). Comments of YAML are kept with the version; JSON and patches leave those of the places "
            + "that stay as they are.",
        Parameters = [.. ApiParameters.ConditionalWrite, ApiParameters.IfNoneMatch, ApiParameters.Before, ApiParameters.After],
        Bodies = Bodies, Errors = WriteErrors,
        Answers = [(200, "Replaced, or unchanged", PieceExamples.ToJson(example)), (201, "Created", PieceExamples.ToJson(example)),
            (202, "With wait=0s: the deployment", """{"deployment":"d-00000042","version":42}""")],
    };

    public ApiDoc Patch => new(tag, $"Changes parts of a {kind}")
    {
        Parameters = ApiParameters.ConditionalWrite, Errors = WriteErrors,
        Bodies = [new(MediaTypes.MergePatch, PieceExamples.MergePatchFor(kind)),
            new(MediaTypes.JsonPatch, PieceExamples.JsonPatchFor(kind))],
        Answers = [(200, "Changed, or unchanged", PieceExamples.ToJson(example)),
            (202, "With wait=0s: the deployment", """{"deployment":"d-00000042","version":42}""")],
    };

    public ApiDoc Delete => new(tag, $"Removes a {kind}")
    {
        Parameters = ApiParameters.ConditionalWrite,
        Errors = [InvalidParameter, NotFound, InUse, EtagMismatch, ValidationFailed, ApplyFailed, StoreUnavailable, ApplyTimeout],
        Answers = [(200, "Removed",
            """{"version":42,"changed":true,"deployment":"d-00000042","summary":{"added":0,"changed":0,"removed":1}}""")],
    };

    public ApiDoc Order => new(tag, "Puts the list in another order")
    {
        Parameters = ApiParameters.ConditionalWrite, Errors = WriteErrors, Bodies = [new(MediaTypes.Json, """["auth","router"]""")],
        Answers = [(200, "The list in its new order", $"[{PieceExamples.ToJson(example)}]")],
    };
}
