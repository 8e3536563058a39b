using System.Globalization;
using Managed.Dashboard.AdminApi;
using Managed.Dashboard.Live;
using MudBlazor;

namespace Managed.Dashboard.Components.Controls;

/// <summary>What is said after a change: "v43 live in 38 ms · Undo". Outlives the page that made the change.</summary>
internal sealed class Toasts(ISnackbar snackbar, AdminApiClient api, LiveFeed feed, IDialogService dialogs)
{
    /// <param name="result">What the node answered.</param>
    /// <param name="took">The whole call, shown where the node does not tell how long the publication itself took.</param>
    public async Task AppliedAsync(WriteResult result, TimeSpan took)
    {
        if (!result.Changed || result.Version is null)
        {
            snackbar.Add("Nothing to change: the node already runs exactly this.", Severity.Info);
            return;
        }
        snackbar.Clear(); // those of former versions: theirs is no news any more, and what is new is never waiting behind them
        var ms = await PublicationMsAsync(result.Version.Value) ?? took.TotalMilliseconds;
        var text = string.Create(CultureInfo.InvariantCulture, $"v{result.Version} live in {ms:0} ms");
        snackbar.Add(text, Severity.Success, options =>
        {
            options.Action = "Undo";
            options.OnClick = _ => UndoAsync(result.Version.Value);
        });
    }

    public void Failed(string text) => snackbar.Add(text, Severity.Error);

    public void Said(string text) => snackbar.Add(text, Severity.Normal);

    private async Task<double?> PublicationMsAsync(long version)
    {
        try
        {
            return (await api.DeploymentsAsync(5, CancellationToken.None)).Items.FirstOrDefault(d => d.Version == version)?.DurationMs;
        }
        catch (AdminApiException)
        {
            return null;
        }
    }

    /// <summary>At once where nobody has touched the same places since; otherwise the places are shown first.</summary>
    private async Task UndoAsync(long version)
    {
        try
        {
            var result = await api.RevertAsync(version, $"Undo v{version}", null, CancellationToken.None);
            feed.Refresh();
            if (result.Changed)
                snackbar.Add($"v{result.Version} live: v{version} is undone", Severity.Success);
            else
                snackbar.Add($"Nothing of v{version} is left to undo.", Severity.Info);
        }
        catch (AdminApiException e) when (e.Problem.Conflicts is { Count: > 0 })
        {
            await UndoDialog.ShowAsync(dialogs, version);
        }
        catch (AdminApiException e)
        {
            snackbar.Add($"Undo failed: {e.Message}", Severity.Error);
        }
    }
}
