using System.Text;
using Managed.Proxy.Bindings.Wasm;
using Managed.Proxy.Core.Buffers;

namespace Managed.Proxy.Http.Filters.Wasm;

/// <summary>What contexts of HTTP streams and of connections have in common: their plugin, properties, log lines, and that they can fail.</summary>
internal abstract class StreamContext : WasmContext
{
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
    /// <summary>It counts among its VM's users.</summary>
    protected bool Held { get; set; }

    /// <summary>The guest failed on it: it does without the plugin from here on, or ends, as the policy says.</summary>
    public abstract void Fail();

    protected void Enter(PluginContext root)
    {
        _root = root;
        Vm = root.Vm;
        Held = true;
    }

    public override bool TryProperty(ReadOnlySpan<byte> path, ByteWriter into) => Properties.TryWrite(path, Info, (this as HttpContext)?.Stream, _root, into);

    public override WasmStatus SetProperty(ReadOnlySpan<byte> path, ReadOnlySpan<byte> value)
    {
        path = Properties.Trim(path);
        if (path.IsEmpty) return WasmStatus.BadArgument;
        (Info.FilterState ??= [])[Properties.StateKey(path)] = value.ToArray();
        return WasmStatus.Ok;
    }

    public override WasmStatus SetFilterState(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        (Info.FilterState ??= [])[Encoding.UTF8.GetString(key)] = value.ToArray();
        return WasmStatus.Ok;
    }

    public override bool TryForeign(ReadOnlySpan<byte> name, ReadOnlySpan<byte> arguments, ByteWriter result, out WasmStatus status) => ForeignFunctions.TryCall(this, name, arguments, result, out status);

    public override void Log(WasmLogLevel level, ReadOnlySpan<byte> text)
    {
        if (PluginContext.MaySay(_root.Machine, level)) PluginContext.Say(_root.Machine, Vm.Worker, _root.Plugin.Name, level, text, RequestId, Version);
    }
}
