using Managed.Dashboard.Components.Controls;
using Microsoft.JSInterop;

namespace Managed.Dashboard.Components.Layout;

/// <summary>What the frame needs of the browser (shell.js): theme, clipboard, keys.</summary>
internal sealed class Shell(IJSRuntime js) : IAsyncDisposable
{
    private readonly ScriptModule _script = new(js, "shell.js");

    public event Action? DarkChanged;

    public bool Dark { get; private set; }

    /// <summary>system, light or dark.</summary>
    public string ThemeChoice { get; private set; } = "system";

    public async Task AttachAsync<T>(DotNetObjectReference<T> frame) where T : class
    {
        var theme = await _script.InvokeAsync<ThemeState>("attach", frame);
        Take(theme);
    }

    public async Task ChooseThemeAsync(string choice) => Take(await _script.InvokeAsync<ThemeState>("chooseTheme", choice));

    public void Take(ThemeState theme)
    {
        (ThemeChoice, Dark) = (theme.Choice, theme.Dark);
        DarkChanged?.Invoke();
    }

    /// <returns>False where the browser refuses the clipboard.</returns>
    public async Task<bool> CopyAsync(string text) => await _script.InvokeAsync<bool>("copy", text);

    /// <summary>To the heading of the page, unless somebody is in one of its fields already.</summary>
    public async Task FocusHeadingAsync() => await _script.InvokeVoidAsync("focusHeading");

    /// <summary>Rooms, resources and actions by name.</summary>
    public async Task OpenPaletteAsync() => await _script.InvokeVoidAsync("openPalette");

    public ValueTask DisposeAsync() => _script.DisposeAsync();
}

public sealed record ThemeState(string Choice, bool Dark);
