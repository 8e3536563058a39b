using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Managed.TestKit;

/// <summary>
/// A small certificate authority that speaks ACME (RFC 8555) over HTTP on loopback. It checks signatures, nonces and requests, connects to
/// the listeners that it is told of to see whether a name is theirs, and can be made to fail in many ways.
/// </summary>
public sealed partial class AcmeServer : IAsyncDisposable
{
    private readonly HttpListener _listener = new();
    private readonly ConcurrentDictionary<string, bool> _nonces = new();
    private readonly ConcurrentQueue<string> _calls = new();
    private readonly ConcurrentDictionary<string, ECDsa> _accounts = new();
    private readonly CancellationTokenSource _stop = new(), _hanging = new();
    private readonly Task _serving;
    private int _badNonces;

    public AcmeServer()
    {
        Base = $"http://127.0.0.1:{FreePort.Next()}";
        _listener.Prefixes.Add(Base + "/");
        _listener.Start();
        _serving = ServeAsync();
    }

    public string Base { get; }
    public string Directory => Base + "/dir";
    public TestAuthority Authority { get; } = new("Test ACME CA");

    /// <summary>Where names are looked at; 0: nobody is there.</summary>
    public int HttpPort { get; set; }
    public int TlsPort { get; set; }
    public IReadOnlyList<string> Offers { get; set; } = ["http-01", "tls-alpn-01", "dns-01"];
    public Func<DateTimeOffset> Now { get; set; } = () => DateTimeOffset.UtcNow;
    public TimeSpan Life { get; set; } = TimeSpan.FromDays(90);
    /// <summary>Of the external account that is needed; null: none is.</summary>
    public byte[]? ExternalKey { get; set; }
    public bool HasTerms { get; set; }
    /// <summary>Orders stay in processing.</summary>
    public bool IsStuck { get; set; }
    /// <summary>What renewalInfo says; null: it is not offered (RFC 9773).</summary>
    public (DateTimeOffset Start, DateTimeOffset End)? Window { get; set; }

    /// <summary>By the first part of the path (<c>dir</c>, <c>nonce</c>, <c>account</c>, <c>order</c> …): how each call goes
    /// wrong.</summary>
    public ConcurrentDictionary<string, AcmeFault> Faults { get; } = new();
    /// <summary>So many good nonces are refused.</summary>
    public int BadNonces { set => _badNonces = value; }

    /// <summary>All calls so far, as <c>POST new-order</c>.</summary>
    public IReadOnlyList<string> Calls => [.. _calls];
    public int Count(string call) => _calls.Count(c => c == call);
    public int Accounts => _accounts.Count;
    public string? LastContact { get; private set; }

    /// <summary>Cuts what hangs, and nothing hangs any more.</summary>
    public void StopHanging()
    {
        Faults.Clear();
        _hanging.Cancel();
    }

    public async ValueTask DisposeAsync()
    {
        StopHanging();
        await _stop.CancelAsync();
        _listener.Abort();
        await _serving;
        Authority.Dispose();
    }

    private async Task ServeAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                var context = await _listener.GetContextAsync();
                _ = AnswerAsync(context);
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException or InvalidOperationException)
            {
                return;
            }
        }
    }

    private async Task AnswerAsync(HttpListenerContext context)
    {
        try
        {
            string part = context.Request.Url!.AbsolutePath.Split('/')[1];
            _calls.Enqueue($"{context.Request.HttpMethod} {part}");
            // A directory need not come with one (section 7.2).
            string nonce = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(12));
            _nonces[nonce] = true;
            if (context.Request.HttpMethod != "GET") context.Response.Headers["Replay-Nonce"] = nonce;
            if (Faults.TryGetValue(part, out var fault)) await FailAsync(context, fault);
            else await AnswerAsync(context, part);
        }
        catch (AcmeRefusal refusal)
        {
            await WriteProblemAsync(context, refusal.Status, refusal.Problem, refusal.Message);
        }
        catch (Exception e) when (e is HttpListenerException or ObjectDisposedException or IOException or OperationCanceledException)
        {
            context.Response.Abort(); // the client has gone, or the test is over
        }
    }

    private async Task FailAsync(HttpListenerContext context, AcmeFault fault)
    {
        await context.Request.InputStream.CopyToAsync(Stream.Null); // or the connection is cut in the middle of what is sent
        if (fault.RetryAfter is { } wait) context.Response.Headers["Retry-After"] = wait;
        if (fault.Location is { } elsewhere) context.Response.Headers["Location"] = elsewhere;
        if (fault.Hangs) await Task.Delay(Timeout.Infinite, _hanging.Token);
        if (fault.Problem is { } problem) await WriteProblemAsync(context, fault.Status, problem, fault.Detail);
        else await WriteAsync(context, fault.Status, fault.Body, fault.ContentType);
    }

    private Task WriteProblemAsync(HttpListenerContext context, int status, string problem, string detail) => WriteAsync(context, status,
        new JsonObject { ["type"] = "urn:ietf:params:acme:error:" + problem, ["detail"] = detail }.ToJsonString(),
            "application/problem+json");

    private static async Task WriteAsync(HttpListenerContext context, int status, string body, string contentType = "application/json")
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = contentType;
        byte[] bytes = Encoding.UTF8.GetBytes(body);
        context.Response.ContentLength64 = bytes.Length;
        if (context.Request.HttpMethod != "HEAD") await context.Response.OutputStream.WriteAsync(bytes);
        context.Response.Close();
    }

    private Task WriteAsync(HttpListenerContext context, int status, JsonNode body, string? location = null)
    {
        if (location is not null) context.Response.Headers["Location"] = location;
        return WriteAsync(context, status, body.ToJsonString());
    }

    // RFC 8555 section 6: what every POST has to be.
    private async Task<(JsonElement Payload, string Account, ECDsa Key)> ReadSignedAsync(HttpListenerContext context)
    {
        Require(context.Request.ContentType == "application/jose+json", 415, "malformed", "not application/jose+json");
        using var reader = new StreamReader(context.Request.InputStream);
        using var jws = JsonDocument.Parse(await reader.ReadToEndAsync());
        string first = jws.RootElement.GetProperty("protected").GetString()!, second = jws.RootElement.GetProperty("payload").GetString()!;
        using var head = JsonDocument.Parse(Base64Url.DecodeFromChars(first));
        var root = head.RootElement;
        Require(root.GetProperty("alg").GetString() == "ES256", 400, "badSignatureAlgorithm", "not ES256");
        Require(root.GetProperty("url").GetString() == context.Request.Url!.AbsoluteUri, 400, "unauthorized", "another url was signed");
        Require(_nonces.TryRemove(root.GetProperty("nonce").GetString()!, out _), 400, "badNonce", "an unknown nonce");
        Require(Interlocked.Decrement(ref _badNonces) < 0, 400, "badNonce", "this nonce is refused");
        string account = "";
        ECDsa key;
        if (root.TryGetProperty("jwk", out var jwk))
        {
            Require(context.Request.Url.AbsolutePath == "/new-account" && !root.TryGetProperty("kid", out _), 400, "malformed", "jwk here");
            key = KeyOf(jwk);
            account = Convert.ToHexStringLower(SHA256.HashData(key.ExportSubjectPublicKeyInfo()))[..16];
        }
        else
        {
            account = root.GetProperty("kid").GetString()!.Split('/')[^1];
            Require(_accounts.TryGetValue(account, out key!), 400, "accountDoesNotExist", "no such account");
        }
        Require(key.VerifyData(Encoding.ASCII.GetBytes(first + "." + second), Base64Url.DecodeFromChars(
            jws.RootElement.GetProperty("signature").GetString()), HashAlgorithmName.SHA256), 400, "malformed", "the signature is wrong");
        using var payload = second.Length == 0 ? null : JsonDocument.Parse(Base64Url.DecodeFromChars(second));
        return (payload?.RootElement.Clone() ?? default, account, key);
    }

    private static ECDsa KeyOf(JsonElement jwk) => ECDsa.Create(new ECParameters
    {
        Curve = ECCurve.NamedCurves.nistP256,
        Q = new ECPoint { X = Base64Url.DecodeFromChars(jwk.GetProperty("x").GetString()),
            Y = Base64Url.DecodeFromChars(jwk.GetProperty("y").GetString()) },
    });

    private static string ThumbprintOf(ECDsa key)
    {
        var q = key.ExportParameters(false).Q;
        return Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(
            $$"""{"crv":"P-256","kty":"EC","x":"{{Base64Url.EncodeToString(q.X)}}","y":"{{Base64Url.EncodeToString(q.Y)}}"}""")));
    }

    private static void Require(bool holds, int status, string problem, string detail)
    {
        if (!holds) throw new AcmeRefusal(status, problem, detail);
    }

    private sealed class AcmeRefusal(int status, string problem, string detail) : Exception(detail)
    {
        public int Status => status;
        public string Problem => problem;
    }
}

/// <summary>How a call goes wrong: a problem document, any answer, or none at all.</summary>
public sealed record AcmeFault(int Status = 500, string? Problem = null, string Detail = "so it is", string Body = "",
    string ContentType = "application/json", string? RetryAfter = null, string? Location = null, bool Hangs = false);
