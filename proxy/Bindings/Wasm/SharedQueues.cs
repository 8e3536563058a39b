using Managed.Proxy.Core.Buffers;

namespace Managed.Proxy.Bindings.Wasm;

/// <summary>
/// The message queues of all vm_ids. Of the plugins that have registered a queue and still run, the last is told of messages; any VM may
/// send and take them.
/// </summary>
internal sealed class SharedQueues
{
    // Of the queues of one vm_id; messages included that wait for a VM that does not take them.
    private const int MaxQueues = 1000;
    // Of all vm_ids: numbers stay as long as the process runs.
    private const int MaxInAll = 10_000;
    private const long MaxBytes = 16 << 20;
    private const int Overhead = 100; // a message's own, about

    private sealed class Owner
    {
        public int Queues;
        public long Size;
    }

    private sealed class Queue
    {
        public required Owner Owner;
        public readonly Queue<byte[]> Messages = new();
        public readonly List<(object Owner, Action<int> Tell)> Listeners = [];
        /// <summary>How often the listener was told and has not been called for it yet.</summary>
        public int Pending;
    }

    private readonly Lock _lock = new();
    private readonly Dictionary<(string VmId, string Name), int> _names = [];
    private readonly Dictionary<string, Owner> _owners = new(StringComparer.Ordinal);
    private readonly List<Queue> _queues = [new() { Owner = new() }]; // numbers begin at 1

    /// <summary>The number of the queue, the same for the same name; 0 when there are too many.</summary>
    public int Register(string vmId, string name)
    {
        lock (_lock)
        {
            if (!_names.TryGetValue((vmId, name), out int id))
            {
                if (!_owners.TryGetValue(vmId, out var owner)) _owners.Add(vmId, owner = new Owner());
                if (owner.Queues >= MaxQueues || _queues.Count > MaxInAll) return 0;
                owner.Queues++;
                id = _queues.Count;
                _queues.Add(new Queue { Owner = owner });
                _names.Add((vmId, name), id);
            }
            return id;
        }
    }

    /// <param name="id">Of a queue that is registered.</param>
    /// <param name="owner">Whose place in the queue's list it is.</param>
    /// <param name="tell">Told of each message, on the sender's thread, with the queue's number.</param>
    public void Listen(int id, object owner, Action<int> tell)
    {
        lock (_lock)
        {
            var listeners = _queues[id].Listeners;
            listeners.RemoveAll(l => ReferenceEquals(l.Owner, owner));
            listeners.Add((owner, tell));
            _queues[id].Pending = 0; // what was for another
        }
    }

    /// <summary>The owner has gone; whoever registered before it is told of messages again, of those that wait at once.</summary>
    public void Leave(int id, object owner)
    {
        Action<int> tell;
        int waiting;
        lock (_lock)
        {
            var queue = _queues[id];
            bool wasTold = queue.Listeners is [.., var last] && ReferenceEquals(last.Owner, owner);
            queue.Listeners.RemoveAll(l => ReferenceEquals(l.Owner, owner));
            if (!wasTold) return;
            queue.Pending = 0;
            if (queue.Listeners is not [.., var next]) return;
            tell = next.Tell;
            waiting = queue.Pending = queue.Messages.Count;
        }
        for (; waiting > 0; waiting--) tell(id);
    }

    /// <summary>0 when there is none.</summary>
    public int Resolve(string vmId, string name)
    {
        lock (_lock) return _names.GetValueOrDefault((vmId, name));
    }

    public WasmStatus Enqueue(int id, ReadOnlySpan<byte> message)
    {
        Action<int>? tell;
        lock (_lock)
        {
            if (id <= 0 || id >= _queues.Count) return WasmStatus.NotFound;
            var queue = _queues[id];
            if (queue.Owner.Size + message.Length + Overhead > MaxBytes) return WasmStatus.InternalFailure;
            queue.Messages.Enqueue(message.ToArray());
            queue.Owner.Size += message.Length + Overhead;
            tell = queue.Listeners is [.., var last] ? last.Tell : null;
            // One call for each message that waits is enough, however many have come and gone.
            if (tell is null || queue.Pending >= queue.Messages.Count) return WasmStatus.Ok;
            queue.Pending++;
        }
        tell(id);
        return WasmStatus.Ok;
    }

    /// <summary>The listener is called for one message, or will not be.</summary>
    public void Told(int id)
    {
        lock (_lock)
            if (_queues[id].Pending > 0) _queues[id].Pending--;
    }

    public WasmStatus Dequeue(int id, ByteWriter into)
    {
        lock (_lock)
        {
            if (id <= 0 || id >= _queues.Count) return WasmStatus.NotFound;
            var queue = _queues[id];
            if (!queue.Messages.TryDequeue(out byte[]? message)) return WasmStatus.Empty;
            queue.Owner.Size -= message.Length + Overhead;
            into.Write(message);
            return WasmStatus.Ok;
        }
    }
}
