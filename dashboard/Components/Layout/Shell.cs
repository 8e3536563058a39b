using Microsoft.JSInterop;

namespace Managed.Dashboard.Components.Layout;

/// <summary>What the frame needs of the browser (shell.js): theme, clipboard, keys.</summary>
internal sealed class Shell(IJSRuntime js) : IAsyncDisposable
{
    public const string Scripts = "./_content/Managed.Dashboard/js/dist/";

    private Task<IJSObjectReference>? _module;

    public event Action? DarkChanged;

    public bool Dark { get; private set; }

    /// <summary>system, light or dark.</summary>
    public string ThemeChoice { get; private set; } = "system";

    public async Task AttachAsync<T>(DotNetObjectReference<T> frame) where T : class
    {
        var theme = await (await ModuleAsync()).InvokeAsync<ThemeState>("attach", frame);
        Take(theme);
    }

    public async Task ChooseThemeAsync(string choice) => Take(await (await ModuleAsync()).InvokeAsync<ThemeState>("chooseTheme", choice));

    public void Take(ThemeState theme)
    {
        (ThemeChoice, Dark) = (theme.Choice, theme.Dark);
        DarkChanged?.Invoke();
    }

    /// <returns>False where the browser refuses the clipboard.</returns>
    public async Task<bool> CopyAsync(string text) => await (await ModuleAsync()).InvokeAsync<bool>("copy", text);

    public async Task SignOutAsync() => await (await ModuleAsync()).InvokeVoidAsync("signOut");

    private Task<IJSObjectReference> ModuleAsync() => _module ??= js.InvokeAsync<IJSObjectReference>("import", Scripts + "shell.js").AsTask();

    public async ValueTask DisposeAsync()
    {
        if (_module is null)
            return;
        try
        {
            await (await _module).DisposeAsync();
        }
        catch (Exception e) when (e is JSDisconnectedException or JSException or TaskCanceledException)
        {
            // The page is gone, and with it the module.
        }
    }
}

public sealed record ThemeState(string Choice, bool Dark);
