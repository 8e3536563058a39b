using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Tls;

namespace Managed.Proxy;

/// <summary>
/// What one process hands to the next so that clients do not notice: sockets that are listened on, and the keys of session tickets.
/// </summary>
/// <param name="Sockets">Descriptors by the key of their address; whoever gets them closes them.</param>
/// <param name="TicketKeys">By their place of use; secret.</param>
public sealed record Handover(IReadOnlyDictionary<string, IReadOnlyList<int>> Sockets, IReadOnlyDictionary<string, byte[]> TicketKeys);

/// <summary>
/// One process after another on the same sockets. The new one is made with what it was handed
/// (<see cref="ProxyOptions.Inherited"/>), publishes the same version, and accepts nothing before
/// <see cref="BeginAcceptingAsync"/>. Until <see cref="OwnSockets"/> the other accepts too and may go on alone: whichever of the two stops
/// leaves the files of Unix sockets to the other.
/// </summary>
public sealed partial class ProxyServer
{
    private readonly Dictionary<string, IReadOnlyList<int>> _inherited = [];
    private volatile bool _holds, _sharesSockets;

    /// <summary>
    /// What another process needs to go on here. The descriptors stay ours, and are open as long as nothing is published.
    /// </summary>
    public async Task<Handover> HandOverAsync()
    {
        await _publishing.WaitAsync();
        try
        {
            return new(_addresses.ToDictionary(a => a.Key, a => a.Value.Sockets),
                _shared.All<TicketKeys>().ToDictionary(k => k.Key, k => k.Value.Export()));
        }
        finally
        {
            _publishing.Release();
        }
    }

    /// <summary>Another process accepts on these sockets as well: to be said before a stop.</summary>
    public void ShareSockets() => _sharesSockets = true;

    /// <summary>All workers accept. False when they did not begin in time.</summary>
    /// <exception cref="InvalidOperationException">Something was handed over that the version does not listen on.</exception>
    public async Task<bool> BeginAcceptingAsync()
    {
        await _publishing.WaitAsync();
        try
        {
            if (_inherited.Count > 0)
                throw new InvalidOperationException(
                    $"the other process listens on {string.Join(", ", _inherited.Keys.Order())}, which its version does not say here");
            _holds = false;
            return await InTimeAsync(Task.WhenAll(Everywhere(worker =>
            {
                foreach (var address in _addresses.Values) address.Start(worker.Connections);
            })));
        }
        finally
        {
            _publishing.Release();
        }
    }

    /// <summary>The other process has left: sockets and files are this one's alone.</summary>
    public void OwnSockets()
    {
        foreach (var address in _addresses.Values) address.OwnFile();
        _sharesSockets = false;
    }

    private void Inherit(Handover? from)
    {
        if (from is null) return;
        _holds = _sharesSockets = true;
        foreach (var (key, sockets) in from.Sockets) _inherited[key] = sockets;
        _shared.Handed = from.TicketKeys;
    }

    // What nobody asked for.
    private void CloseInherited()
    {
        foreach (int fd in _inherited.Values.SelectMany(s => s)) Libc.close(fd);
        _inherited.Clear();
    }
}
