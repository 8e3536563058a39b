using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using Managed.Proxy.Bindings.Wasm;
using Managed.Proxy.Upstream;

namespace Managed.Proxy.Http.Filters.Wasm.Code;

/// <summary>
/// Fetches code over HTTP/1.1, on control threads: nothing of the data path is used, so a node that is busy or misconfigured can still
/// fetch. Names are resolved once an attempt, and what was resolved is checked and connected to: no second answer of a resolver can
/// lead elsewhere. Nothing is believed of an answer but its bytes, which have the right digest or are thrown away.
/// </summary>
internal static class CodeFetch
{
    /// <summary>The code, or null with the reason after the last attempt.</summary>
    public static async Task<(byte[]? Code, string Reason)> RunAsync(FetchPlan plan, CancellationToken cancellation)
    {
        try
        {
            return await RetryAsync(plan, cancellation);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            return (null, "nobody waits for it any more");
        }
    }

    private static async Task<(byte[]? Code, string Reason)> RetryAsync(FetchPlan plan, CancellationToken cancellation)
    {
        var pause = plan.FirstPause;
        for (int attempt = 1; ; attempt++)
        {
            var (code, failure) = await TryAsync(plan, attempt - 1, cancellation);
            if (code is not null) return (code, "");
            if (attempt == plan.Attempts || failure is not { MayPass: true })
                return (null, failure!.Reason + (attempt > 1 ? string.Create(CultureInfo.InvariantCulture, $" (after {attempt} attempts)")
                    : ""));
            await Task.Delay(FetchPlan.Least(pause, plan.LongestPause), cancellation);
            pause *= 2;
        }
    }

    private static async Task<(byte[]?, Failure?)> TryAsync(FetchPlan plan, int turn, CancellationToken cancellation)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(plan.Timeout);
        using var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false, UseCookies = false, UseProxy = false, AutomaticDecompression = DecompressionMethods.None,
            ActivityHeadersPropagator = null, ConnectTimeout = Timeout.InfiniteTimeSpan,
            ConnectCallback = (context, token) => plan.Endpoints is { } endpoints ? ToEndpointAsync(endpoints, turn, token)
                : ToHostAsync(plan, context.DnsEndPoint, token),
        };
        using var client = new HttpMessageInvoker(handler);
        using var request = new HttpRequestMessage(HttpMethod.Get, plan.Uri) { Version = HttpVersion.Version11,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact };
        request.Headers.UserAgent.Add(new ProductInfoHeaderValue("managed", null));
        request.Headers.ConnectionClose = true;
        try
        {
            using var response = await client.SendAsync(request, deadline.Token);
            if (Refusal(response) is { } refusal) return (null, refusal);
            if (await ReadAsync(response.Content, deadline.Token) is not { } code) return (null, TooLarge);
            string digest = Convert.ToHexStringLower(SHA256.HashData(code));
            // of the next endpoint it may be right
            return digest == plan.Sha256 ? (code, null)
                : (null, new Failure($"its SHA-256 is {digest}, and {plan.Sha256} is asked for ({code.Length} bytes)", MayPass: true));
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return (null,
                new Failure(string.Create(CultureInfo.InvariantCulture, $"no whole answer within {plan.Timeout.TotalSeconds:0.###} s"),
                    MayPass: true));
        }
        catch (Exception e) when (e is HttpRequestException or IOException or SocketException)
        {
            return (null, Failure.Of(e));
        }
    }

    private static Failure? Refusal(HttpResponseMessage response)
    {
        int status = (int)response.StatusCode;
        if (status is >= 300 and < 400 && response.Headers.Location is { } to)
            return new($"it answers {status}, a redirect to "
                + $"{(to.IsAbsoluteUri ? to.GetLeftPart(UriPartial.Path) : to.ToString().Split('?')[0])}; redirects are not followed, "
                    + $"so name that URL", MayPass: false);
        if (status != 200)
            return new(string.Create(CultureInfo.InvariantCulture, $"it answers {status}"), MayPass: status is 408 or 429 or >= 500);
        foreach (string coding in response.Content.Headers.ContentEncoding)
            if (!coding.Equals("identity", StringComparison.OrdinalIgnoreCase))
                return new($"it answers with content-encoding {coding}, and nothing is decompressed", MayPass: false);
        return response.Content.Headers.ContentLength > WasmModule.MaxCodeBytes ? TooLarge : null;
    }

    private static async Task<byte[]?> ReadAsync(HttpContent content, CancellationToken cancellation)
    {
        using var stream = await content.ReadAsStreamAsync(cancellation);
        using var code = new MemoryStream((int)(content.Headers.ContentLength ?? 0));
        byte[] buffer = new byte[64 << 10];
        while (await stream.ReadAsync(buffer, cancellation) is > 0 and var n)
        {
            if (code.Length + n > WasmModule.MaxCodeBytes) return null;
            code.Write(buffer, 0, n);
        }
        return code.ToArray();
    }

    private static async ValueTask<Stream> ToHostAsync(FetchPlan plan, DnsEndPoint at, CancellationToken cancellation)
        => await ConnectAsync(await ResolveAsync(at.Host, cancellation), at.Port, plan.HostIsNamed, cancellation);

    private static async ValueTask<Stream> ToEndpointAsync(IReadOnlyList<EndpointTarget> endpoints, int turn,
        CancellationToken cancellation)
    {
        for (int i = 0; ; i++)
        {
            var endpoint = endpoints[(turn + i) % endpoints.Count];
            try
            {
                if (endpoint.Address is null)
                    return await ConnectAsync(await ResolveAsync(endpoint.HostName, cancellation), endpoint.Port, named: true,
                        cancellation);
                if (endpoint.Address.EndPoint is { } ip) return await ConnectAsync([ip.Address], ip.Port, named: true, cancellation);
                return await ConnectAsync(new UnixDomainSocketEndPoint(endpoint.Text["unix://".Length..] is ['@', .. var name] ? "\0" + name
                    : endpoint.Text["unix://".Length..]), cancellation);
            }
            catch (Exception e) when (i + 1 < endpoints.Count && e is SocketException or RefusedAddressException)
            {
                // Its neighbour, then.
            }
        }
    }

    private static async Task<IPAddress[]> ResolveAsync(string host, CancellationToken cancellation)
        => IPAddress.TryParse(host.Trim('[', ']'), out var literal) ? [literal] : await Dns.GetHostAddressesAsync(host, cancellation);

    private static async Task<Stream> ConnectAsync(IPAddress[] addresses, int port, bool named, CancellationToken cancellation)
    {
        Exception? last = null;
        foreach (var address in addresses)
        {
            if (FetchHosts.Refusal(address, named) is { } refusal)
            {
                last ??= new RefusedAddressException(refusal);
                continue;
            }
            try
            {
                return await ConnectAsync(new IPEndPoint(address, port), cancellation);
            }
            catch (SocketException e)
            {
                last = e;
            }
        }
        throw last ?? new SocketException((int)SocketError.HostNotFound);
    }

    private static async Task<Stream> ConnectAsync(EndPoint to, CancellationToken cancellation)
    {
        var socket = new Socket(to.AddressFamily, SocketType.Stream,
            to is UnixDomainSocketEndPoint ? ProtocolType.Unspecified : ProtocolType.Tcp);
        try
        {
            await socket.ConnectAsync(to, cancellation);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static Failure TooLarge { get; } = new($"it is larger than {WasmModule.MaxCodeBytes >> 20} MiB", MayPass: false);

    private sealed class RefusedAddressException(string message) : IOException(message);

    /// <param name="Reason">For people; what failed is named before it.</param>
    /// <param name="MayPass">Another attempt may go better.</param>
    private sealed record Failure(string Reason, bool MayPass)
    {
        public static Failure Of(Exception e)
        {
            for (Exception? inner = e; inner is not null; inner = inner.InnerException)
                switch (inner)
                {
                    case RefusedAddressException: return new(inner.Message, false);
                    case AuthenticationException: return new("TLS: " + inner.Message, false);
                    case SocketException socket: return new(socket.Message, true);
                }
            return new(e.Message, true);
        }
    }
}
