using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Bindings.Wasm;

/// <summary>
/// The host's side of a guest's context: a plugin (root) or one stream or connection. What a kind of context does not have answers
/// BAD_ARGUMENT here; a span that is given out is valid until the guest runs again.
/// </summary>
internal abstract class WasmContext
{
    /// <summary>Its number in its VM; 0: it has none (yet, or any more).</summary>
    public int Id { get; internal set; }
    /// <summary>The VM it lives in.</summary>
    public WasmVm Vm { get; protected set; } = null!;
    /// <summary>The plugin it belongs to; itself for a plugin.</summary>
    public abstract WasmContext Root { get; }

    /// <summary>A map; null when there is none at this moment. False: this kind of context never has it.</summary>
    public virtual bool TryMap(WasmMap map, out HeaderMap? headers)
    {
        headers = null;
        return false;
    }

    /// <summary>Why a guest may not put this field into this map; null when it may.</summary>
    public virtual string? Refuses(WasmMap map, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value) => null;
    /// <summary>The guest has changed a map.</summary>
    public virtual void OnMapChanged(WasmMap map) { }

    /// <summary>Bytes to read; false when there are none at this moment.</summary>
    public virtual bool TryBuffer(WasmBuffer buffer, out ReadOnlySpan<byte> bytes)
    {
        bytes = default;
        return false;
    }

    /// <summary>A plugin within its configuration.</summary>
    public virtual bool IsConfiguring => false;

    /// <summary>The same to change; null when it cannot be.</summary>
    public virtual ByteWriter? Writable(WasmBuffer buffer) => null;
    public virtual void OnBufferChanged(WasmBuffer buffer) { }

    /// <summary>Writes the value of an attribute in the ABI's encoding; false when there is none of this path.</summary>
    public virtual bool TryProperty(ReadOnlySpan<byte> path, ByteWriter into) => false;
    public virtual WasmStatus SetProperty(ReadOnlySpan<byte> path, ReadOnlySpan<byte> value) => WasmStatus.BadArgument;

    /// <summary>The same without the guests' own prefix: for other filters.</summary>
    public virtual WasmStatus SetFilterState(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) => WasmStatus.BadArgument;

    public virtual WasmStatus SendLocalResponse(int status, ReadOnlySpan<byte> details, ReadOnlySpan<byte> body, ReadOnlySpan<byte> headers,
        int grpcStatus) => WasmStatus.BadArgument;
    /// <summary>Takes effect when the guest has returned.</summary>
    public virtual WasmStatus Continue(WasmStream stream) => WasmStatus.BadArgument;
    /// <summary>Continues what <see cref="Continue"/> was asked for; no guest runs.</summary>
    public virtual void Resume(WasmStream stream) { }
    public virtual WasmStatus Close(WasmStream stream) => WasmStatus.BadArgument;
    /// <summary>Where there is no route there is nothing to forget; no host calls that an error.</summary>
    public virtual WasmStatus ClearRouteCache() => WasmStatus.Ok;
    public virtual WasmStatus Done() => WasmStatus.NotFound;

    /// <summary>Writes the text to the log, with what the context knows of its stream.</summary>
    public abstract void Log(WasmLogLevel level, ReadOnlySpan<byte> text);

    // Of a plugin, whichever context asks.
    public virtual WasmStatus SetTickPeriod(uint milliseconds) => WasmStatus.BadArgument;
    public virtual WasmStatus HttpCall(WasmContext asker, ReadOnlySpan<byte> upstream, ReadOnlySpan<byte> headers, ReadOnlySpan<byte> body,
        ReadOnlySpan<byte> trailers, int timeoutMs, out int id)
    {
        id = 0;
        return WasmStatus.BadArgument;
    }

    public virtual WasmStatus GrpcCall(WasmContext asker, ReadOnlySpan<byte> upstream, ReadOnlySpan<byte> service,
        ReadOnlySpan<byte> method, ReadOnlySpan<byte> metadata, ReadOnlySpan<byte> message, int timeoutMs, bool streaming, out int id)
    {
        id = 0;
        return WasmStatus.BadArgument;
    }

    public virtual WasmStatus GrpcSend(int id, ReadOnlySpan<byte> message, bool end) => WasmStatus.NotFound;
    public virtual WasmStatus GrpcEnd(int id, bool cancel) => WasmStatus.NotFound;
    /// <summary>The result of the last call that failed, within its callback.</summary>
    public virtual void CallStatus(out int code, out ReadOnlySpan<byte> message)
    {
        code = 0;
        message = default;
    }

    /// <summary>A named function of the host; false: there is none of this name.</summary>
    public virtual bool TryForeign(ReadOnlySpan<byte> name, ReadOnlySpan<byte> arguments, ByteWriter result, out WasmStatus status)
    {
        status = WasmStatus.NotFound;
        return false;
    }

    public virtual WasmStatus RegisterQueue(ReadOnlySpan<byte> name, out int id)
    {
        id = 0;
        return WasmStatus.BadArgument;
    }
}
