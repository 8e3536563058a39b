using Microsoft.AspNetCore.Http.Features;

namespace Managed.Dashboard.AdminApi;

/// <summary>
/// Only when the dashboard runs alone: the browser's own calls (editor texts, live samples) go to the dashboard's origin,
/// which hands <c>/api</c> and <c>/auth</c> on to the admin API. Inside the admin host both share an origin already.
/// </summary>
internal static class ApiPassThrough
{
    private static readonly string[] RequestHeaders =
        ["Accept", "Cookie", "If-Match", "If-None-Match", "Last-Event-ID", "Prefer", "Content-Type", "Content-Digest"];
    private static readonly string[] ResponseHeaders =
        ["Cache-Control", "ETag", "Location", "Retry-After", "Set-Cookie", "Config-Version", "Config-Changed", "Content-Type"];

    private const long MaxBody = 65L << 20; // the API's largest is a module of 64 MiB; it says itself what is too large

    public static void MapApiPassThrough(this WebApplication app)
    {
        app.Map("/api/{**path}", ForwardAsync);
        app.Map("/auth/{**path}", ForwardAsync);
    }

    private static async Task ForwardAsync(HttpContext context, AdminApiConnection connection)
    {
        var incoming = context.Request;
        // The API sees its own origin below, so the check it would make on the browser's is made here.
        if (incoming.Headers.Origin.ToString() is { Length: > 0 } origin && origin != $"{incoming.Scheme}://{incoming.Host}"
            || incoming.Headers["Sec-Fetch-Site"].ToString() is not ("" or "same-origin" or "none"))
        {
            context.Response.StatusCode = StatusCodes.Status403Forbidden;
            return;
        }

        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
            size.MaxRequestBodySize = MaxBody;
        using var request = new HttpRequestMessage(new HttpMethod(incoming.Method),
            new Uri(connection.BaseAddress, incoming.Path.ToUriComponent() + incoming.QueryString));
        if (incoming.ContentLength > 0 || incoming.Headers.TransferEncoding.Count > 0)
            request.Content = new StreamContent(incoming.Body);
        foreach (var name in RequestHeaders)
            if (incoming.Headers.TryGetValue(name, out var values) && !request.Headers.TryAddWithoutValidation(name, values.ToArray()))
                request.Content?.Headers.TryAddWithoutValidation(name, values.ToArray());
        request.Headers.TryAddWithoutValidation("Sec-Fetch-Site", "same-origin");
        request.Headers.TryAddWithoutValidation("Origin", connection.BaseAddress.GetLeftPart(UriPartial.Authority));

        HttpResponseMessage response;
        try
        {
            response = await connection.SendAsync(request, cookie: null, context.RequestAborted);
        }
        catch (AdminApiException)
        {
            context.Response.StatusCode = StatusCodes.Status502BadGateway;
            return;
        }
        using (response)
        {
            context.Response.StatusCode = (int)response.StatusCode;
            foreach (var name in ResponseHeaders)
                if (response.Headers.TryGetValues(name, out var values) || response.Content.Headers.TryGetValues(name, out values))
                    context.Response.Headers[name] = values.ToArray();
            context.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
            await using var body = await response.Content.ReadAsStreamAsync(context.RequestAborted);
            var buffer = new byte[16 * 1024];
            for (int read; (read = await body.ReadAsync(buffer, context.RequestAborted)) > 0;)
            {
                await context.Response.Body.WriteAsync(buffer.AsMemory(0, read), context.RequestAborted);
                await context.Response.Body.FlushAsync(context.RequestAborted); // events must not wait for a full buffer
            }
        }
    }
}
