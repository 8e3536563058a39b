using Managed.Proxy.Core.Buffers;

namespace Managed.Proxy.Bindings.Wasm;

/// <summary>The message queues of all vm_ids. The VM that registered a queue last is told of messages; any VM may send and take them.</summary>
internal sealed class SharedQueues
{
    private const int MaxQueues = 1000;
    private const long MaxQueueBytes = 16 << 20;
    private const int Overhead = 32;

    private sealed class Queue
    {
        public readonly Queue<byte[]> Messages = new();
        public long Size;
        public Action<int>? Listener;
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

    /// <param name="id">A registered queue.</param>
    /// <param name="listener">Told of each message from now on, in place of who was told before; on the sender's thread, with the queue's number.</param>
    public void Listen(int id, Action<int> listener)
    {
        lock (_lock) _queues[id].Listener = listener;
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
            if (queue.Size + message.Length + Overhead > MaxQueueBytes) return WasmStatus.InternalFailure;
            queue.Messages.Enqueue(message.ToArray());
            queue.Size += message.Length + Overhead;
            listener = queue.Listener;
        }
        listener?.Invoke(id);
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
