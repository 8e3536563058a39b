using System.Globalization;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Components.Authorization;

namespace Managed.Dashboard.AdminApi;

/// <summary>
/// The admin API as the signed-in person of one circuit sees it. Each method is one call; a refusal throws
/// <see cref="AdminApiException"/> with the problem document. Editor texts never come through here: the browser
/// exchanges them with the API itself (editor.js), past SignalR's 32 KB message limit.
/// </summary>
internal sealed class AdminApiClient(AdminApiConnection connection, AuthenticationStateProvider authentication)
{
    /// <summary>Whether this process is on its way out, so that nobody should draw anything any more.</summary>
    public bool IsStopping => connection.Stopping.IsCancellationRequested;

    private const string JsonPatch = "application/json-patch+json";

    public async Task<Account> AccountAsync() => Session.Account((await authentication.GetAuthenticationStateAsync()).User);

    public Task<Page<ConfigVersion>> VersionsAsync(int pageSize, string? pageToken, string? search, CancellationToken cancel) =>
        GetAsync<Page<ConfigVersion>>("versions"
            + Query(("page_size", pageSize.ToString(CultureInfo.InvariantCulture)), ("page_token", pageToken), ("q", search)), cancel);

    /// <param name="version">A number, or <c>active</c> or <c>latest</c>.</param>
    public Task<ConfigVersion> VersionAsync(string version, CancellationToken cancel)
        => GetAsync<ConfigVersion>($"versions/{Uri.EscapeDataString(version)}", cancel);

    public Task<ConfigDiff> DiffAsync(long from, long to, CancellationToken cancel)
        => GetAsync<ConfigDiff>(string.Create(CultureInfo.InvariantCulture, $"versions/{from}/diff/{to}"), cancel);

    public Task<Page<WorkerStatus>> WorkersAsync(CancellationToken cancel) => GetAsync<Page<WorkerStatus>>("workers", cancel);

    /// <summary>Guest code that does not serve at this moment.</summary>
    public Task<Page<GuestVm>> AilingVmsAsync(CancellationToken cancel)
        => GetAsync<Page<GuestVm>>("vms?state=quarantined,backoff,failed", cancel);

    public Task<IReadOnlyList<GuestVm>> VmsAsync(CancellationToken cancel) => AllAsync<GuestVm>("vms", cancel);

    public Task<IReadOnlyList<Module>> ModulesAsync(CancellationToken cancel) => AllAsync<Module>("modules", cancel);

    /// <summary>The first 200 endpoints of a cluster, as they fare now.</summary>
    public Task<Page<EndpointStatus>> EndpointsAsync(string path, CancellationToken cancel)
        => GetAsync<Page<EndpointStatus>>(path + "?page_size=200", cancel);

    /// <param name="reference">Its digest or one of its names.</param>
    public Task<Module> ModuleAsync(string reference, CancellationToken cancel) =>
        GetAsync<Module>((reference.StartsWith("sha256:", StringComparison.Ordinal) ? "modules/" : "modules/by-name/")
            + Uri.EscapeDataString(reference), cancel);

    public Task<WriteResult> DeleteModuleAsync(string digest, CancellationToken cancel)
        => WriteAsync(HttpMethod.Delete, $"modules/{Uri.EscapeDataString(digest)}", null, cancel);

    /// <summary>The active document.</summary>
    public Task<JsonElement> ConfigAsync(CancellationToken cancel) => GetAsync<JsonElement>("config", cancel);

    /// <summary>The routes of all listeners and route configurations, in the order in which they are asked.</summary>
    public async Task<IReadOnlyList<RouteDocument>> RoutesAsync(CancellationToken cancel)
        => RouteDocument.ReadAll(await GetAsync<JsonElement>("config?expanded=true", cancel));

    public async Task<IReadOnlyList<SecretDocument>> SecretsAsync(CancellationToken cancel)
    {
        var secrets = await AllAsync<JsonElement>("secrets", cancel);
        // As it is written: the long form has the secrets themselves in place of their names.
        var document = secrets.Count == 0 ? default : await GetAsync<JsonElement>("config", cancel);
        return [.. secrets.Select(s => SecretDocument.Read(s, document))];
    }

    /// <summary>Where a request would go, and why the others lost; no traffic.</summary>
    public Task<RouteMatch> MatchAsync(MatchRequest request, CancellationToken cancel)
        => SendAsync<RouteMatch>(HttpMethod.Post, "match", request.ToJson(), cancel);

    /// <summary>The chains of a listener as its diagram shows them, with the time of their filters.</summary>
    public async Task<IReadOnlyList<ChainDocument>> ChainsAsync(string listener, CancellationToken cancel)
    {
        var path = $"listeners/{Uri.EscapeDataString(listener)}/filter_chains";
        var chains = new List<ChainDocument>();
        foreach (var each in (await AllAsync<JsonElement>(path, cancel)).Take(ChainDocument.Most))
        {
            var chain = ChainDocument.Read(listener, each);
            chains.Add(await WithFiltersAsync(chain, cancel));
        }
        return chains;
    }

    public async Task<ChainDocument> WithFiltersAsync(ChainDocument chain, CancellationToken cancel)
    {
        if (chain.StatPrefix is null)
            return chain;
        if (chain.RouteTable is { } table)
            chain = chain with { Routes = await RoutesOfAsync(table, cancel) };
        return chain with { HttpFilters = [.. (await AllAsync<JsonElement>(chain.FiltersPath, cancel)).Select(HttpFilterDocument.Read)] };
    }

    // A table that is not there, or comes from elsewhere, has none to show.
    private async Task<IReadOnlyList<RouteDocument>> RoutesOfAsync(string table, CancellationToken cancel)
    {
        try
        {
            return RouteDocument.OfTable(await GetAsync<JsonElement>($"route_configurations/{Uri.EscapeDataString(table)}", cancel));
        }
        catch (AdminApiException e) when (e.Problem.Status == 404)
        {
            return [];
        }
    }

    public Task<Page<FilterTimes>> FilterTimesAsync(ChainDocument chain, CancellationToken cancel)
        => GetAsync<Page<FilterTimes>>(chain.Path + "/filter_times", cancel);

    /// <summary>Which kinds of filters the node has.</summary>
    public Task<SchemaKinds> KindsAsync(CancellationToken cancel) => GetAsync<SchemaKinds>("schema", cancel);

    /// <summary>The JSON Schema of a kind: a resource, or a filter by its name or type.</summary>
    public Task<JsonElement> SchemaAsync(string kind, CancellationToken cancel)
        => GetAsync<JsonElement>("schema/" + Uri.EscapeDataString(kind), cancel);

    /// <summary>A piece of the active configuration, with the ETag that a write of it is guarded by.</summary>
    public async Task<(JsonObject Piece, string? Etag)> PieceAsync(string path, CancellationToken cancel)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(path, UriKind.Relative));
        using var response = await connection.SendAsync(request, await CookieAsync(), cancel);
        var piece = await ReadAsync<JsonElement>(response, cancel);
        return (JsonObject.Create(piece) ?? [], response.Headers.ETag?.ToString());
    }

    public Task<DryRun> TryAsync(Change change, CancellationToken cancel)
        => SendAsync<DryRun>(change.Method, change.Path + (change.Path.Contains('?') ? "&" : "?") + "dry_run=true", change.Body, cancel,
            change.MediaType, change.Etag);

    public Task<WriteResult> ApplyAsync(Change change, string? comment, string? confirmWithin, string? revertIf, CancellationToken cancel)
        => WriteAsync(change.Method, WithQuery(change.Path, comment, confirmWithin, revertIf), change.Body, cancel, change.MediaType,
            change.Etag);

    /// <summary>The path of a write with what goes along with it.</summary>
    public static string WithQuery(string path, string? comment, string? confirmWithin, string? revertIf)
        => path + Query(("comment", comment), ("confirm_within", confirmWithin), ("revert_if", revertIf))
            .Replace('?', path.Contains('?') ? '&' : '?');

    public Task<StatsSnapshot> StatsAsync(string filter, CancellationToken cancel)
        => GetAsync<StatsSnapshot>("stats" + Query(("filter", filter)), cancel);

    /// <summary>Whose traffic the charts know: <c>listener:edge</c>, <c>cluster:web</c>, <c>worker:0</c>.</summary>
    public async Task<IReadOnlyList<string>> TrafficNamesAsync(CancellationToken cancel) =>
        [.. (await GetAsync<JsonElement>("stats/traffic?range=10s", cancel)).GetProperty("names").EnumerateArray()
            .Select(n => n.GetString()!)];

    /// <summary>What the first routes of a route configuration have answered, in their order.</summary>
    public Task<Page<RouteTraffic>> RouteTrafficAsync(string configuration, CancellationToken cancel)
        => GetAsync<Page<RouteTraffic>>("stats/routes" + Query(("route_configuration", configuration), ("page_size", "300")), cancel);

    /// <summary>What all routes have answered; of very many, the first 5,000.</summary>
    public async Task<IReadOnlyList<RouteTraffic>> AllRouteTrafficAsync(CancellationToken cancel)
    {
        var all = new List<RouteTraffic>();
        string? token = null;
        do
        {
            var page = await GetAsync<Page<RouteTraffic>>("stats/routes" + Query(("page_size", "1000"), ("page_token", token)), cancel);
            all.AddRange(page.Items);
            token = page.NextPageToken;
        }
        while (!string.IsNullOrEmpty(token) && all.Count < 5000);
        return all;
    }

    /// <summary>What the node shows to its clients and upstreams (Envoy's own address, beside the API).</summary>
    public Task<CertificateList> CertificatesAsync(CancellationToken cancel) => GetAsync<CertificateList>("../../certs", cancel);

    public Task<Page<Deployment>> DeploymentsAsync(int pageSize, CancellationToken cancel) =>
        GetAsync<Page<Deployment>>("deployments" + Query(("page_size", pageSize.ToString(CultureInfo.InvariantCulture))), cancel);

    /// <summary>All listeners, page by page: a node has tens of them, and filter and order must see them all.</summary>
    public async Task<IReadOnlyList<ListenerDocument>> ListenersAsync(CancellationToken cancel)
        => [.. (await AllAsync<JsonElement>("listeners", cancel)).Select(ListenerDocument.Read)];

    public async Task<IReadOnlyList<ClusterDocument>> ClustersAsync(CancellationToken cancel)
        => [.. (await AllAsync<JsonElement>("clusters", cancel)).Select(ClusterDocument.Read)];

    /// <param name="collection">Such as <c>listeners</c>.</param>
    public Task<WriteResult> DeleteAsync(string collection, string name, string? comment, CancellationToken cancel) =>
        WriteAsync(HttpMethod.Delete, $"{collection}/{Uri.EscapeDataString(name)}" + Query(("comment", comment)), null, cancel);

    /// <summary>What deleting it would do; a refusal names what still refers to it.</summary>
    public Task<DryRun> TryDeleteAsync(string collection, string name, CancellationToken cancel)
        => SendAsync<DryRun>(HttpMethod.Delete, $"{collection}/{Uri.EscapeDataString(name)}?dry_run=true", null, cancel);

    /// <summary>A run-time action, no version.</summary>
    public Task<WriteResult> DrainListenerAsync(string name, CancellationToken cancel)
        => WriteAsync(HttpMethod.Post, $"listeners/{Uri.EscapeDataString(name)}/drain", null, cancel);

    /// <summary>Pins or labels a version, or changes its comment (merge patch).</summary>
    public Task<WriteResult> MarkVersionAsync(long version, JsonObject marks, CancellationToken cancel) => WriteAsync(HttpMethod.Patch,
        string.Create(CultureInfo.InvariantCulture, $"versions/{version}"), marks, cancel, "application/merge-patch+json");

    /// <summary>Several changes as one version.</summary>
    /// <param name="operations">A JSON patch of the whole document.</param>
    public Task<WriteResult> PatchConfigAsync(JsonArray operations, string? comment, string? confirmWithin, string? revertIf,
        CancellationToken cancel) => WriteAsync(HttpMethod.Patch, "config" + Query(("comment", comment), ("confirm_within", confirmWithin),
            ("revert_if", revertIf)), operations, cancel, JsonPatch);

    public Task<DryRun> TryPatchConfigAsync(JsonArray operations, CancellationToken cancel) =>
        SendAsync<DryRun>(HttpMethod.Patch, "config?dry_run=true", operations, cancel, JsonPatch);

    public Task<WriteResult> RollBackAsync(long version, string? comment, string? confirmWithin, string? revertIf, CancellationToken cancel)
        => WriteAsync(HttpMethod.Post, string.Create(CultureInfo.InvariantCulture, $"versions/{version}/rollback")
            + Query(("confirm_within", confirmWithin), ("revert_if", revertIf)),
            new JsonObject { ["comment"] = comment }, cancel);

    /// <summary>Takes back what a version changed; what came after it stays.</summary>
    /// <param name="overlap">What becomes of places that later changes touch too: keep or revert; null: 409 CONFLICT.</param>
    public Task<WriteResult> RevertAsync(long version, string? comment, string? overlap, CancellationToken cancel) =>
        WriteAsync(HttpMethod.Post, RevertPath(version) + Query(("overlap", overlap)), new JsonObject { ["comment"] = comment }, cancel);

    public Task<DryRun> TryRevertAsync(long version, string? overlap, CancellationToken cancel) =>
        SendAsync<DryRun>(HttpMethod.Post, RevertPath(version) + Query(("overlap", overlap), ("dry_run", "true")), null, cancel);

    /// <summary>Who changed one resource when, newest first.</summary>
    public Task<Page<ResourceVersion>> ResourceHistoryAsync(string collection, string name, int pageSize, string? pageToken,
        CancellationToken cancel) =>
        GetAsync<Page<ResourceVersion>>($"{collection}/{Uri.EscapeDataString(name)}/history"
            + Query(("page_size", pageSize.ToString(CultureInfo.InvariantCulture)), ("page_token", pageToken)), cancel);

    /// <summary>Puts one resource back to what it was in a version.</summary>
    public Task<WriteResult> RestoreAsync(string collection, string name, long version, string? comment, CancellationToken cancel) =>
        WriteAsync(HttpMethod.Post, string.Create(CultureInfo.InvariantCulture,
            $"{collection}/{Uri.EscapeDataString(name)}/restore?version={version}"), new JsonObject { ["comment"] = comment }, cancel);

    public Task<DryRun> TryRestoreAsync(string collection, string name, long version, CancellationToken cancel) =>
        SendAsync<DryRun>(HttpMethod.Post, string.Create(CultureInfo.InvariantCulture,
            $"{collection}/{Uri.EscapeDataString(name)}/restore?version={version}&dry_run=true"), null, cancel);

    public Task<NodeStatus> StatusAsync(CancellationToken cancel) => GetAsync<NodeStatus>("status", cancel);

    /// <summary>Deployments that revert by themselves unless somebody confirms them.</summary>
    public Task<Page<Deployment>> TrialsAsync(CancellationToken cancel)
        => GetAsync<Page<Deployment>>("deployments?page_size=20&q=awaiting_confirmation", cancel);

    public Task<WriteResult> ConfirmAsync(string deployment, CancellationToken cancel) =>
        WriteAsync(HttpMethod.Post, $"deployments/{Uri.EscapeDataString(deployment)}/confirm", null, cancel);

    public Task<WriteResult> AbortAsync(string deployment, CancellationToken cancel) =>
        WriteAsync(HttpMethod.Post, $"deployments/{Uri.EscapeDataString(deployment)}/abort", null, cancel);

    /// <summary>Opens the event feed; the caller reads and disposes the answer.</summary>
    public async Task<HttpResponseMessage> OpenEventsAsync(string? lastEventId, CancellationToken cancel)
    {
        // Not what guest code says: it may say much, and the feed reads everything again at each event.
        using var request = new HttpRequestMessage(HttpMethod.Get,
            new Uri("events?types=version.*,deployment.*,module.*,listener.*,endpoint.*,vm.*", UriKind.Relative));
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("text/event-stream"));
        if (lastEventId is { Length: > 0 })
            request.Headers.TryAddWithoutValidation("Last-Event-ID", lastEventId);
        var response = await connection.SendAsync(request, await CookieAsync(), cancel);
        if (response.IsSuccessStatusCode)
            return response;
        using (response)
            throw await ProblemAsync(response, cancel);
    }

    internal static async Task<T> ReadAsync<T>(HttpResponseMessage response, CancellationToken cancel)
    {
        if (!response.IsSuccessStatusCode)
            throw await ProblemAsync(response, cancel);
        try
        {
            await using var body = await response.Content.ReadAsStreamAsync(cancel);
            return await JsonSerializer.DeserializeAsync(body, (JsonTypeInfo<T>)ContractsJson.Default.GetTypeInfo(typeof(T))!, cancel)
                   ?? throw new JsonException("the body is null");
        }
        catch (JsonException e)
        {
            throw new AdminApiException(new Problem { Status = (int)response.StatusCode, Code = "BAD_ANSWER",
                Title = "The admin API's answer is not understood", Detail = e.Message }, e);
        }
    }

    private async Task<IReadOnlyList<T>> AllAsync<T>(string list, CancellationToken cancel)
    {
        var all = new List<T>();
        string? token = null;
        do
        {
            var page = await GetAsync<Page<T>>(list + Query(("page_size", "200"), ("page_token", token)), cancel);
            all.AddRange(page.Items);
            token = page.NextPageToken;
        }
        while (!string.IsNullOrEmpty(token));
        return all;
    }

    private Task<T> GetAsync<T>(string path, CancellationToken cancel) => SendAsync<T>(HttpMethod.Get, path, null, cancel);

    private async Task<T> SendAsync<T>(HttpMethod method, string path, JsonNode? body, CancellationToken cancel,
        string mediaType = "application/json", string? etag = null)
    {
        using var request = Request(method, path, body, mediaType, etag);
        using var response = await connection.SendAsync(request, await CookieAsync(), cancel);
        return await ReadAsync<T>(response, cancel);
    }

    private static HttpRequestMessage Request(HttpMethod method, string path, JsonNode? body, string mediaType, string? etag)
    {
        var request = new HttpRequestMessage(method, new Uri(path, UriKind.Relative));
        if (body is not null)
            request.Content = new StringContent(body.ToJsonString(), MediaTypeHeaderValue.Parse(mediaType));
        if (etag is not null)
            request.Headers.TryAddWithoutValidation("If-Match", etag);
        return request;
    }

    private async Task<WriteResult> WriteAsync(HttpMethod method, string path, JsonNode? body, CancellationToken cancel,
        string mediaType = "application/json", string? etag = null)
    {
        using var request = Request(method, path, body, mediaType, etag);
        using var response = await connection.SendAsync(request, await CookieAsync(), cancel);
        if (!response.IsSuccessStatusCode)
            throw await ProblemAsync(response, cancel);
        long? version = response.Headers.TryGetValues("Config-Version", out var values)
            && long.TryParse(values.First(), CultureInfo.InvariantCulture, out var number) ? number : null;
        var unchanged = response.Headers.TryGetValues("Config-Changed", out var changed) && changed.First() == "false";
        return new WriteResult(version, !unchanged, response.Headers.ETag?.ToString());
    }

    private static string RevertPath(long version) => string.Create(CultureInfo.InvariantCulture, $"versions/{version}/revert");

    private async Task<string?> CookieAsync() => Session.Cookie((await authentication.GetAuthenticationStateAsync()).User);

    private static async Task<AdminApiException> ProblemAsync(HttpResponseMessage response, CancellationToken cancel)
    {
        var status = (int)response.StatusCode;
        try
        {
            await using var body = await response.Content.ReadAsStreamAsync(cancel);
            if (await JsonSerializer.DeserializeAsync(body, ContractsJson.Default.Problem, cancel) is { } problem)
                return new AdminApiException(problem with { Status = status });
        }
        catch (JsonException)
        {
            // Not a problem document (a proxy in between answered): the status line is all there is to show.
        }
        return new AdminApiException(new Problem { Status = status, Code = $"HTTP_{status}", Title = response.ReasonPhrase,
            Detail = $"The admin API answered {status} {response.ReasonPhrase}" });
    }

    internal static string Query(params ReadOnlySpan<(string Name, string? Value)> parameters)
    {
        var query = "";
        foreach (var (name, value) in parameters)
            if (!string.IsNullOrEmpty(value))
                query += (query.Length == 0 ? "?" : "&") + name + "=" + Uri.EscapeDataString(value);
        return query;
    }
}
