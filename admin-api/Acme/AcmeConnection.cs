using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Managed.AdminApi.Telemetry;
using Managed.Proxy.Core.Tls;

namespace Managed.AdminApi.Acme;

/// <summary>
/// HTTP to one authority. It may be slow, dead or hostile: each call has a time and a size, redirects are not followed, and a nonce that is
/// refused is tried anew a few times only.
/// </summary>
internal sealed class AcmeConnection : IDisposable
{
    private const int MostBytes = 256 << 10, MostTries = 4;
    private static readonly TimeSpan LongestWait = TimeSpan.FromDays(7);

    private readonly HttpClient _http;
    private readonly AccountKey _key;
    private readonly TimeProvider _time;
    private readonly TimeSpan _patience;
    private AcmeAnswer? _directory;
    private string? _nonce;

    /// <param name="patience">For one call, from the connection to the last byte.</param>
    public AcmeConnection(AcmeRequest request, AccountKey key, TimeProvider time, TimeSpan patience)
    {
        (_key, _time, _patience, Directory) = (key, time, patience, request.Directory);
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false, UseCookies = false, MaxResponseHeadersLength = 32, ConnectTimeout = patience,
            MaxResponseDrainSize = 0, Credentials = null,
        };
        if (request.TrustedCa.Length > 0)
            handler.SslOptions.CertificateChainPolicy = Trusting(request.TrustedCa);
        _http = new(handler) { Timeout = Timeout.InfiniteTimeSpan };
        _http.DefaultRequestHeaders.UserAgent.Add(new ProductInfoHeaderValue("managed", NodeState.ProductVersion)); // section 6.1 wants one
    }

    public Uri Directory { get; }
    /// <summary>The account's URL once it is known: signs what is posted.</summary>
    public Uri? Account { get; set; }

    /// <summary>What the authority offers (RFC 8555 section 7.1.1).</summary>
    public async Task<AcmeAnswer> DirectoryAsync(CancellationToken cancellation)
    {
        if (_directory is not null)
            return _directory;
        var answer = await GetAsync(Directory, "reading the directory", cancellation);
        _ = answer.Url("newOrder");
        return _directory = answer;
    }

    /// <summary>Reads something that is not signed for.</summary>
    public async Task<AcmeAnswer> GetAsync(Uri url, string doing, CancellationToken cancellation)
    {
        var answer = await SendAsync(HttpMethod.Get, url, null, doing, cancellation);
        return answer.Status == 200 ? answer : throw answer.Problem(doing);
    }

    /// <summary>Posts a signed payload; null reads what is there. Any answer that is not of success is an exception.</summary>
    public async Task<AcmeAnswer> PostAsync(Uri url, JsonNode? payload, string doing, CancellationToken cancellation)
    {
        for (var tries = 1; ; tries++)
        {
            var nonce = await NonceAsync(cancellation);
            var answer = await SendAsync(HttpMethod.Post, url, _key.Sign(url, nonce, Account, payload), doing, cancellation);
            if (answer.Status is 200 or 201 or 202 or 204)
                return answer;
            var problem = answer.Problem(doing);
            if (!problem.Is("badNonce") || tries == MostTries)
                throw problem;
        }
    }

    public void Dispose() => _http.Dispose();

    private async Task<string> NonceAsync(CancellationToken cancellation)
    {
        if (_nonce is null)
            await SendAsync(HttpMethod.Head, (await DirectoryAsync(cancellation)).Url("newNonce"), null, "asking for a nonce",
                cancellation);
        var nonce = _nonce ?? throw AcmeException.Malformed("the authority gives no nonce");
        _nonce = null;
        return nonce;
    }

    private async Task<AcmeAnswer> SendAsync(HttpMethod method, Uri url, string? body, string doing, CancellationToken cancellation)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        patience.CancelAfter(_patience);
        using var request = new HttpRequestMessage(method, url);
        if (body is not null)
        {
            request.Content = new ByteArrayContent(Encoding.ASCII.GetBytes(body));
            request.Content.Headers.ContentType = new("application/jose+json");
        }
        try
        {
            using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, patience.Token);
            if (response.Headers.TryGetValues("Replay-Nonce", out var nonces) && nonces.First() is { Length: > 0 and <= 1024 } nonce
                && nonce.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_'))
                _nonce = nonce;
            return new((int)response.StatusCode, await ReadAsync(response.Content, doing, patience.Token),
                response.Content.Headers.ContentType?.MediaType ?? "", Absolute(url, response.Headers.Location),
                WaitOf(response.Headers.RetryAfter));
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new AcmeException("timeout", string.Create(CultureInfo.InvariantCulture,
                $"{doing}: {url.Authority} did not answer within {_patience.TotalSeconds:0.#} s"));
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            throw new AcmeException("unreachable", $"{doing}: {e.GetBaseException().Message}");
        }
    }

    private static async Task<byte[]> ReadAsync(HttpContent content, string doing, CancellationToken cancellation)
    {
        using var stream = await content.ReadAsStreamAsync(cancellation);
        var buffer = new byte[content.Headers.ContentLength is < MostBytes and > 0 and var length ? (int)length + 1 : MostBytes + 1];
        var read = await stream.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellation);
        return read < buffer.Length ? buffer[..read]
            : throw AcmeException.Malformed($"{doing}: the answer is longer than {MostBytes >> 10} KiB, or than it says");
    }

    private static Uri? Absolute(Uri at, Uri? location) => location is null ? null : new(at, location);

    private TimeSpan? WaitOf(RetryConditionHeaderValue? header)
    {
        var wait = header?.Delta ?? (header?.Date is { } date ? date - _time.GetUtcNow() : null);
        return wait is null ? null : TimeSpan.FromTicks(Math.Clamp(wait.Value.Ticks, 0, LongestWait.Ticks));
    }

    private static X509ChainPolicy Trusting(byte[] pem)
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.ImportFromPem(Encoding.UTF8.GetString(pem));
        return policy;
    }
}
