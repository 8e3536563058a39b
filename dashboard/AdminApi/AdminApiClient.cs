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
    public async Task<Account> AccountAsync() => Session.Account((await authentication.GetAuthenticationStateAsync()).User);

    public Task<Page<ConfigVersion>> VersionsAsync(int pageSize, string? pageToken, string? search, CancellationToken cancel) =>
        GetAsync<Page<ConfigVersion>>("versions" + Query(("page_size", pageSize.ToString(CultureInfo.InvariantCulture)), ("page_token", pageToken), ("q", search)), cancel);

    /// <param name="version">A number, or <c>active</c> or <c>latest</c>.</param>
    public Task<ConfigVersion> VersionAsync(string version, CancellationToken cancel) => GetAsync<ConfigVersion>($"versions/{Uri.EscapeDataString(version)}", cancel);

    public Task<ConfigDiff> DiffAsync(long from, long to, CancellationToken cancel) => GetAsync<ConfigDiff>(string.Create(CultureInfo.InvariantCulture, $"versions/{from}/diff/{to}"), cancel);

    public Task<Page<WorkerStatus>> WorkersAsync(CancellationToken cancel) => GetAsync<Page<WorkerStatus>>("workers", cancel);

    /// <summary>Guest code that does not serve at this moment.</summary>
    public Task<Page<GuestVm>> AilingVmsAsync(CancellationToken cancel) => GetAsync<Page<GuestVm>>("vms?state=quarantined,backoff,failed", cancel);

    public Task<IReadOnlyList<GuestVm>> VmsAsync(CancellationToken cancel) => AllAsync<GuestVm>("vms", cancel);

    public Task<IReadOnlyList<Module>> ModulesAsync(CancellationToken cancel) => AllAsync<Module>("modules", cancel);

    /// <param name="reference">Its digest or one of its names.</param>
    public Task<Module> ModuleAsync(string reference, CancellationToken cancel) =>
        GetAsync<Module>((reference.StartsWith("sha256:", StringComparison.Ordinal) ? "modules/" : "modules/by-name/") + Uri.EscapeDataString(reference), cancel);

    public Task<WriteResult> DeleteModuleAsync(string digest, CancellationToken cancel) => WriteAsync(HttpMethod.Delete, $"modules/{Uri.EscapeDataString(digest)}", null, cancel);

    /// <summary>The active document.</summary>
    public Task<JsonElement> ConfigAsync(CancellationToken cancel) => GetAsync<JsonElement>("config", cancel);

    public Task<StatsSnapshot> StatsAsync(string filter, CancellationToken cancel) => GetAsync<StatsSnapshot>("stats" + Query(("filter", filter)), cancel);

    public Task<Page<Deployment>> DeploymentsAsync(int pageSize, CancellationToken cancel) =>
        GetAsync<Page<Deployment>>("deployments" + Query(("page_size", pageSize.ToString(CultureInfo.InvariantCulture))), cancel);

    /// <summary>All listeners, page by page: a node has tens of them, and filter and order must see them all.</summary>
    public async Task<IReadOnlyList<ListenerDocument>> ListenersAsync(CancellationToken cancel) => [.. (await AllAsync<JsonElement>("listeners", cancel)).Select(ListenerDocument.Read)];

    public Task<WriteResult> DeleteListenerAsync(string name, string? comment, CancellationToken cancel) =>
        WriteAsync(HttpMethod.Delete, $"listeners/{Uri.EscapeDataString(name)}" + Query(("comment", comment)), null, cancel);

    public Task<WriteResult> RollBackAsync(long version, string? comment, CancellationToken cancel) =>
        WriteAsync(HttpMethod.Post, string.Create(CultureInfo.InvariantCulture, $"versions/{version}/rollback"), new JsonObject { ["comment"] = comment }, cancel);

    public Task<WriteResult> ConfirmAsync(string deployment, CancellationToken cancel) =>
        WriteAsync(HttpMethod.Post, $"deployments/{Uri.EscapeDataString(deployment)}/confirm", null, cancel);

    public Task<WriteResult> AbortAsync(string deployment, CancellationToken cancel) =>
        WriteAsync(HttpMethod.Post, $"deployments/{Uri.EscapeDataString(deployment)}/abort", null, cancel);

    /// <summary>Opens the event feed; the caller reads and disposes the answer.</summary>
    public async Task<HttpResponseMessage> OpenEventsAsync(string? lastEventId, CancellationToken cancel)
    {
        // Not what guest code says: it may say much, and the feed reads everything again at each event.
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri("events?types=version.*,deployment.*,module.*,listener.*,endpoint.*,vm.*", UriKind.Relative));
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
            throw new AdminApiException(new Problem { Status = (int)response.StatusCode, Code = "BAD_ANSWER", Title = "The admin API's answer is not understood", Detail = e.Message }, e);
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

    private async Task<T> GetAsync<T>(string path, CancellationToken cancel)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(path, UriKind.Relative));
        using var response = await connection.SendAsync(request, await CookieAsync(), cancel);
        return await ReadAsync<T>(response, cancel);
    }

    private async Task<WriteResult> WriteAsync(HttpMethod method, string path, JsonObject? body, CancellationToken cancel)
    {
        using var request = new HttpRequestMessage(method, new Uri(path, UriKind.Relative));
        if (body is not null)
            request.Content = new StringContent(body.ToJsonString(), MediaTypeHeaderValue.Parse("application/json"));
        using var response = await connection.SendAsync(request, await CookieAsync(), cancel);
        if (!response.IsSuccessStatusCode)
            throw await ProblemAsync(response, cancel);
        long? version = response.Headers.TryGetValues("Config-Version", out var values) && long.TryParse(values.First(), CultureInfo.InvariantCulture, out var number) ? number : null;
        var unchanged = response.Headers.TryGetValues("Config-Changed", out var changed) && changed.First() == "false";
        return new WriteResult(version, !unchanged, response.Headers.ETag?.ToString());
    }

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
        return new AdminApiException(new Problem { Status = status, Code = $"HTTP_{status}", Title = response.ReasonPhrase, Detail = $"The admin API answered {status} {response.ReasonPhrase}" });
    }

    private static string Query(params ReadOnlySpan<(string Name, string? Value)> parameters)
    {
        var query = "";
        foreach (var (name, value) in parameters)
            if (!string.IsNullOrEmpty(value))
                query += (query.Length == 0 ? "?" : "&") + name + "=" + Uri.EscapeDataString(value);
        return query;
    }
}
