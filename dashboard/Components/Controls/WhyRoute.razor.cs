using System.Globalization;
using Managed.Dashboard.AdminApi;
using Microsoft.AspNetCore.Components;

namespace Managed.Dashboard.Components.Controls;

/// <summary>
/// Asks the node where a request would go, with the reasons of the routes that lost, and sends it where that is wanted. The fields belong
/// to the browser.
/// </summary>
public sealed partial class WhyRoute
{
    private const int MostSteps = 200;
    private static readonly string[] Methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

    private readonly CancellationTokenSource _gone = new();
    private string _listener = "", _method = "GET", _authority = "", _path = "", _headers = "";
    private bool _busy;
    private RouteMatch? _match;
    private TriedRequest? _tried;
    private Problem? _problem;

    /// <summary>The listeners that serve HTTP.</summary>
    [Parameter, EditorRequired] public required IReadOnlyList<ListenerDocument> Listeners { get; set; }

    /// <summary>Whether the person may send requests from here.</summary>
    [Parameter] public bool MayTry { get; set; }

    [Inject] private AdminApiClient Api { get; set; } = null!;
    [Inject] private AdminApiConnection Connection { get; set; } = null!;
    [Inject] private NavigationManager Navigation { get; set; } = null!;

    private ListenerDocument? Chosen => Listeners.FirstOrDefault(l => l.Name == _listener) ?? Listeners.FirstOrDefault();

    // Without TLS, whose certificate would be that of another name than the address.
    private bool CanTry => MayTry && Chosen is { Serves: "HTTP" };

    private string Path => _path.StartsWith('/') ? _path : "/" + _path;

    private string Command => Curl.Of(Navigation.BaseUri, "match", "-H 'Content-Type: application/json'",
        $"-d {Curl.Quote(Request.ToJson().ToJsonString())}");

    private MatchRequest Request => new(Chosen?.Name ?? "", _method, _authority.Trim(), Path, Headers());

    private static string Text(ChangeEventArgs e) => e.Value?.ToString() ?? "";

    private List<KeyValuePair<string, string>> Headers() => [.. _headers.Split('\n', StringSplitOptions.TrimEntries)
        .Select(l => (Line: l, Colon: l.IndexOf(':', StringComparison.Ordinal))).Where(l => l.Colon > 0)
        .Select(l => KeyValuePair.Create(l.Line[..l.Colon].Trim().ToLowerInvariant(), l.Line[(l.Colon + 1)..].Trim()))];

    private static string Said(RouteMatch match) => match switch
    {
        { Action: "direct_response" } => "answers here.",
        { Action: "redirect" } => "redirects.",
        { VirtualHost: { } host } => string.Create(CultureInfo.InvariantCulture, $"of virtual host {host} sends it to"),
        _ => "sends it to",
    };

    private async Task AskAsync()
    {
        (_busy, _problem, _tried) = (true, null, null);
        try
        {
            _match = await Api.MatchAsync(Request, _gone.Token);
        }
        catch (AdminApiException e)
        {
            (_match, _problem) = (null, e.Problem);
        }
        catch (OperationCanceledException) when (_gone.IsCancellationRequested)
        {
            return; // the page is gone
        }
        finally
        {
            _busy = false;
        }
    }

    private async Task TryAsync()
    {
        await AskAsync();
        if (Chosen is not { } listener || _gone.IsCancellationRequested)
            return;
        _busy = true;
        _tried = await TriedRequest.SendAsync(PublishedService.UrlOf(listener.Address, Connection.BaseAddress.Host, Path), _method,
            _authority.Trim(), Headers(), _gone.Token);
        _busy = false;
    }

    public void Dispose()
    {
        _gone.Cancel();
    }
}
