using Microsoft.JSInterop;

namespace Managed.Dashboard.Components.Controls;

/// <summary>
/// One bundle of wwwroot/js/dist, imported at its first use. A page that the browser has left takes its scripts with it:
/// letting go of them then is no error.
/// </summary>
internal sealed class ScriptModule(IJSRuntime js, string file) : IAsyncDisposable
{
    private const string Folder = "./_content/Managed.Dashboard/js/dist/";

    private Task<IJSObjectReference>? _module;

    public async Task<T> InvokeAsync<T>(string function, params object?[] arguments)
        => await (await LoadAsync()).InvokeAsync<T>(function, arguments);

    public async Task InvokeVoidAsync(string function, params object?[] arguments)
        => await (await LoadAsync()).InvokeVoidAsync(function, arguments);

    /// <summary>Calls <c>dispose</c> on an object that the module made, and lets go of it.</summary>
    public static Task EndAsync(IJSObjectReference? made) => IgnoreGoneAsync(async () =>
    {
        if (made is null)
            return;
        await made.InvokeVoidAsync("dispose");
        await made.DisposeAsync();
    });

    public async ValueTask DisposeAsync() => await IgnoreGoneAsync(async () =>
    {
        if (_module is not null)
            await (await _module).DisposeAsync();
    });

    /// <summary>Runs what a first render starts in the browser; nothing happens when the browser has left already.</summary>
    public static async Task IgnoreGoneAsync(Func<Task> work)
    {
        try
        {
            await work();
        }
        catch (Exception e) when (e is JSDisconnectedException or TaskCanceledException or ObjectDisposedException)
        {
            // The page is gone.
        }
    }

    private Task<IJSObjectReference> LoadAsync() => _module ??= js.InvokeAsync<IJSObjectReference>("import", Folder + file).AsTask();
}
