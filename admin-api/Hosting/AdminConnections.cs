using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;

namespace Managed.AdminApi.Hosting;

/// <summary>
/// The connections that the admin port has at once, within the descriptors kept for it. When they are as many as may be, the one that has
/// had no request for longest makes room for the next: who opens connections and says nothing locks nobody out.
/// </summary>
internal sealed class AdminConnections(int most)
{
    private readonly Lock _lock = new();
    private readonly LinkedList<ConnectionContext> _idle = []; // the oldest first
    private int _open;

    public int Most => most;

    public async Task RunAsync(ConnectionContext connection, ConnectionDelegate next)
    {
        var entry = new Entry(connection);
        if (!TryEnter(entry))
        {
            connection.Abort();
            return;
        }
        connection.Items[typeof(AdminConnections)] = entry;
        try
        {
            await next(connection);
        }
        finally
        {
            lock (_lock)
            {
                Leave(entry.Node);
                _open--;
            }
        }
    }

    /// <summary>While a request is under way its connection is not idle.</summary>
    public async Task RunAsync(HttpContext context, RequestDelegate next)
    {
        ControlThread.StandBack();
        object? found = null;
        context.Features.Get<IConnectionItemsFeature>()?.Items.TryGetValue(typeof(AdminConnections), out found);
        if (found is not Entry entry)
        {
            await next(context);
            return;
        }
        lock (_lock)
            Leave(entry.Node);
        try
        {
            await next(context);
        }
        finally
        {
            lock (_lock)
                _idle.AddLast(entry.Node);
        }
    }

    private bool TryEnter(Entry entry)
    {
        ConnectionContext? oldest = null;
        lock (_lock)
        {
            if (_open >= most)
            {
                if (_idle.First is not { } first)
                    return false;
                oldest = first.Value;
                Leave(first);
            }
            _open++;
            _idle.AddLast(entry.Node);
        }
        oldest?.Abort();
        return true;
    }

    private void Leave(LinkedListNode<ConnectionContext> node)
    {
        if (node.List is not null)
            _idle.Remove(node);
    }

    private sealed class Entry(ConnectionContext connection)
    {
        public readonly LinkedListNode<ConnectionContext> Node = new(connection);
    }
}
