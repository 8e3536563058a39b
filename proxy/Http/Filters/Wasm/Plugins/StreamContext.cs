using System.Text;
using Managed.Proxy.Bindings.Wasm;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Streams;

namespace Managed.Proxy.Http.Filters.Wasm.Plugins;

/// <summary>
/// What contexts of HTTP streams and of connections have in common: their plugin, properties, log lines, and that they can fail.
/// </summary>
internal abstract class StreamContext : WasmContext
{
    private const int MaxStates = 100, MaxState = 1 << 20, MaxKey = 4 << 10; // of one stream

    private PluginContext _root = null!;

    protected StreamContext()
    {
    }

    protected StreamContext(PluginContext root) => Enter(root);

    public override WasmContext Root => _root;
    public PluginContext Plugin => _root;
    public abstract StreamInfo Info { get; }
    /// <summary>For log lines: the request's id, or the connection's.</summary>
    public abstract string RequestId { get; }
    public abstract long Version { get; }
    /// <summary>Where its calls may go.</summary>
    public abstract IReadOnlyDictionary<string, Upstream.Cluster> Clusters { get; }
    /// <summary>The HTTP stream; null for a connection.</summary>
    public virtual HttpStream? Http => null;
    /// <summary>The name that the filter has in its chain.</summary>
    public virtual string FilterName => "";
    /// <summary>Calls to elsewhere that it has asked for.</summary>
    public int Asked { get; set; }
    /// <summary>It counts among its VM's users.</summary>
    protected bool Held { get; set; }

    /// <summary>The guest failed on it: it does without the plugin from here on, or ends, as the policy says.</summary>
    public abstract void Fail();

    /// <summary>It has failed, and its VM need not wait for its end.</summary>
    public abstract void Leave();

    protected void Enter(PluginContext root)
    {
        _root = root;
        Asked = 0;
        Vm = root.Vm;
        Held = true;
    }

    public override bool TryProperty(ReadOnlySpan<byte> path, ByteWriter into) => Properties.TryWrite(path, Info, Http, _root, into);

    public override WasmStatus SetProperty(ReadOnlySpan<byte> path, ReadOnlySpan<byte> value)
    {
        path = Properties.Trim(path);
        return path.IsEmpty || path.Length > MaxKey ? WasmStatus.BadArgument : Keep(Properties.StateKey(path), value);
    }

    public override WasmStatus SetFilterState(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        return key.Length > MaxKey ? WasmStatus.BadArgument : Keep(Encoding.UTF8.GetString(key), value);
    }

    private WasmStatus Keep(string key, ReadOnlySpan<byte> value)
    {
        var state = Info.FilterState ??= [];
        if (state.Count >= MaxStates && !state.ContainsKey(key)) return WasmStatus.InternalFailure;
        long size = value.Length;
        foreach (var (name, held) in state) size += name == key ? 0 : (held as byte[])?.Length ?? 0;
        if (size > MaxState) return WasmStatus.InternalFailure;
        return Info.TrySetState(key, value.ToArray()) ? WasmStatus.Ok : WasmStatus.BadArgument;
    }

    public override bool TryForeign(ReadOnlySpan<byte> name, ReadOnlySpan<byte> arguments, ByteWriter result, out WasmStatus status)
        => ForeignFunctions.TryCall(this, name, arguments, result, out status);

    public override void Log(WasmLogLevel level, ReadOnlySpan<byte> text)
    {
        if (PluginContext.MaySay(_root.Machine, level))
            PluginContext.Say(_root.Machine, Vm.Worker, _root.Plugin.Name, level, text, RequestId, Version);
    }
}
