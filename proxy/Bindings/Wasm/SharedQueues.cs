using Managed.Proxy.Core.Buffers;

namespace Managed.Proxy.Bindings.Wasm;

/// <summary>The message queues of all vm_ids. The VM that registered a queue last is told of messages; any VM may send and take them.</summary>
internal sealed class SharedQueues
{
    // Of the queues of one vm_id; messages included that wait for a VM that does not take them.
    private const int MaxQueues = 1000;
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
        public Action<int>? Listener;
        /// <summary>How often the listener was told and has not been called for it yet.</summary>
        public int Pending;
    }

    private readonly Lock _lock = new();
    private readonly Dictionary<(string VmId, string Name), int> _names = [];
    private readonly Dictionary<string, Owner> _owners = new(StringComparer.Ordinal);
    private readonly List<Queue> _queues = [new() { Owner = new() }]; // numbers begin at 1

    /// <summary>The number of the queue, the same for the same name; 0 when there are too many.</summary>
    /// <param name="listener">Told of each message, on the sender's thread, with the queue's number.</param>
    public int Register(string vmId, string name, Action<int> listener)
    {
        lock (_lock)
        {
            if (!_names.TryGetValue((vmId, name), out int id))
            {
                if (!_owners.TryGetValue(vmId, out var owner)) _owners.Add(vmId, owner = new Owner());
                if (owner.Queues >= MaxQueues) return 0;
                owner.Queues++;
                id = _queues.Count;
                _queues.Add(new Queue { Owner = owner });
                _names.Add((vmId, name), id);
            }
            (_queues[id].Listener, _queues[id].Pending) = (listener, 0);
            return id;
        }
    }

    /// <summary>0 when there is none.</summary>
    public int Resolve(string vmId, string name)
    {
        lock (_lock) return _names.GetValueOrDefault((vmId, name));
    }

    public WasmStatus Enqueue(int id, ReadOnlySpan<byte> message)
    {
        Action<int>? listener;
        lock (_lock)
        {
            if (id <= 0 || id >= _queues.Count) return WasmStatus.NotFound;
            var queue = _queues[id];
            if (queue.Owner.Size + message.Length + Overhead > MaxBytes) return WasmStatus.InternalFailure;
            queue.Messages.Enqueue(message.ToArray());
            queue.Owner.Size += message.Length + Overhead;
            listener = queue.Listener;
            // One call for each message that waits is enough, however many have come and gone.
            if (listener is null || queue.Pending >= queue.Messages.Count) return WasmStatus.Ok;
            queue.Pending++;
        }
        listener(id);
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
