using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Managed.Dashboard.AdminApi;
using Managed.Dashboard.Components.Controls;
using Managed.Dashboard.Live;
using Microsoft.AspNetCore.Components;

namespace Managed.Dashboard.Components.Pages;

/// <summary>
/// A listener, its route and its cluster as one version, checked while it is typed, and tried with a request. The fields belong to the
/// browser.
/// </summary>
public sealed partial class PublishPage
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(300);

    private readonly CancellationTokenSource _gone = new();
    private CancellationTokenSource? _check;
    private object _form = new();
    private Trial _trial = new();
    private KeptForm? _kept;
    private string _name = "", _address = "", _upstreams = "", _comment = "", _path = "/", _suggested = "";
    private bool _mayWrite, _checking, _busy, _trying;
    private bool _refused; // what the node said when it was to go live stands until something is typed
    private JsonElement _document;
    private DryRun? _run;
    private Problem? _problem;
    private PublishedService? _live;
    private ElementReference _try;
    private bool _focusTry; // the button that had the focus is gone
    private TriedRequest? _tried;

    [Inject] private AdminApiClient Api { get; set; } = null!;
    [Inject] private AdminApiConnection Connection { get; set; } = null!;
    [Inject] private LiveFeed Feed { get; set; } = null!;
    [Inject] private NavigationManager Navigation { get; set; } = null!;
    [Inject] private Toasts Toasts { get; set; } = null!;

    private bool IsComplete => _name.Trim().Length > 0 && _address.Trim().Length > 0 && Upstreams.Length > 0;

    private string[] Upstreams => _upstreams.Split(['\n', ',', ' '],
        StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    private string Command => Curl.Of(Navigation.BaseUri,
        "config" + AdminApiClient.Query(("comment", _comment.Trim()), ("confirm_within", _trial.ConfirmWithin),
            ("revert_if", _trial.RevertIf)),
        "-X PATCH", "-H 'Content-Type: application/json-patch+json'", $"-d {Curl.Quote(Operations().ToJsonString())}");

    protected override async Task OnInitializedAsync()
    {
        _mayWrite = (await Api.AccountAsync()).CanWrite;
        Feed.Changed += OnFeedChanged;
        await LookAsync();
        _address = _suggested = Suggested();
    }

    /// <summary>Which lists the document has, and which ports are taken.</summary>
    private async Task LookAsync()
    {
        try
        {
            _document = await Api.ConfigAsync(_gone.Token);
        }
        catch (AdminApiException e)
        {
            _problem = e.Problem;
        }
        catch (OperationCanceledException) when (_gone.IsCancellationRequested)
        {
            // The page is gone.
        }
    }

    private string Suggested()
    {
        var taken = _document.ValueKind == JsonValueKind.Object ? _document.GetRawText() : "";
        var port = 10080;
        while (taken.Contains(port.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal))
            port++;
        return string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{port}");
    }

    private static string Text(ChangeEventArgs e) => e.Value?.ToString() ?? "";

    private async Task Typed(Action take)
    {
        take();
        (_run, _problem, _refused) = (null, null, false); // the verdict was on other values
        await CheckAsync(Pause);
    }

    private async Task CheckAsync(TimeSpan pause)
    {
        _check?.Cancel();
        _checking = IsComplete;
        if (!IsComplete)
            return;
        using var mine = _check = CancellationTokenSource.CreateLinkedTokenSource(_gone.Token);
        try
        {
            await Task.Delay(pause, mine.Token);
            var run = await Api.TryPatchConfigAsync(Operations(), mine.Token);
            (_run, _problem) = (run, null);
        }
        catch (OperationCanceledException)
        {
            return; // a newer check has taken over
        }
        catch (AdminApiException e) when (!mine.IsCancellationRequested)
        {
            (_run, _problem) = (null, e.Problem);
        }
        catch (AdminApiException)
        {
            return;
        }
        (_checking, _check) = (false, null);
    }

    private JsonArray Operations()
    {
        var name = _name.Trim();
        return
        [
            Add("clusters", new JsonObject { ["name"] = name,
                ["endpoints"] = new JsonArray([.. Upstreams.Select(u => JsonValue.Create(u))]) }),
            Add("listeners", new JsonObject
            {
                ["name"] = name, ["address"] = _address.Trim(),
                ["routes"] = new JsonArray(new JsonObject { ["name"] = "all", ["match"] = new JsonObject { ["prefix"] = "/" },
                    ["route"] = new JsonObject { ["cluster"] = name } }),
            }),
        ];
    }

    /// <summary>At the end of a list that the document may have at its root, inside Envoy's static_resources, or not at all.</summary>
    private JsonObject Add(string list, JsonObject item)
    {
        var wrapped = !Has(_document, list) && _document.ValueKind == JsonValueKind.Object
            && _document.TryGetProperty("static_resources", out var inside) && Has(inside, list);
        return wrapped ? new() { ["op"] = "add", ["path"] = $"/static_resources/{list}/-", ["value"] = item }
            : Has(_document, list) ? new() { ["op"] = "add", ["path"] = $"/{list}/-", ["value"] = item }
            : new() { ["op"] = "add", ["path"] = $"/{list}", ["value"] = new JsonArray(item) };
    }

    private static bool Has(JsonElement parent, string list)
        => parent.ValueKind == JsonValueKind.Object && parent.TryGetProperty(list, out var value) && value.ValueKind == JsonValueKind.Array;

    /// <summary>The node's words about one field, found by the end of the pointer.</summary>
    private string? Error(string field) => _problem?.Errors?.FirstOrDefault(e => e.Pointer?.Split('/').Contains(field) == true) is { } error
        ? error.Hint is { } hint ? $"{error.Detail} ({hint})" : error.Detail : null;

    private string? Bad(string field) => Error(field) is null ? null : "true";

    private async Task PublishAsync()
    {
        _check?.Cancel(); // its verdict would come after the node's word on the publication
        (_busy, _problem) = (true, null);
        try
        {
            var started = Stopwatch.GetTimestamp();
            var result = await Api.PatchConfigAsync(Operations(),
                _comment.Trim() is { Length: > 0 } comment ? comment : $"Publish {_name.Trim()}",
                    _trial.ConfirmWithin, _trial.RevertIf, _gone.Token);
            _focusTry = true;
            _live = new(_name.Trim(), _address.Trim(), result.Version ?? 0, Connection.BaseAddress.Host);
            if (_kept is not null)
                await _kept.ClearAsync();
            Feed.Refresh();
            await Toasts.AppliedAsync(result, Stopwatch.GetElapsedTime(started));
            await TryAsync();
        }
        catch (AdminApiException e)
        {
            (_run, _problem, _refused) = (null, e.Problem, true);
        }
        finally
        {
            _busy = false;
        }
    }

    protected override async Task OnAfterRenderAsync(bool firstRender)
    {
        // It may be of the rendering before, in which the place for the answer was not there yet.
        if (!_focusTry || _live is null || _try.Context is null)
            return;
        _focusTry = false;
        await ScriptModule.IgnoreGoneAsync(() => _try.FocusAsync().AsTask());
    }

    private async Task TryAsync()
    {
        _trying = true;
        StateHasChanged();
        _tried = await TriedRequest.SendAsync(_live!.Url(_path), _gone.Token);
        _trying = false;
    }

    private async Task Again()
    {
        await LookAsync();
        (_live, _tried, _run, _problem, _form, _try) = (null, null, null, null, new(), default);
        (_name, _upstreams, _comment, _path, _trial) = ("", "", "", "/", new());
        _address = _suggested = Suggested();
    }

    private void OnFeedChanged() => _ = InvokeAsync(async () =>
    {
        if (_live is not null)
            return;
        await LookAsync();
        if (!_busy && !_refused)
            await CheckAsync(TimeSpan.Zero);
        StateHasChanged();
    });

    public void Dispose()
    {
        Feed.Changed -= OnFeedChanged;
        _gone.Cancel();
    }
}
