using System.Runtime.InteropServices;
using System.Text;

namespace Managed.TestKit;

/// <summary>The HPACK coder of libnghttp2, which comes with curl: another hand's work to compare ours with.</summary>
internal sealed unsafe partial class Nghttp2Hpack : IDisposable
{
    private const string Library = "libnghttp2.so.14";
    private const int Final = 1, Emit = 2;

    private readonly nint _deflater, _inflater;

    public static bool IsThere { get; } = NativeLibrary.TryLoad(Library, out _);

    public Nghttp2Hpack(int tableSize = 4096)
    {
        if (nghttp2_hd_deflate_new(out _deflater, (nuint)tableSize) != 0 || nghttp2_hd_inflate_new(out _inflater) != 0)
            throw new InvalidOperationException();
    }

    public byte[] Deflate((byte[] Name, byte[] Value)[] fields)
    {
        var pins = new List<GCHandle>();
        var nva = new Nv[fields.Length];
        for (int i = 0; i < fields.Length; i++)
            nva[i] = new Nv { Name = Pin(fields[i].Name, pins), Value = Pin(fields[i].Value, pins),
                NameLength = (nuint)fields[i].Name.Length, ValueLength = (nuint)fields[i].Value.Length };
        byte[] to = new byte[fields.Sum(f => f.Name.Length + f.Value.Length + 64) + 64];
        nint n;
        fixed (byte* t = to)
        fixed (Nv* v = nva) n = nghttp2_hd_deflate_hd(_deflater, t, (nuint)to.Length, v, (nuint)nva.Length);
        foreach (var pin in pins) pin.Free();
        return n < 0 ? throw new InvalidOperationException($"deflate: {n}") : to[..(int)n];
    }

    /// <summary>"name: value" of each field; null when it refuses the block.</summary>
    public List<string>? Inflate(ReadOnlySpan<byte> block)
    {
        var fields = new List<string>();
        fixed (byte* start = block)
        {
            byte* at = start;
            nuint left = (nuint)block.Length;
            while (true)
            {
                Nv field = default;
                int flags = 0;
                nint n = nghttp2_hd_inflate_hd2(_inflater, &field, &flags, at, left, 1);
                if (n < 0) return null;
                at += n;
                left -= (nuint)n;
                if ((flags & Emit) != 0) fields.Add($"{Text(field.Name, field.NameLength)}: {Text(field.Value, field.ValueLength)}");
                if ((flags & Final) != 0) break;
                if ((flags & Emit) == 0 && left == 0) break;
            }
        }
        nghttp2_hd_inflate_end_headers(_inflater);
        return fields;
    }

    public void Dispose()
    {
        nghttp2_hd_deflate_del(_deflater);
        nghttp2_hd_inflate_del(_inflater);
    }

    private static byte* Pin(byte[] bytes, List<GCHandle> pins)
    {
        var pin = GCHandle.Alloc(bytes.Length == 0 ? new byte[1] : bytes, GCHandleType.Pinned);
        pins.Add(pin);
        return (byte*)pin.AddrOfPinnedObject();
    }

    private static string Text(byte* at, nuint length) => Encoding.Latin1.GetString(at, (int)length);

    [StructLayout(LayoutKind.Sequential)]
    private struct Nv
    {
        public byte* Name, Value;
        public nuint NameLength, ValueLength;
        public byte Flags;
    }

    [LibraryImport(Library)] private static partial int nghttp2_hd_deflate_new(out nint deflater, nuint tableSize);
    [LibraryImport(Library)] private static partial void nghttp2_hd_deflate_del(nint deflater);
    [LibraryImport(Library)]
    private static partial nint nghttp2_hd_deflate_hd(nint deflater, byte* to, nuint room, Nv* fields, nuint count);
    [LibraryImport(Library)] private static partial int nghttp2_hd_inflate_new(out nint inflater);
    [LibraryImport(Library)] private static partial void nghttp2_hd_inflate_del(nint inflater);
    [LibraryImport(Library)]
    private static partial nint nghttp2_hd_inflate_hd2(nint inflater, Nv* field, int* flags, byte* from, nuint length, int isFinal);
    [LibraryImport(Library)] private static partial int nghttp2_hd_inflate_end_headers(nint inflater);
}
