using System.Threading.Channels;
using Managed.Proxy;
using Managed.Proxy.Core;

namespace Managed.AdminApi.Events;

/// <summary>
/// Takes what the data plane tells off its threads: a worker must neither serialise nor wait for a reader of the event stream.
/// </summary>
internal sealed class ProxyEvents
{
    private const int Waiting = 4096;

    private readonly Channel<ProxyEvent> _channel =
        Channel.CreateBounded<ProxyEvent>(new BoundedChannelOptions(Waiting) { SingleReader = true,
            FullMode = BoundedChannelFullMode.DropWrite });
    private readonly EventLog _log;

    public ProxyEvents(ProxyServer proxy, EventLog log)
    {
        _log = log;
        proxy.EventRaised += e => _channel.Writer.TryWrite(e);
        _ = Task.Run(CopyAsync);
    }

    private async Task CopyAsync()
    {
        await foreach (var told in _channel.Reader.ReadAllAsync())
        {
            try
            {
                _log.Add(told.Type, told.Data);
            }
            catch (Exception)
            {
                // That event is lost; those after it are not.
            }
        }
    }
}
