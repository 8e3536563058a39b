using Managed.Proxy.Core.Buffers;

namespace Managed.Proxy.Bindings.Wasm;

/// <summary>
/// The message queues of all vm_ids. Of the plugins that have registered a queue and still run, the last is told of messages; any VM may send
/// and take them.
/// </summary>
internal sealed class SharedQueues
{
    private const int MaxQueues = 1000;
    private const long MaxQueueBytes = 16 << 20;
    private const int Overhead = 32;

    private sealed class Queue
    {
        public readonly Queue<byte[]> Messages = new();
        public long Size;
        public readonly List<(object Owner, Action<int> Tell)> Listeners = [];
    }

    private readonly Lock _lock = new();
    private readonly Dictionary<(string VmId, string Name), int> _names = [];
    private readonly List<Queue> _queues = [new()]; // numbers begin at 1

    /// <summary>The number of the queue, the same for the same name; 0 when there are too many.</summary>
    public int Register(string vmId, string name)
    {
        lock (_lock)
        {
            if (!_names.TryGetValue((vmId, name), out int id))
            {
                if (_queues.Count > MaxQueues) return 0;
                id = _queues.Count;
                _queues.Add(new Queue());
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
        }
    }

    /// <summary>The owner has gone; whoever registered before it is told of messages again.</summary>
    public void Leave(int id, object owner)
    {
        lock (_lock) _queues[id].Listeners.RemoveAll(l => ReferenceEquals(l.Owner, owner));
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
            if (queue.Size + message.Length + Overhead > MaxQueueBytes) return WasmStatus.InternalFailure;
            queue.Messages.Enqueue(message.ToArray());
            queue.Size += message.Length + Overhead;
            tell = queue.Listeners is [.., var last] ? last.Tell : null;
        }
        tell?.Invoke(id);
        return WasmStatus.Ok;
    }

    public WasmStatus Dequeue(int id, ByteWriter into)
    {
        lock (_lock)
        {
            if (id <= 0 || id >= _queues.Count) return WasmStatus.NotFound;
            var queue = _queues[id];
            if (!queue.Messages.TryDequeue(out byte[]? message)) return WasmStatus.Empty;
            queue.Size -= message.Length + Overhead;
            into.Write(message);
            return WasmStatus.Ok;
        }
    }
}
