using System.Buffers.Binary;

namespace Managed.Proxy.Core.Tls;

/// <summary>
/// Numbers and vectors as TLS writes them (RFC 8446 section 3). What is not there reads as nothing and is remembered in
/// <see cref="Failed"/>.
/// </summary>
internal ref struct WireReader(ReadOnlySpan<byte> bytes)
{
    private ReadOnlySpan<byte> _rest = bytes;

    public bool Failed { get; private set; }
    public readonly bool AtEnd => _rest.IsEmpty || Failed;

    public int UInt8() => Take(1) is [var b] ? b : 0;
    public int UInt16() => Take(2) is { Length: 2 } two ? BinaryPrimitives.ReadUInt16BigEndian(two) : 0;
    public void Skip(int count) => Take(count);

    /// <summary>A vector whose length is one byte.</summary>
    public ReadOnlySpan<byte> Vector8() => Take(UInt8());
    /// <summary>A vector whose length is two bytes.</summary>
    public ReadOnlySpan<byte> Vector16() => Take(UInt16());

    private ReadOnlySpan<byte> Take(int count)
    {
        if (Failed || _rest.Length < count)
        {
            Failed = true;
            return default;
        }
        var taken = _rest[..count];
        _rest = _rest[count..];
        return taken;
    }
}
