using System.Buffers.Binary;
using System.IO.Compression;
using Managed.Proxy.Bindings.Wasm;
using Managed.Proxy.Core.Buffers;

namespace Managed.Proxy.Http.Filters.Wasm.Plugins;

/// <summary>
/// Functions that guests call by name. Envoy's: <c>compress</c>, <c>uncompress</c> (zlib), <c>clear_route_cache</c>,
/// <c>declare_property</c>,
/// <c>set_envoy_filter_state</c>, <c>sign</c>, <c>verify_signature</c>. Ours: <c>managed.call_back</c>, which calls
/// proxy_on_foreign_function a
/// little later with the same argument. Not there (NOT_FOUND), for want of an interpreter of CEL: <c>expr_create</c>, <c>expr_evaluate</c>,
/// <c>expr_delete</c>.
/// </summary>
internal static class ForeignFunctions
{
    private const int MaxUncompressed = 1 << 20, MaxCompressed = 256 << 10; // what either takes some milliseconds for
    private const int Step = 64 << 10; // between two looks at the guest's budget: half a millisecond of compression
    /// <summary>The function_id that proxy_on_foreign_function gets from <c>managed.call_back</c>.</summary>
    public const int CallBackId = 1;

    public static bool TryCall(WasmContext context, ReadOnlySpan<byte> name, ReadOnlySpan<byte> arguments, ByteWriter result,
        out WasmStatus status)
    {
        status = WasmStatus.Ok;
        if (name.SequenceEqual("compress"u8)) status = arguments.Length > MaxCompressed ? WasmStatus.BadArgument
            : Compress(context.Vm, arguments, result);
        else if (name.SequenceEqual("uncompress"u8)) status = Uncompress(context.Vm, arguments, result);
        else if (name.SequenceEqual("clear_route_cache"u8)) status = context.ClearRouteCache();
        // properties need no declaration here
        else if (name.SequenceEqual("declare_property"u8))
            status = ProtoReader.TryField(arguments, 1, out var property) && property.Length > 0 ? WasmStatus.Ok : WasmStatus.BadArgument;
        else if (name.SequenceEqual("set_envoy_filter_state"u8))
            status = ProtoReader.TryField(arguments, 1, out var path)
                && path.Length > 0 ? context.SetFilterState(path, ProtoReader.TryField(arguments, 2, out var value) ? value : default)
                : WasmStatus.BadArgument;
        else if (name.SequenceEqual("sign"u8)) status = Signatures.Sign(arguments, result);
        else if (name.SequenceEqual("verify_signature"u8)) status = Signatures.Verify(arguments, result);
        else if (name.SequenceEqual("managed.call_back"u8))
            status = ((PluginContext)context.Root).CallBackLater(CallBackId, arguments) ? WasmStatus.Ok : WasmStatus.InternalFailure;
        else return false;
        return true;
    }

    private static WasmStatus Compress(WasmVm vm, ReadOnlySpan<byte> arguments, ByteWriter result)
    {
        using var stream = new MemoryStream();
        using (var zlib = new ZLibStream(stream, CompressionLevel.Optimal, leaveOpen: true))
            for (int at = 0; at < arguments.Length; at += Step)
            {
                zlib.Write(arguments.Slice(at, Math.Min(Step, arguments.Length - at)));
                vm.CheckBudget();
            }
        result.Write(stream.GetBuffer().AsSpan(0, (int)stream.Length));
        return WasmStatus.Ok;
    }

    private static WasmStatus Uncompress(WasmVm vm, ReadOnlySpan<byte> arguments, ByteWriter result)
    {
        using var zlib = new ZLibStream(new MemoryStream(arguments.ToArray()), CompressionMode.Decompress);
        try
        {
            while (true)
            {
                int read = zlib.Read(result.GetSpan(4096));
                vm.CheckBudget();
                if (read == 0) return IsWhole(arguments, result.Written) ? WasmStatus.Ok : WasmStatus.SerializationFailure;
                result.Advance(read);
                if (result.Length > MaxUncompressed) return WasmStatus.BadArgument; // a bomb
            }
        }
        catch (InvalidDataException)
        {
            return WasmStatus.SerializationFailure;
        }
    }

    // Data that is cut off ends like data that is whole; its sum at the end (Adler-32, RFC 1950 section 2.2) tells.
    private static bool IsWhole(ReadOnlySpan<byte> compressed, ReadOnlySpan<byte> data)
    {
        uint a = 1, b = 0;
        while (!data.IsEmpty)
        {
            var run = data[..Math.Min(data.Length, 5552)]; // as long as b stays in 32 bits
            foreach (byte value in run) b += a += value;
            (a, b) = (a % 65521, b % 65521);
            data = data[run.Length..];
        }
        return compressed.Length >= 8 && BinaryPrimitives.ReadUInt32BigEndian(compressed[^4..]) == ((b << 16) | a);
    }
}
