using System.Net;
using System.Net.Http.Headers;
using Managed.Dashboard.Hosting;

namespace Managed.Dashboard.AdminApi;

/// <summary>One pool of connections to the admin API for all circuits, and the rules every call to it follows.</summary>
internal sealed class AdminApiConnection : IDisposable
{
    public const string SessionCookie = "managed_session";

    private readonly DashboardOptions _options;
    private readonly IServiceProvider _services;
    private readonly HttpMessageInvoker _http;

    public AdminApiConnection(DashboardOptions options, IServiceProvider services)
    {
        _options = options;
        _services = services;
        // Cookies are set per call, since every circuit has its own session; a redirect from the API would be a mistake.
        _http = new HttpMessageInvoker(options.Handler?.Invoke() ?? new SocketsHttpHandler
        {
            UseCookies = false,
            AllowAutoRedirect = false,
            UseProxy = false,
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(20), // less than the admin port waits for a next request
        });
    }

    /// <summary>Of this process: its circuits have nothing to draw any more, and what they are made of goes piece by piece.</summary>
    public CancellationToken Stopping => _services.GetService<IHostApplicationLifetime>()?.ApplicationStopping ?? CancellationToken.None;

    public Uri BaseAddress => _options.Api(_services);

    /// <summary>
    /// Sends a request below <c>/api/v1</c> as the browser of that session would: the API takes a cookie only from its
    /// own origin. Answers with any status, and not at all while this process stops; a network failure throws
    /// <see cref="AdminApiException"/>.
    /// </summary>
    public async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, string? cookie, CancellationToken cancel)
    {
        var origin = BaseAddress.GetLeftPart(UriPartial.Authority);
        if (!request.RequestUri!.IsAbsoluteUri)
            request.RequestUri = new Uri(BaseAddress, "/api/v1/" + request.RequestUri.OriginalString);
        if (cookie is not null)
        {
            request.Headers.TryAddWithoutValidation("Cookie", $"{SessionCookie}={cookie}");
            request.Headers.TryAddWithoutValidation("Sec-Fetch-Site", "same-origin");
            request.Headers.TryAddWithoutValidation("Origin", origin);
        }
        if (request.Headers.Accept.Count == 0)
            request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
        try
        {
            return await _http.SendAsync(request, cancel);
        }
        catch (HttpRequestException) when (Stopping.IsCancellationRequested)
        {
            await Task.Delay(Timeout.Infinite, cancel); // no page shall draw that its own process is going
            throw;
        }
        catch (HttpRequestException e)
        {
            throw new AdminApiException(new Problem { Status = 0, Code = "UNREACHABLE", Title = "The admin API does not answer",
                Detail = e.Message }, e);
        }
    }

    /// <summary>Who the session belongs to; null when the API does not know it (any more).</summary>
    public async Task<Account?> FindAccountAsync(string cookie, CancellationToken cancel)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri("auth/me", UriKind.Relative));
        using var response = await SendAsync(request, cookie, cancel);
        if (response.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden)
            return null;
        return await AdminApiClient.ReadAsync<Account>(response, cancel);
    }

    public void Dispose() => _http.Dispose();
}
