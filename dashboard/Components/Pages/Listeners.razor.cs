using Managed.Dashboard.AdminApi;
using Managed.Dashboard.Components.Controls;

namespace Managed.Dashboard.Components.Pages;

/// <summary>The table of listeners.</summary>
public sealed partial class Listeners
{
    private readonly Loadable<IReadOnlyList<ListenerDocument>> _listeners = new();
    private readonly Loadable<StatsSnapshot> _stats = new();
    private Dictionary<string, string>? _states;

    protected override Task LoadAsync() => Task.WhenAll(
        _listeners.LoadAsync(Api.ListenersAsync, Gone),
        LoadStatesAsync(),
        _stats.LoadAsync(c => Api.StatsAsync(@"^listener\.", c), Gone));

    private async Task LoadStatesAsync()
    {
        try
        {
            _states = (await Api.StatusAsync(Gone)).Listeners?.ToDictionary(l => l.Name, l => l.State ?? "", StringComparer.Ordinal);
        }
        catch (Exception e) when (e is AdminApiException or OperationCanceledException)
        {
            // The table is shown without.
        }
    }

    /// <summary>Null: it is not known. Empty: the node has not opened it.</summary>
    private string? StateOf(ListenerDocument listener) => _states is null ? null : _states.GetValueOrDefault(listener.Name, "");

    private long? Connections(ListenerDocument listener)
    {
        var name = $"listener.{listener.StatPrefix}.downstream_cx_active";
        return _stats.Value?.Stats?.FirstOrDefault(s => s.Name == name) is { } stat ? (long)stat.Value : null;
    }

    private List<ListenerDocument> Rows(IReadOnlyList<ListenerDocument> all)
    {
        var rows = all.Where(l => IsAskedFor(l.Name) || IsAskedFor(l.Address));
        return Ordered(SortKey.TrimStart('-') switch
        {
            "address" => rows.OrderBy(l => l.Address, StringComparer.Ordinal),
            "serves" => rows.OrderBy(l => l.Serves, StringComparer.Ordinal),
            "chains" => rows.OrderBy(l => l.Chains),
            "connections" => rows.OrderBy(l => Connections(l) ?? -1),
            _ => rows.OrderBy(l => l.Name, StringComparer.OrdinalIgnoreCase),
        }, l => l.Name);
    }
}
