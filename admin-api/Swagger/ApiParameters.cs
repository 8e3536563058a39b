namespace Managed.AdminApi.Swagger;

/// <summary>Parameters that many calls share; see the rules for every call in api.md.</summary>
internal static class ApiParameters
{
    public static readonly ApiParameter DryRun =
        new("dry_run", "Same checks and status codes, nothing stored or applied; answers with diff, impact and warnings.", "true");
    public static readonly ApiParameter Comment = new("comment", "Kept with the version.", "add h2");
    public static readonly ApiParameter Wait =
        new("wait", "How long to wait for the outcome; 0s answers 202 with the deployment at once.", "0s");
    public static readonly ApiParameter ConfirmWithin =
        new("confirm_within", "Reverts by itself unless the deployment is confirmed in this time, also across a restart.", "60s");
    public static readonly ApiParameter RevertIf =
        new("revert_if", "With confirm_within: also reverts as soon as one of these holds, of all listeners together or of one (by the "
            + "prefix of its statistics). 4xx and 5xx are shares of the responses in %, p50, p95 and p99 times in ms or s. Asked every "
            + "second of what came since the publication, from the third minute on of the last one to two minutes: over the limit, "
            + "and at least a quarter worse than in the minute before the publication. It takes 20 responses, 100 for p99, and three of "
            + "the class for a share. The version that reverts says which one held, with its figures.", "5xx>2%,p99>250ms");
    public static readonly ApiParameter IfMatch = new("If-Match", "Only if the piece still has this ETag.", "\"5f2c…\"", "header");
    public static readonly ApiParameter IfNoneMatch =
        new("If-None-Match", "On reads: 304 when the piece still has this ETag. On PUT: * creates only.", "*", "header");
    public static readonly ApiParameter PageSize = new("page_size", "1 to 1000, default 50.", "50");
    public static readonly ApiParameter PageToken = new("page_token", "The next_page_token of the page before.", "");
    public static readonly ApiParameter Search = new("q", "Only what contains this text.", "edge");
    public static readonly ApiParameter Before = new("before", "Insert before the item of this name.", "router");
    public static readonly ApiParameter After = new("after", "Insert after the item of this name.", "auth");
    public static readonly ApiParameter Expanded = new("expanded", "The long form, as Envoy has it.", "true");

    public static readonly IReadOnlyList<ApiParameter> Write = [DryRun, Comment, Wait, ConfirmWithin, RevertIf];
    public static readonly IReadOnlyList<ApiParameter> ConditionalWrite = [.. Write, IfMatch];
    public static readonly IReadOnlyList<ApiParameter> Page = [PageSize, PageToken, Search];
}
