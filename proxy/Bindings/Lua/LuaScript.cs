using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Managed.Proxy.Core;

namespace Managed.Proxy.Bindings.Lua;

/// <summary>
/// One script text with its limits: compiled and tried on the control thread, then one state for each worker. Everything that uses the
/// same text under the same limits shares it, in all versions, so a script that a hundred routes name costs one state a worker.
/// </summary>
internal sealed class LuaScript(byte[] text, string name, LuaLimits limits, LuaLibrary[] libraries) : SharedResource
{
    private readonly LuaInstance?[] _instances = new LuaInstance?[WorkerContext.MaxWorkers];
    private readonly ConcurrentBag<LuaInstance> _ready = [];
    private volatile bool _tried;

    public string Name { get; } = name;
    /// <summary><c>sha256:</c> of the text.</summary>
    public string Digest { get; } = "sha256:" + Convert.ToHexStringLower(SHA256.HashData(text));
    public LuaLimits Limits { get; } = limits;

    /// <summary>
    /// The shared script of this text; null and a message <c>name:line: text</c> when it does not compile or fails while it is loaded.
    /// Control thread.
    /// </summary>
    public static LuaScript? Get(SharedState shared, byte[] text, string name, LuaLimits limits, LuaLibrary[] libraries, out string error)
    {
        string key = $"lua/{Convert.ToHexString(SHA256.HashData(text))}/{limits}/{name}";
        var script = shared.Lease(key, () => new LuaScript(text, name, limits, libraries));
        error = "";
        // What failed before is among the shared objects too, and is tried again.
        if (!script._tried) script._tried = script.Prepare(shared.Workers, out error);
        return error.Length == 0 ? script : null;
    }

    private bool Prepare(int workers, out string error)
    {
        error = "";
        while (_ready.Count < workers)
        {
            if (TryMake(out error) is not { } instance) return false;
            _ready.Add(instance);
        }
        return true;
    }

    /// <summary>
    /// This worker's instance; made at its first use when none is ready. Null when the script fails while it is loaded here.
    /// </summary>
    public LuaInstance? On(WorkerContext worker)
    {
        ref var instance = ref _instances[worker.Id];
        if (instance is not null) return instance;
        if (!_ready.TryTake(out instance)) instance = TryMake(out _);
        return instance;
    }

    /// <summary>The next use on this worker gets a fresh state; calls that wait keep theirs.</summary>
    public void Renew(WorkerContext worker, LuaInstance old)
    {
        if (!ReferenceEquals(_instances[worker.Id], old) || TryMake(out _) is not { } fresh) return;
        fresh.Follow(old);
        _instances[worker.Id] = fresh;
        old.Retire();
    }

    protected internal override void Release(IReadOnlyList<WorkerContext> workers)
    {
        _tried = false;
        while (_ready.TryTake(out var unused)) unused.Retire();
        foreach (var worker in workers)
            worker.Post(static s => { var (script, id) = ((LuaScript, int))s!; script.RetireOn(id); }, (this, worker.Id));
    }

    public override string Title => $"lua {Name}";

    public override void Describe(IReadOnlyList<WorkerContext> workers, ICollection<GuestVmStatus> into)
    {
        foreach (var worker in workers)
            into.Add(Volatile.Read(ref _instances[worker.Id])?.Describe(Name, Digest, worker)
                ?? new GuestVmStatus("lua", Name, Digest, worker.Id, "ready", 0, 0, 0, 0, 0, 0, null));
    }

    private void RetireOn(int worker)
    {
        var old = _instances[worker];
        _instances[worker] = null;
        old?.Retire();
    }

    private LuaInstance? TryMake(out string error)
    {
        var state = new LuaState(Limits, libraries);
        error = "";
        if (state.Load(text, Name)) return new LuaInstance(state);
        error = state.Error.Length > 0 ? state.Error : Encoding.UTF8.GetString(text[..Math.Min(40, text.Length)]) + " fails";
        state.Dispose();
        return null;
    }
}
