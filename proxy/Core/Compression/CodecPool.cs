namespace Managed.Proxy.Core.Compression;

/// <summary>Contexts of one kind that workers keep for the next message; each worker has its own.</summary>
internal sealed class CodecPool<T>(Func<T> create) where T : Codec
{
    private const int Kept = 16, MostMemory = 2 << 20; // of contexts, and of one that is worth keeping

    private const int MaxWorkers = 256; // that of WorkerContext

    private readonly Stack<T>?[] _free = new Stack<T>?[MaxWorkers];

    public T Rent(int worker) => (_free[worker] ??= new()).TryPop(out var codec) ? codec : create();

    /// <summary>Given back, whatever state it is in.</summary>
    public void Return(T codec, int worker)
    {
        if (_free[worker] is { Count: < Kept } free && codec.MemoryBytes <= MostMemory)
        {
            codec.Reset();
            free.Push(codec);
        }
        else codec.Dispose();
    }
}
