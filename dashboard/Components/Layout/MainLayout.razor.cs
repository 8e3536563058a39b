using Managed.Dashboard.AdminApi;
using Managed.Dashboard.Hosting;
using Managed.Dashboard.Live;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Web;
using Microsoft.JSInterop;
using MudBlazor;

namespace Managed.Dashboard.Components.Layout;

/// <summary>The frame of every room: rail, node, active version, connection, theme, account, keys.</summary>
public sealed partial class MainLayout : IDisposable
{
    private static readonly MudTheme Theme = DashboardTheme.Create();
    private static readonly (string Choice, string Label)[] Themes = [("system", "Like the system"), ("light", "Light"), ("dark", "Dark")];

    private DotNetObjectReference<MainLayout>? _self;
    private ErrorBoundary? _boundary;
    private Account? _account;
    private bool _leaving;

    [Inject] private AdminApiClient Api { get; set; } = null!;
    [Inject] private DashboardOptions Options { get; set; } = null!;
    [Inject] private IDialogService Dialogs { get; set; } = null!;
    [Inject] private LiveFeed Feed { get; set; } = null!;
    [Inject] private NavigationManager Navigation { get; set; } = null!;
    [Inject] private Shell Shell { get; set; } = null!;

    private string ThemeIcon => Shell.ThemeChoice switch
    {
        "light" => Icons.Material.Outlined.LightMode,
        "dark" => Icons.Material.Outlined.DarkMode,
        _ => Icons.Material.Outlined.Contrast,
    };

    private string SkipTarget => new Uri(Navigation.Uri).PathAndQuery + "#main";

    protected override async Task OnInitializedAsync()
    {
        Feed.Changed += OnFeedChanged;
        Shell.DarkChanged += OnDarkChanged;
        _account = await Api.AccountAsync();
        Feed.Start();
    }

    protected override async Task OnAfterRenderAsync(bool firstRender)
    {
        if (!firstRender)
            return;
        _self = DotNetObjectReference.Create(this);
        await Controls.ScriptModule.IgnoreGoneAsync(() => Shell.AttachAsync(_self));
    }

    [JSInvokable]
    public void OnThemeChanged(ThemeState theme) => Shell.Take(theme);

    [JSInvokable]
    public void OnGo(string path) => Navigation.NavigateTo(path);

    [JSInvokable]
    public Task OnHelp() => Dialogs.ShowAsync<ShortcutsDialog>("Keyboard shortcuts",
        new DialogOptions { MaxWidth = MaxWidth.ExtraSmall, FullWidth = true, CloseButton = true });

    [JSInvokable]
    public void OnRollBack(long version) => _ = InvokeAsync(() => Controls.RollBackDialog.ShowAsync(Dialogs, version));

    private void OnDarkChanged() => _ = InvokeAsync(StateHasChanged);

    private void OnFeedChanged() => _ = InvokeAsync(() =>
    {
        if (Feed.State == FeedState.SignedOut && !_leaving)
        {
            _leaving = true;
            var back = Uri.EscapeDataString(new Uri(Navigation.Uri).PathAndQuery);
            Navigation.NavigateTo($"/sign-in?reason=expired&return={back}", forceLoad: true);
        }
        StateHasChanged();
    });

    protected override void OnParametersSet() => _boundary?.Recover();

    public void Dispose()
    {
        Feed.Changed -= OnFeedChanged;
        Shell.DarkChanged -= OnDarkChanged;
        _self?.Dispose();
    }
}
