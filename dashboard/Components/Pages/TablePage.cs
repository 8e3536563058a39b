using Managed.Dashboard.AdminApi;
using Managed.Dashboard.Live;
using Microsoft.AspNetCore.Components;

namespace Managed.Dashboard.Components.Pages;

/// <summary>A page with a table of resources: filter and order live in the address, and what the node tells loads it anew.</summary>
public abstract class TablePage : ComponentBase, IDisposable
{
    /// <summary>Rows of a table: what a person reads.</summary>
    protected const int Most = 200;

    private const int Step = 32; // rows of one message of the circuit: it stays below 64 KB
    private readonly CancellationTokenSource _gone = new();
    private int _shown = Step;
    private bool _hasMore;
    private string? _asked;

    [SupplyParameterFromQuery(Name = "q")] protected string? Q { get; set; }
    [SupplyParameterFromQuery(Name = "sort")] protected string? Sort { get; set; }

    [Inject] private protected AdminApiClient Api { get; set; } = null!;
    [Inject] private LiveFeed Feed { get; set; } = null!;
    [Inject] private NavigationManager Navigation { get; set; } = null!;

    /// <summary>Who looks at it; null until that is known.</summary>
    private protected Account? Account { get; private set; }
    /// <summary>Ends with the page.</summary>
    protected CancellationToken Gone => _gone.Token;
    /// <summary>The column that the rows are ordered by, with a minus in front when it runs backwards.</summary>
    protected string SortKey => Sort ?? "name";

    protected override async Task OnInitializedAsync()
    {
        Feed.Changed += OnFeedChanged;
        Account = await Api.AccountAsync();
        await LoadAsync();
    }

    protected abstract Task LoadAsync();

    /// <summary>The rows that are drawn by now: a screenful at first, and more of them with each message that has come.</summary>
    protected IEnumerable<T> Shown<T>(List<T> rows)
    {
        _hasMore = Math.Min(rows.Count, Most) > _shown;
        return rows.Take(Math.Min(_shown, Most));
    }

    protected override void OnParametersSet()
    {
        var asked = $"{Q}\n{Sort}";
        if (asked != _asked)
            (_asked, _shown) = (asked, Step);
    }

    protected override void OnAfterRender(bool firstRender)
    {
        if (!_hasMore)
            return;
        (_hasMore, _shown) = (false, _shown + Step);
        StateHasChanged();
    }

    /// <summary>Whether a row with this text is looked for.</summary>
    protected bool IsAskedFor(string text) => string.IsNullOrEmpty(Q) || text.Contains(Q, StringComparison.OrdinalIgnoreCase);

    /// <summary>The rows by their column, those that are equal in it by their name, backwards where that is asked for.</summary>
    protected List<T> Ordered<T>(IOrderedEnumerable<T> rows, Func<T, string> name)
    {
        var list = rows.ThenBy(name, StringComparer.Ordinal).ToList();
        if (SortKey.StartsWith('-'))
            list.Reverse();
        return list;
    }

    protected void SortBy(string key) => Show(Q, SortKey == key ? "-" + key : key);

    protected void Show(string? filter, string? sort) => Navigation.NavigateTo(
        Navigation.GetUriWithQueryParameters(new Dictionary<string, object?>
        {
            ["q"] = string.IsNullOrEmpty(filter) ? null : filter,
            ["sort"] = sort is "name" ? null : sort,
        }),
        replace: true);

    private void OnFeedChanged() => _ = InvokeAsync(async () =>
    {
        await LoadAsync();
        StateHasChanged();
    });

    public void Dispose()
    {
        Feed.Changed -= OnFeedChanged;
        _gone.Cancel();
        GC.SuppressFinalize(this);
    }
}
