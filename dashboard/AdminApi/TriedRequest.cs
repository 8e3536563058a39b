using System.Diagnostics;
using System.Net;
using System.Text;

namespace Managed.Dashboard.AdminApi;

/// <summary>A service as it was published from here.</summary>
/// <param name="Address">Of its listener: host and port.</param>
/// <param name="NodeHost">How this process reaches the node, for listeners on all addresses.</param>
public sealed record PublishedService(string Name, string Address, long Version, string NodeHost)
{
    /// <summary>Where a request reaches it.</summary>
    public string Url(string path) => UrlOf(Address, NodeHost, path);

    /// <summary>Where a request reaches a listener.</summary>
    public static string UrlOf(string address, string nodeHost, string path)
    {
        var reached = address.Replace("0.0.0.0:", nodeHost + ":", StringComparison.Ordinal)
            .Replace("[::]:", nodeHost + ":", StringComparison.Ordinal);
        return $"http://{reached}/{path.TrimStart('/')}";
    }
}

/// <summary>One request through a listener of the node, bounded in time and size.</summary>
/// <param name="Status">0: no answer.</param>
/// <param name="Text">Header fields and the beginning of the body.</param>
/// <param name="Advice">What an answer that is none of the upstream's means.</param>
public sealed record TriedRequest(int Status, string? Reason, double Milliseconds, string Text, string? Advice)
{
    private const int MostBody = 2048;
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(10);

    private static readonly HttpMessageInvoker Http = new(new SocketsHttpHandler
    {
        UseCookies = false, AllowAutoRedirect = false, UseProxy = false, ConnectTimeout = TimeSpan.FromSeconds(3),
        MaxResponseHeadersLength = 16, PooledConnectionIdleTimeout = TimeSpan.FromSeconds(1),
    });

    public static Task<TriedRequest> SendAsync(string url, CancellationToken cancel) => SendAsync(url, "GET", null, [], cancel);

    /// <param name="authority">Null: that of the address.</param>
    public static async Task<TriedRequest> SendAsync(string url, string method, string? authority,
        IReadOnlyList<KeyValuePair<string, string>> headers, CancellationToken cancel)
    {
        var started = Stopwatch.GetTimestamp();
        try
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            limit.CancelAfter(Longest);
            using var request = new HttpRequestMessage(new HttpMethod(method), url);
            foreach (var (name, value) in headers)
                request.Headers.TryAddWithoutValidation(name, value);
            if (!string.IsNullOrEmpty(authority))
                request.Headers.Host = authority;
            using var response = await Http.SendAsync(request, limit.Token);
            var took = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
            return new((int)response.StatusCode, response.ReasonPhrase, took, await TextOfAsync(response, limit.Token),
                AdviceOn(response.StatusCode));
        }
        catch (Exception e) when (e is HttpRequestException or UriFormatException or InvalidOperationException or NotSupportedException
            or IOException or FormatException or OperationCanceledException)
        {
            return new(0, null, 0, "", e is OperationCanceledException ? $"Nothing came within {Longest.TotalSeconds:0} seconds."
                : e.Message);
        }
    }

    private static async Task<string> TextOfAsync(HttpResponseMessage response, CancellationToken cancel)
    {
        var text = new StringBuilder();
        foreach (var (name, values) in response.Headers.Concat(response.Content.Headers))
            text.Append(name.ToLowerInvariant()).Append(": ").AppendJoin(", ", values).Append('\n');
        var buffer = new byte[MostBody];
        await using var body = await response.Content.ReadAsStreamAsync(cancel);
        var read = await body.ReadAtLeastAsync(buffer, MostBody, throwOnEndOfStream: false, cancel);
        if (read > 0)
            text.Append('\n').Append(Encoding.UTF8.GetString(buffer, 0, read));
        return read == MostBody ? text.Append("…").ToString() : text.ToString();
    }

    private static string? AdviceOn(HttpStatusCode status) => status switch
    {
        HttpStatusCode.ServiceUnavailable =>
            "The listener works; its upstream did not take the connection. Is it running, and is the address right?",
        HttpStatusCode.GatewayTimeout => "The listener works; its upstream did not answer in time.",
        HttpStatusCode.BadGateway => "The listener works; its upstream answered with something that is no HTTP.",
        _ => null,
    };
}
