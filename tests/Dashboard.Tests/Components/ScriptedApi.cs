using System.Net;
using System.Text;
using Managed.Dashboard.AdminApi;
using Managed.Dashboard.Components.Controls;
using Managed.Dashboard.Components.Layout;
using Managed.Dashboard.Hosting;
using Managed.Dashboard.Live;
using Microsoft.AspNetCore.Components.Authorization;
using MudBlazor.Services;

namespace Managed.Dashboard.Tests.Components;

/// <summary>The admin API as a table of answers; an address without one never answers, as a slow node would.</summary>
internal sealed class ScriptedApi : HttpMessageHandler
{
    private readonly Dictionary<string, (HttpStatusCode Status, string Body, string? Etag)> _answers = [];

    public List<HttpRequestMessage> Requests { get; } = [];

    /// <summary>The bodies of those that had one.</summary>
    public List<string> Bodies { get; } = [];

    public void Answer(string pathAndQuery, string body, HttpStatusCode status = HttpStatusCode.OK, string? etag = null)
        => _answers["/api/v1/" + pathAndQuery] = (status, body, etag);

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var body = request.Content is null ? null : await request.Content.ReadAsStringAsync(cancellationToken);
        lock (Requests)
        {
            Requests.Add(request);
            if (body is not null)
                Bodies.Add(body);
        }
        if (!_answers.TryGetValue(request.RequestUri!.PathAndQuery, out var answer))
            await Task.Delay(Timeout.Infinite, cancellationToken);
        var response = new HttpResponseMessage(answer.Status)
        {
            Content = new StringContent(answer.Body, Encoding.UTF8, "application/json"),
        };
        if (answer.Etag is not null)
            response.Headers.TryAddWithoutValidation("ETag", answer.Etag);
        return response;
    }

    /// <summary>A component test's services: the real client and feed on top of this handler.</summary>
    public static (BunitContext Context, ScriptedApi Api) Create(string role = "admin")
    {
        var api = new ScriptedApi();
        var context = new BunitContext();
        context.JSInterop.Mode = JSRuntimeMode.Loose;
        context.Services.AddMudServices();
        context.Services.AddLogging();
        context.Services.AddSingleton(new DashboardOptions { Api = _ => new Uri("http://node:9901/"), Handler = () => api });
        context.Services.AddSingleton<AdminApiConnection>();
        context.Services.AddSingleton<Presence>();
        context.Services.AddScoped<AdminApiClient>();
        context.Services.AddScoped<LiveFeed>();
        context.Services.AddScoped<Shell>();
        context.Services.AddScoped<Toasts>();
        context.Services.AddScoped<AuthenticationStateProvider>(_ => new Someone(role));
        return (context, api);
    }

    private sealed class Someone(string role) : AuthenticationStateProvider
    {
        public override Task<AuthenticationState> GetAuthenticationStateAsync() =>
            Task.FromResult(new AuthenticationState(Session.Principal(new Account("kim", role), "cookie-of-kim")));
    }
}
