using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Managed.Dashboard.AdminApi;

// The JSON of the admin API that the dashboard reads: snake_case on the wire; fields it does not know are ignored, and
// everything that an older or younger API might leave out is optional.
// Public where Razor needs it: a component parameter must be public, and so must its type.

/// <summary><c>GET /auth/me</c>. Role: viewer, operator or admin.</summary>
public sealed record Account(string Name, string Role)
{
    public bool CanWrite => Role is not "viewer";
}

/// <summary>Every list: <c>{items, next_page_token, total_size}</c>.</summary>
public sealed record Page<T>(IReadOnlyList<T> Items, string? NextPageToken, int? TotalSize);

public sealed record ChangeSummary(int Added, int Changed, int Removed)
{
    public bool IsEmpty => Added + Changed + Removed == 0;

    /// <summary>By collection; only in lists of versions.</summary>
    public IReadOnlyDictionary<string, ResourceNames>? Resources { get; init; }

    /// <summary>The first few by name, those that were added with a plus, those that were removed with a minus.</summary>
    public string Names(int most)
    {
        var names = (Resources?.Values ?? []).SelectMany(r => (r.Changed ?? []).Concat((r.Added ?? []).Select(n => "+" + n))
            .Concat((r.Removed ?? []).Select(n => "−" + n))).ToList();
        return string.Join(", ", names.Take(most)) + (names.Count > most ? $" and {names.Count - most} more" : "");
    }
}

public sealed record ResourceNames(IReadOnlyList<string>? Added, IReadOnlyList<string>? Changed, IReadOnlyList<string>? Removed);

/// <summary>An item of <c>GET /versions</c>. State: active, superseded, rejected, reverted.</summary>
public sealed record ConfigVersion
{
    public required long Version { get; init; }
    public DateTimeOffset CreatedAt { get; init; }
    public string? Author { get; init; }
    public string? Source { get; init; }
    public string? Comment { get; init; }
    public long? BaseVersion { get; init; }
    public long? Restores { get; init; }
    /// <summary>The version whose change it takes back; what came after that stays.</summary>
    public long? Reverts { get; init; }
    public string? State { get; init; }
    public ChangeSummary? Summary { get; init; }
    /// <summary>It is kept however old it gets.</summary>
    public bool Pinned { get; init; }
    public IReadOnlyDictionary<string, string>? Labels { get; init; }
}

/// <summary><c>GET /versions/{a}/diff/{b}</c> as JSON.</summary>
public sealed record ConfigDiff(ChangeSummary? Summary, IReadOnlyList<DiffOperation>? Operations);

/// <summary>
/// One changed place. Op: add, remove, replace, move. Where: the pointer with names for indexes. Kind and name: the
/// resource it is in, such as listener, edge. From: of a move, the former pointer.
/// </summary>
public sealed record DiffOperation(string Op, string Pointer, string? Where, string? Kind, string? Name, JsonElement? From,
    JsonElement? To);

/// <summary>An item of <c>GET /workers</c>. Cpu: share of one core, 0 to 1.</summary>
public sealed record WorkerStatus
{
    public int Id { get; init; }
    public long Version { get; init; }
    public long Generation { get; init; }
    public long Connections { get; init; }
    public long Requests { get; init; }
    public double? Cpu { get; init; }
    public double? LoopLagMs { get; init; }
}

/// <summary><c>GET /stats?filter=</c>.</summary>
internal sealed record StatsSnapshot(IReadOnlyList<Stat>? Stats, IReadOnlyList<Histogram>? Histograms);

internal sealed record Stat(string Name, double Value);

/// <summary>Quantiles in milliseconds.</summary>
internal sealed record Histogram(string Name, long Count, double Sum, double P50, double P90, double P95, double P99);

/// <summary>
/// Data of each <c>stats</c> event of <c>GET /stats/stream?interval=1s</c>; the browser reads it itself (chart.js).
/// Rps over the interval; error share: responses 5xx (client: 4xx) of all in the interval, 0 to 1; latencies in ms, null
/// when nothing was answered in the interval; connections: open downstream connections now.
/// </summary>
internal sealed record StatsSample
{
    public DateTimeOffset Time { get; init; }
    public double Rps { get; init; }
    public double ErrorShare { get; init; }
    public double ClientErrorShare { get; init; }
    public double? P50Ms { get; init; }
    public double? P95Ms { get; init; }
    public double? P99Ms { get; init; }
    public long Connections { get; init; }
}

/// <summary>
/// <c>GET /deployments[/{id}]</c>. State: preparing, committing, applied, failed, awaiting_confirmation, reverted.
/// While it awaits confirmation, <see cref="ConfirmBy"/> is when it reverts by itself.
/// </summary>
public sealed record Deployment
{
    public required string Id { get; init; }
    public long? Version { get; init; }
    public string? State { get; init; }
    public DateTimeOffset? CreatedAt { get; init; }
    public DateTimeOffset? ConfirmBy { get; init; }
    /// <summary>What takes it back before that, as it was given.</summary>
    public string? RevertIf { get; init; }
    /// <summary>Each condition of that, while it awaits confirmation.</summary>
    public IReadOnlyList<RevertCondition>? Conditions { get; init; }
    public double? DurationMs { get; init; }
    public string? Error { get; init; }
    public IReadOnlyList<DeploymentWorker>? Workers { get; init; }
}

/// <summary>An item of <c>GET /stats/routes</c>; times are null where nothing was answered.</summary>
public sealed record RouteTraffic
{
    public string? RouteConfiguration { get; init; }
    public required string VirtualHost { get; init; }
    public required string Route { get; init; }
    public long Requests { get; init; }
    [JsonPropertyName("responses_4xx")] public long Responses4xx { get; init; }
    [JsonPropertyName("responses_5xx")] public long Responses5xx { get; init; }
    [JsonPropertyName("p50_ms")] public double? P50Ms { get; init; }
    [JsonPropertyName("p99_ms")] public double? P99Ms { get; init; }
}

/// <summary>Now and before in the unit (% or ms); null while there was too little traffic to say.</summary>
public sealed record RevertCondition(string Metric, double Limit, string Unit, double? Now, double? Before, long Requests, string? Listener)
{
    /// <summary>Such as <c>5xx &gt; 2 % (now 0.1 %)</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Metric} > {Limit:0.##} {Unit} ")
        + (Now is { } now ? string.Create(CultureInfo.InvariantCulture, $"(now {now:0.##} {Unit})") : "(too few requests yet)");
}

public sealed record DeploymentWorker(int Id, string? State, long? Version, double? PrepareMs, double? AckMs, string? Error);

/// <summary><c>application/problem+json</c>. Status 0: no answer at all.</summary>
public sealed record Problem
{
    public string? Title { get; init; }
    public int Status { get; init; }
    public string Code { get; init; } = "UNKNOWN";
    public string? Detail { get; init; }
    public string? RequestId { get; init; }
    public IReadOnlyList<ProblemError>? Errors { get; init; }
    public IReadOnlyList<Reference>? References { get; init; }
    public IReadOnlyList<MergeConflict>? Conflicts { get; init; }
    public string? CurrentEtag { get; init; }
    public long? CurrentVersion { get; init; }
    public string? ChangedBy { get; init; }
    public DateTimeOffset? ChangedAt { get; init; }
}

public sealed record ProblemError(string? Pointer, string? Code, string? Detail, int? Line, int? Column, string? Hint);

/// <summary>Who refers to a resource that cannot be deleted (409 IN_USE).</summary>
public sealed record Reference(string? Kind, string? Name, string? Pointer);

/// <summary>
/// A place that later changes touch too (409 CONFLICT). Base: what the version made of it; theirs: what it is now; yours: what was before.
/// Null: not there.
/// </summary>
public sealed record MergeConflict(string Pointer, string? Where, string? Kind, string? Name, JsonElement? Base, JsonElement? Theirs,
    JsonElement? Yours);

/// <summary>The answer of a write with <c>dry_run=true</c>.</summary>
public sealed record DryRun(bool Changed, IReadOnlyList<DiffOperation>? Diff, ChangeSummary? Summary, JsonElement? Impact,
    IReadOnlyList<ProblemError>? Warnings);

/// <summary><c>GET /status</c>.</summary>
public sealed record NodeStatus(string? State, Degradation? Degraded, IReadOnlyList<ListenerStatus>? Listeners = null);

/// <param name="State">active, draining or warming; one that the node has not opened is missing.</param>
public sealed record ListenerStatus(string Name, string? State);

/// <summary>Envoy's <c>/certs</c>: what chains and clusters show.</summary>
public sealed record CertificateList(IReadOnlyList<CertificateChains>? Certificates);

public sealed record CertificateChains(IReadOnlyList<ServedCertificate>? CertChain);

/// <param name="Path">Where it is shown: <c>listener.127.0.0.1_443</c>, <c>cluster.web</c>.</param>
public sealed record ServedCertificate(string? Path, IReadOnlyList<ServedName>? SubjectAltNames, string? DaysUntilExpiration)
{
    public int? Days => int.TryParse(DaysUntilExpiration, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var days)
        ? days : null;

    public string Name => SubjectAltNames?.Select(n => n.Dns ?? n.IpAddress).FirstOrDefault(n => n is not null) ?? Path ?? "a certificate";
}

public sealed record ServedName(string? Dns, string? IpAddress);

/// <summary>What a start found wrong with the history. Serving: history, last-good.json, nothing, or the file of --config.</summary>
public sealed record Degradation(string? Reason, string? Serving, long? Version, DateTimeOffset Since, bool StoreUsable);

/// <summary>An item of <c>GET /{collection}/{name}/history</c>. Change: added, changed or removed.</summary>
public sealed record ResourceVersion
{
    public required long Version { get; init; }
    public DateTimeOffset CreatedAt { get; init; }
    public string? Author { get; init; }
    public string? Source { get; init; }
    public string? Comment { get; init; }
    public string? State { get; init; }
    public string? Change { get; init; }
    public JsonElement? Document { get; init; }
}

/// <summary>A request to be matched by the routes of a listener.</summary>
/// <param name="Authority">Host, with a port where it is not the scheme's own.</param>
public sealed record MatchRequest(string Listener, string Method, string Authority, string Path,
    IReadOnlyList<KeyValuePair<string, string>> Headers)
{
    public JsonObject ToJson()
    {
        var headers = new JsonObject();
        foreach (var each in Headers.GroupBy(h => h.Key, StringComparer.OrdinalIgnoreCase))
            headers[each.Key] = new JsonArray([.. each.Select(h => JsonValue.Create(h.Value))]);
        return new()
        {
            ["listener"] = Listener, ["method"] = Method, ["authority"] = Authority, ["path"] = Path, ["headers"] = headers,
        };
    }
}

/// <summary><c>POST /match</c>. Action: route, redirect, direct_response or tcp.</summary>
public sealed record RouteMatch(bool Matched, string? FilterChain, string? RouteConfiguration, string? VirtualHost, string? Route,
    string? Action, string? Cluster, IReadOnlyList<RouteMatchStep>? Steps);

/// <summary>One thing that was asked on the way. Kind: filter_chain, virtual_host, route…</summary>
public sealed record RouteMatchStep(string Kind, string Name, bool Matched, string Reason);

/// <summary>A write that was accepted: headers <c>Config-Version</c>, <c>Config-Changed</c> and <c>ETag</c>.</summary>
public sealed record WriteResult(long? Version, bool Changed, string? Etag);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    NumberHandling = JsonNumberHandling.AllowReadingFromString)]
[JsonSerializable(typeof(Account))]
[JsonSerializable(typeof(Page<ConfigVersion>))]
[JsonSerializable(typeof(Page<WorkerStatus>))]
[JsonSerializable(typeof(Page<GuestVm>))]
[JsonSerializable(typeof(Page<Deployment>))]
[JsonSerializable(typeof(Page<JsonElement>))]
[JsonSerializable(typeof(Page<EndpointStatus>))]
[JsonSerializable(typeof(Page<Module>))]
[JsonSerializable(typeof(Module))]
[JsonSerializable(typeof(JsonElement))]
[JsonSerializable(typeof(ConfigVersion))]
[JsonSerializable(typeof(Deployment))]
[JsonSerializable(typeof(ConfigDiff))]
[JsonSerializable(typeof(StatsSnapshot))]
[JsonSerializable(typeof(StatsSample))]
[JsonSerializable(typeof(DryRun))]
[JsonSerializable(typeof(RouteMatch))]
[JsonSerializable(typeof(NodeStatus))]
[JsonSerializable(typeof(CertificateList))]
[JsonSerializable(typeof(Page<ResourceVersion>))]
[JsonSerializable(typeof(Page<FilterTimes>))]
[JsonSerializable(typeof(Page<RouteTraffic>))]
[JsonSerializable(typeof(SchemaKinds))]
[JsonSerializable(typeof(Problem))]
internal sealed partial class ContractsJson : JsonSerializerContext;
