using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Headers;
using Wasmtime;

namespace Managed.Proxy.Bindings.Wasm;

/// <summary>Host functions on streams and connections: maps, buffers, going on and ending, calls to elsewhere.</summary>
internal static partial class HostFunctions
{
    private const int MaxName = 512;
    // What a guest may make of a body: Envoy's default buffer limit four times over.
    private const int MaxReplaced = 4 << 20;

    // ---- maps

    private static int GetPairs(Caller caller, int map, int value, int size)
    {
        var vm = WasmVm.From(caller);
        if (Map(vm, map, out var headers) is var status and not WasmStatus.Ok) return (int)status;
        vm.Scratch.Clear();
        // Four zero bytes for an empty map: every SDK reads them, and old Go ones fail at nothing.
        if (headers is null) vm.Scratch.Write("\0\0\0\0"u8); else HeaderPairs.Write(headers, vm.Scratch);
        return (int)vm.Return(vm.Scratch.Written, value, size);
    }

    private static int GetMapSize(Caller caller, int map, int size)
    {
        var vm = WasmVm.From(caller);
        if (Map(vm, map, out var headers) is var status and not WasmStatus.Ok) return (int)status;
        if (headers is null) return Answer(vm.TryWrite(size, 0));
        vm.Scratch.Clear();
        HeaderPairs.Write(headers, vm.Scratch);
        return Answer(vm.TryWrite(size, vm.Scratch.Length));
    }

    private static int GetHeader(Caller caller, int map, int key, int keySize, int value, int size)
    {
        var vm = WasmVm.From(caller);
        if (Map(vm, map, out var headers) is var status and not WasmStatus.Ok) return (int)status;
        if (!vm.TryRead(key, keySize, out var name) || !vm.IsWritable(value, 4) || !vm.IsWritable(size, 4))
            return (int)WasmStatus.InvalidMemoryAccess;
        scoped ReadOnlySpan<byte> found = default;
        Span<byte> buffer = stackalloc byte[MaxName];
        bool there = headers is not null && Lower(map, name, buffer, out var lower) && headers.TryGet(lower, out found);
        // 0.1.0 knows no NOT_FOUND here: a field that is not there is empty.
        if (!there && vm.Program.Module.Abi != "0.1.0") return (int)WasmStatus.NotFound;
        return (int)vm.Return(found, value, size);
    }

    private static int AddHeader(Caller caller, int map, int key, int keySize, int value, int size)
        => Change(caller, map, key, keySize, value, size, add: true);

    private static int ReplaceHeader(Caller caller, int map, int key, int keySize, int value, int size)
        => Change(caller, map, key, keySize, value, size, add: false);

    private static int Change(Caller caller, int map, int key, int keySize, int value, int size, bool add)
    {
        var vm = WasmVm.From(caller);
        if (Map(vm, map, out var headers) is var status and not WasmStatus.Ok) return (int)status;
        if (!vm.TryRead(key, keySize, out var name) || !vm.TryRead(value, size, out var bytes)) return (int)WasmStatus.InvalidMemoryAccess;
        if (headers is null || !Lower(map, name, stackalloc byte[MaxName], out var lower)) return (int)WasmStatus.BadArgument;
        return (int)Put(vm.Context!, (WasmMap)map, headers, lower, bytes, add);
    }

    private static int RemoveHeader(Caller caller, int map, int key, int keySize)
    {
        var vm = WasmVm.From(caller);
        if (Map(vm, map, out var headers) is var status and not WasmStatus.Ok) return (int)status;
        if (!vm.TryRead(key, keySize, out var name)) return (int)WasmStatus.InvalidMemoryAccess;
        if (headers is null) return (int)WasmStatus.BadArgument;
        // A message cannot be without its pseudo-headers; removing what is not there is right.
        if (Lower(map, name, stackalloc byte[MaxName], out var lower) && lower[0] != ':' && headers.Remove(lower) > 0)
            vm.Context!.OnMapChanged((WasmMap)map);
        return (int)WasmStatus.Ok;
    }

    private static int SetPairs(Caller caller, int map, int pairs, int size)
    {
        var vm = WasmVm.From(caller);
        if (Map(vm, map, out var headers) is var status and not WasmStatus.Ok) return (int)status;
        if (!vm.TryRead(pairs, size, out var bytes)) return (int)WasmStatus.InvalidMemoryAccess;
        if (headers is null) return (int)WasmStatus.BadArgument;
        if (!HeaderPairs.TryOpen(bytes, out var reader)) return (int)WasmStatus.SerializationFailure;
        // Pseudo-headers that are not given stay, and so does the length that is given: it is not the guest's to change.
        Span<byte> buffer = stackalloc byte[MaxName];
        bool length = false;
        for (var look = reader; look.Next(out var name, out _);)
            length |= Lower(map, name, buffer, out var lower) && lower.SequenceEqual("content-length"u8);
        int cursor = 0;
        while (headers.Next(ref cursor, out ReadOnlySpan<byte> old, out _))
            if (old[0] != ':' && !(length && old.SequenceEqual("content-length"u8))) headers.RemoveLast(cursor);
        var context = vm.Context!;
        while (reader.Next(out var name, out var value))
            if (Lower(map, name, buffer, out var lower)) Put(context, (WasmMap)map, headers, lower, value, add: lower[0] != ':');
        context.OnMapChanged((WasmMap)map);
        return (int)WasmStatus.Ok;
    }

    private static WasmStatus Put(WasmContext context, WasmMap map, HeaderMap headers, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value,
        bool add)
    {
        // How a message is framed is the proxy's matter, whatever a guest says. Not an error: in Envoy it is none, and guests of the Rust
        // SDK panic at one.
        if (FieldSyntax.LooksLikeFraming(name) || name.SequenceEqual("connection"u8))
        {
            if (context.Vm.Program.LogLevel() <= WasmLogLevel.Debug)
                context.Log(WasmLogLevel.Debug,
                    System.Text.Encoding.Latin1.GetBytes(
                        $"header '{System.Text.Encoding.Latin1.GetString(name)}' is left alone: the proxy frames the message"));
            return WasmStatus.Ok;
        }
        if (context.Refuses(map, name, value) is { } reason)
        {
            context.Log(WasmLogLevel.Warn,
                System.Text.Encoding.UTF8.GetBytes($"header '{System.Text.Encoding.Latin1.GetString(name)}' is not set: {reason}"));
            return WasmStatus.BadArgument;
        }
        if (!headers.HasRoomFor(name.Length + value.Length)) return WasmStatus.InternalFailure;
        // Pseudo-headers there is one of.
        if (add && name[0] != ':') headers.Add(name, value); else headers.Set(name, value);
        context.OnMapChanged(map);
        return WasmStatus.Ok;
    }

    private static WasmStatus Map(WasmVm vm, int map, out HeaderMap? headers)
    {
        headers = null;
        if (map is < 0 or >= (int)WasmMap.Count || vm.Context is not { } context || !context.TryMap((WasmMap)map, out headers))
            return WasmStatus.BadArgument;
        return WasmStatus.Ok;
    }

    /// <summary>
    /// A field name in lower case; false when it is none. Guests write them in any case, and a request's authority by its older name too.
    /// </summary>
    private static bool Lower(int map, ReadOnlySpan<byte> name, Span<byte> buffer, out ReadOnlySpan<byte> lower)
    {
        lower = default;
        if (name.IsEmpty || name.Length > buffer.Length) return false;
        name.CopyTo(buffer);
        buffer = buffer[..name.Length];
        lower = buffer;
        if (!FieldSyntax.LowerName(buffer[0] == ':' ? buffer[1..] : buffer)) return false;
        if (map == (int)WasmMap.RequestHeaders && lower.SequenceEqual("host"u8)) lower = ":authority"u8;
        return true;
    }

    // ---- buffers

    private static int GetBuffer(Caller caller, int buffer, int start, int max, int value, int size)
    {
        var vm = WasmVm.From(caller);
        if (buffer is < 0 or >= (int)WasmBuffer.Count || (ulong)(uint)start + (uint)max > uint.MaxValue) return (int)WasmStatus.BadArgument;
        if (vm.Context is not { } context) return (int)WasmStatus.BadArgument;
        if (!context.TryBuffer((WasmBuffer)buffer, out var bytes)) return (int)WasmStatus.NotFound;
        int from = (int)Math.Min((uint)start, (uint)bytes.Length);
        // AssemblyScript's SDK 0.1.8 asks for its configuration in a way that makes it read the value even when the size is 0.
        return (int)vm.Return(bytes.Slice(from, (int)Math.Min((uint)max, (uint)(bytes.Length - from))), value, size,
            allocateEmpty: buffer == (int)WasmBuffer.PluginConfiguration);
    }

    private static int GetBufferStatus(Caller caller, int buffer, int size, int flags)
    {
        var vm = WasmVm.From(caller);
        if (buffer is < 0 or >= (int)WasmBuffer.Count || vm.Context is not { } context) return (int)WasmStatus.BadArgument;
        if (!context.TryBuffer((WasmBuffer)buffer, out var bytes)) return (int)WasmStatus.NotFound;
        return Answer(vm.TryWrite(size, bytes.Length) && vm.TryWrite(flags, 0));
    }

    private static int SetBuffer(Caller caller, int buffer, int start, int length, int value, int size)
    {
        var vm = WasmVm.From(caller);
        if (buffer is < 0 or >= (int)WasmBuffer.Count || vm.Context is not { } context) return (int)WasmStatus.BadArgument;
        if (!vm.TryRead(value, size, out var bytes)) return (int)WasmStatus.InvalidMemoryAccess;
        if (context.Writable((WasmBuffer)buffer) is not { } target)
            return (int)(context.TryBuffer((WasmBuffer)buffer, out _) ? WasmStatus.BadArgument : WasmStatus.NotFound);
        if (!Replace(target, (uint)start, (uint)length, bytes)) return (int)WasmStatus.InternalFailure;
        context.OnBufferChanged((WasmBuffer)buffer);
        return (int)WasmStatus.Ok;
    }

    // Start 0 and length 0 puts it in front, a start at or after the end behind; a length beyond the end is cut.
    // False: it would grow to more than a guest may make of it.
    private static bool Replace(ByteWriter target, uint start, uint length, ReadOnlySpan<byte> bytes)
    {
        int from = (int)Math.Min(start, (uint)target.Length), count = (int)Math.Min(length, (uint)(target.Length - from)),
            tail = target.Length - from - count;
        if (bytes.Length > count && (long)from + bytes.Length + tail > MaxReplaced) return false;
        target.GetSpan(bytes.Length); // room
        var all = target.Storage;
        all.Slice(from + count, tail).CopyTo(all[(from + bytes.Length)..]);
        bytes.CopyTo(all[from..]);
        target.Truncate(0);
        target.Advance(from + bytes.Length + tail);
        return true;
    }

    // ---- going on and ending

    private static int ContinueStream(Caller caller, int stream)
        => (int)(stream is < 0 or >= (int)WasmStream.Count ? WasmStatus.BadArgument
            : WasmVm.From(caller).Context?.Continue((WasmStream)stream) ?? WasmStatus.BadArgument);

    private static int CloseStream(Caller caller, int stream)
        => (int)(stream is < 0 or >= (int)WasmStream.Count ? WasmStatus.BadArgument
            : WasmVm.From(caller).Context?.Close((WasmStream)stream) ?? WasmStatus.BadArgument);

    private static int SendLocalResponse(Caller caller, int status, int details, int detailsSize, int body, int bodySize, int headers,
        int headersSize, int grpcStatus)
    {
        var vm = WasmVm.From(caller);
        if (vm.Context is not { } context) return (int)WasmStatus.BadArgument;
        if (!vm.TryRead(details, detailsSize, out var why) || !vm.TryRead(body, bodySize, out var bytes)
            || !vm.TryRead(headers, headersSize, out var pairs)) return (int)WasmStatus.InvalidMemoryAccess;
        if (bytes.Length > MaxReplaced) return (int)WasmStatus.BadArgument;
        why = why[..Math.Min(why.Length, MaxName)];
        return (int)context.SendLocalResponse(status, why, bytes, pairs, grpcStatus);
    }

    // ---- calls

    private static int HttpCall(Caller caller, int upstream, int upstreamSize, int headers, int headersSize, int body, int bodySize,
        int trailers, int trailersSize, int timeoutMs, int id)
    {
        var vm = WasmVm.From(caller);
        if (vm.Context is not { } context) return (int)WasmStatus.BadArgument;
        if (!vm.TryRead(upstream, upstreamSize, out var to) || !vm.TryRead(headers, headersSize, out var head)
            || !vm.TryRead(body, bodySize, out var bytes) || !vm.TryRead(trailers, trailersSize, out var tail) || !vm.IsWritable(id, 4))
            return (int)WasmStatus.InvalidMemoryAccess;
        var status = context.Root.HttpCall(context, to, head, bytes, tail, timeoutMs, out int number);
        if (status == WasmStatus.Ok) vm.TryWrite(id, number);
        return (int)status;
    }

    private static int GrpcCall(Caller caller, int upstream, int upstreamSize, int service, int serviceSize, int method, int methodSize,
        int metadata, int metadataSize, int message, int messageSize, int timeoutMs, int id)
    {
        var vm = WasmVm.From(caller);
        if (!vm.TryRead(message, messageSize, out var bytes)) return (int)WasmStatus.InvalidMemoryAccess;
        return Grpc(vm, upstream, upstreamSize, service, serviceSize, method, methodSize, metadata, metadataSize, bytes, timeoutMs,
            streaming: false, id);
    }

    private static int GrpcStream(Caller caller, int upstream, int upstreamSize, int service, int serviceSize, int method, int methodSize,
        int metadata, int metadataSize, int id)
        => Grpc(WasmVm.From(caller), upstream, upstreamSize, service, serviceSize, method, methodSize, metadata, metadataSize, default, 0,
            streaming: true, id);

    private static int Grpc(WasmVm vm, int upstream, int upstreamSize, int service, int serviceSize, int method, int methodSize,
        int metadata, int metadataSize, ReadOnlySpan<byte> message, int timeoutMs, bool streaming, int id)
    {
        if (vm.Context is not { } context) return (int)WasmStatus.BadArgument;
        if (!vm.TryRead(upstream, upstreamSize, out var to) || !vm.TryRead(service, serviceSize, out var what)
            || !vm.TryRead(method, methodSize, out var how) || !vm.TryRead(metadata, metadataSize, out var pairs) || !vm.IsWritable(id, 4))
            return (int)WasmStatus.InvalidMemoryAccess;
        var status = context.Root.GrpcCall(context, to, what, how, pairs, message, timeoutMs, streaming, out int number);
        if (status == WasmStatus.Ok) vm.TryWrite(id, number);
        return (int)status;
    }

    private static int GrpcSend(Caller caller, int id, int message, int size, int end)
    {
        var vm = WasmVm.From(caller);
        if (vm.Context is not { } context) return (int)WasmStatus.BadArgument;
        return vm.TryRead(message, size, out var bytes) ? (int)context.Root.GrpcSend(id, bytes, end != 0)
            : (int)WasmStatus.InvalidMemoryAccess;
    }
}
