using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;

namespace Managed.Load.Product;

/// <param name="Version">The header Config-Version; null when there is none.</param>
internal sealed record AdminAnswer(int Status, string Body, long? Version, string? ETag)
{
    public JsonNode Json => JsonNode.Parse(Body)!;
    public string Short => Body.Length > 300 ? Body[..300] + "…" : Body;
}

/// <summary>Calls the REST API with the administrator's token.</summary>
internal sealed class AdminClient : IDisposable
{
    private readonly HttpClient _http;

    public AdminClient(Uri address, string token)
    {
        (Address, Token) = (address, token);
        _http = new HttpClient(new SocketsHttpHandler { UseProxy = false, UseCookies = false, AllowAutoRedirect = false }) { BaseAddress =
            address, Timeout = TimeSpan.FromSeconds(60) };
        _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
    }

    public Uri Address { get; }
    public string Token { get; }

    public Task<AdminAnswer> GetAsync(string path) => SendAsync(HttpMethod.Get, path, null);

    /// <param name="path">Below <c>/api/v1</c>, or absolute for Envoy's own paths.</param>
    public async Task<AdminAnswer> SendAsync(HttpMethod method, string path, string? body, string? ifMatch = null,
        string type = "application/json")
    {
        using var request = new HttpRequestMessage(method, path.StartsWith('/') ? path : "/api/v1/" + path);
        if (body is not null) request.Content = new StringContent(body, Encoding.UTF8, new MediaTypeHeaderValue(type));
        if (ifMatch is not null) request.Headers.TryAddWithoutValidation("If-Match", ifMatch);
        using var answer = await _http.SendAsync(request);
        long? version = answer.Headers.TryGetValues("Config-Version", out var values)
            && long.TryParse(values.First(), NumberStyles.None, CultureInfo.InvariantCulture, out var n) ? n : null;
        return new((int)answer.StatusCode, await answer.Content.ReadAsStringAsync(), version, answer.Headers.ETag?.ToString());
    }

    /// <summary>Stores a module under a name and gives its digest.</summary>
    public async Task<string> UploadAsync(string name, byte[] module)
    {
        using var content = new ByteArrayContent(module) { Headers = { ContentType = new MediaTypeHeaderValue("application/wasm") } };
        using var answer = await _http.PostAsync($"/api/v1/modules?name={name}", content);
        string body = await answer.Content.ReadAsStringAsync();
        return answer.IsSuccessStatusCode ? (string)JsonNode.Parse(body)!["digest"]!
            : throw new InvalidOperationException($"module {name} was answered with {(int)answer.StatusCode}: {body}");
    }

    /// <summary>The machines of Wasm modules, one row for each on each worker.</summary>
    public async Task<IReadOnlyList<JsonNode>> WasmVmsAsync()
        => [.. (await GetAsync("vms?kind=wasm&page_size=100")).Json["items"]!.AsArray().OfType<JsonNode>()];

    /// <summary>The number of the version that is served.</summary>
    public async Task<long> ActiveVersionAsync() => (long)(await GetAsync("status")).Json["version"]!;

    public void Dispose() => _http.Dispose();
}
