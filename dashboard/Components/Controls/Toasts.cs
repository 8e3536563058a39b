using System.Globalization;
using Managed.Dashboard.AdminApi;
using Managed.Dashboard.Live;
using MudBlazor;

namespace Managed.Dashboard.Components.Controls;

/// <summary>What is said after a change: "v43 live in 38 ms · Undo". Outlives the page that made the change.</summary>
internal sealed class Toasts(ISnackbar snackbar, AdminApiClient api, LiveFeed feed)
{
    /// <param name="before">The version that Undo brings back; null where there is nothing to undo.</param>
    /// <param name="took">The whole call, shown where the node does not tell how long the publication itself took.</param>
    public async Task AppliedAsync(WriteResult result, long? before, TimeSpan took)
    {
        if (!result.Changed || result.Version is null)
        {
            snackbar.Add("Nothing to change: the node already runs exactly this.", Severity.Info);
            return;
        }
        var ms = await PublicationMsAsync(result.Version.Value) ?? took.TotalMilliseconds;
        var text = string.Create(CultureInfo.InvariantCulture, $"v{result.Version} live in {ms:0} ms");
        snackbar.Add(text, Severity.Success, options =>
        {
            if (before is null)
                return;
            options.Action = "Undo";
            options.OnClick = _ => UndoAsync(before.Value, result.Version.Value);
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

    private async Task UndoAsync(long before, long undone)
    {
        try
        {
            var result = await api.RollBackAsync(before, $"Undo v{undone}", CancellationToken.None);
            feed.Refresh();
            snackbar.Add($"v{result.Version} live: v{undone} is undone", Severity.Success);
        }
        catch (AdminApiException e)
        {
            snackbar.Add($"Undo failed: {e.Message}", Severity.Error);
        }
    }
}
