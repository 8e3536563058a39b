using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Managed.AdminApi.Hosting;
using Managed.TestKit;

namespace Managed.AdminApi.Tests;

/// <summary>One answer of the admin API.</summary>
internal sealed record Answer(HttpStatusCode Status, HttpResponseHeaders Headers, HttpContentHeaders ContentHeaders, string Body)
{
    private JsonElement? _json;

    public JsonElement Json => _json ??= JsonDocument.Parse(Body).RootElement;

    public string? ETag => Headers.ETag?.ToString();
    public long Version => long.Parse(Headers.GetValues("Config-Version").Single());
    public string? Changed => Headers.TryGetValues("Config-Changed", out var values) ? values.Single() : null;
    public string? Code => Json.TryGetProperty("code", out var code) ? code.GetString() : null;

    /// <summary>Checks the status and says what came instead.</summary>
    public Answer Is(HttpStatusCode status)
    {
        Assert.True(Status == status, $"{(int)Status} instead of {(int)status}: {Body}");
        return this;
    }

    public Answer IsOneOf(params ReadOnlySpan<HttpStatusCode> statuses)
    {
        Assert.True(statuses.Contains(Status), $"{(int)Status}: {Body}");
        return this;
    }

    /// <summary>Checks that it is a problem of one kind, whole and typed as such.</summary>
    public Answer IsProblem(HttpStatusCode status, string code)
    {
        Is(status);
        Assert.Equal("application/problem+json", ContentHeaders.ContentType?.MediaType);
        Assert.Equal(code, Code);
        Assert.Equal((int)status, Json.GetProperty("status").GetInt32());
        foreach (var member in new[] { "type", "title", "detail", "instance", "request_id" })
            Assert.False(string.IsNullOrEmpty(Json.GetProperty(member).GetString()), member);
        return this;
    }
}

/// <summary>The real host on free ports and a folder of its own.</summary>
internal sealed class TestNode : IAsyncDisposable
{
    public const string Document = """
        listeners:
        - name: edge
          address: 127.0.0.1:0
          routes:
          - {name: all, match: {prefix: /}, route: {cluster: web}}
        clusters:
        - {name: web, endpoints: [127.0.0.1:9]}
        - {name: spare, endpoints: [127.0.0.1:9]}
        """;

    private readonly string[] _args;

    private TestNode(string folder, string[] args, ManagedHost host)
    {
        (Folder, _args, Host) = (folder, args, host);
        Http = Client();
    }

    public string Folder { get; }
    public ManagedHost Host { get; private set; }
    public HttpClient Http { get; private set; }
    public string DatabaseFile => Path.Combine(Folder, "data", "history.db");

    public static async Task<TestNode> StartAsync(string document = Document, params string[] more)
    {
        var folder = Directory.CreateTempSubdirectory("managed-test-").FullName;
        var file = Path.Combine(folder, "config.yaml");
        await File.WriteAllTextAsync(file, document);
        string[] args = ["--data-dir", Path.Combine(folder, "data"), "--admin", "127.0.0.1:0", "--workers", "1", .. more];
        return new(folder, args, await ManagedHost.StartAsync([.. args, "--config", file]));
    }

    /// <summary>Stops the host, lets the test touch the folder, starts it again on the history.</summary>
    public async Task RestartAsync(Action? between = null, params string[] more)
    {
        await Host.DisposeAsync();
        between?.Invoke();
        Host = await ManagedHost.StartAsync([.. _args, .. more]);
        Http = Client();
    }

    /// <summary>Another host takes over from this one, which then ends.</summary>
    public async Task TakeOverAsync()
    {
        var next = await ManagedHost.StartAsync([.. _args, "--take-over"]);
        await Host.StopRequested;
        await Host.StopAsync();
        await Host.DisposeAsync();
        Host = next;
        Http = Client();
    }

    public async Task<Answer> SendAsync(string verb, string path, string? body = null, string contentType = "application/json",
        params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(new HttpMethod(verb), path.StartsWith('/') ? path : "/api/v1/" + path);
        if (body is not null)
        {
            request.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body));
            request.Content.Headers.TryAddWithoutValidation("Content-Type", contentType);
        }
        foreach (var (name, value) in headers)
            request.Headers.TryAddWithoutValidation(name, value);
        using var response = await Http.SendAsync(request);
        return new(response.StatusCode, response.Headers, response.Content.Headers, await response.Content.ReadAsStringAsync());
    }

    public Task<Answer> GetAsync(string path, params (string, string)[] headers) => SendAsync("GET", path, null, "", headers);
    public Task<Answer> PutAsync(string path, string body, params (string, string)[] headers)
        => SendAsync("PUT", path, body, "application/json", headers);
    public Task<Answer> PostAsync(string path, string? body = null, params (string, string)[] headers)
        => SendAsync("POST", path, body, "application/json", headers);
    public Task<Answer> MergeAsync(string path, string body, params (string, string)[] headers)
        => SendAsync("PATCH", path, body, "application/merge-patch+json", headers);
    public Task<Answer> DeleteAsync(string path, params (string, string)[] headers) => SendAsync("DELETE", path, null, "", headers);

    public async Task<long> ActiveVersionAsync()
        => (await GetAsync("versions/active")).Is(HttpStatusCode.OK).Json.GetProperty("version").GetInt64();

    /// <summary>Waits until a deployment has left the states in between.</summary>
    public async Task<JsonElement> SettledAsync(string path, string? not = null)
    {
        JsonElement deployment = default;
        await Eventually.TrueAsync(async () =>
        {
            deployment = (await GetAsync(path)).Is(HttpStatusCode.OK).Json;
            return deployment.GetProperty("state").GetString() is not ("preparing" or "committing") and var state && state != not;
        }, path + " to settle");
        return deployment;
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await Host.DisposeAsync();
        Directory.Delete(Folder, recursive: true);
    }

    private HttpClient Client() => new(new SocketsHttpHandler { UseCookies = false, AllowAutoRedirect = false })
    {
        BaseAddress = Host.AdminUri, DefaultRequestHeaders = { Authorization = new("Bearer", Host.Token) },
        Timeout = TimeSpan.FromSeconds(120),
    };
}
