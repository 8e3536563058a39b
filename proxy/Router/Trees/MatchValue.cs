using System.Buffers;
using System.Net;
using System.Net.Sockets;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Router.Trees;

/// <summary>A value that a test looks at; gives back what a long one needed.</summary>
/// <param name="room">For values that have to be composed; longer ones take an array.</param>
internal ref struct MatchValue(Span<byte> room)
{
    public const int Room = 128;

    private readonly Span<byte> _room = room;
    private byte[]? _rented;

    public ReadOnlySpan<byte> Bytes { get; private set; }
    /// <summary>The value, where it is one, as an address; null otherwise.</summary>
    public IPAddress? Address { get; private set; }

    public bool Set(scoped ReadOnlySpan<byte> copied)
    {
        var to = Take(copied.Length);
        copied.CopyTo(to);
        Bytes = to[..copied.Length];
        return true;
    }

    /// <summary>Text in UTF-8; no value when there is none.</summary>
    public bool Set(string? text)
    {
        if (string.IsNullOrEmpty(text)) return false;
        var to = Take(System.Text.Encoding.UTF8.GetMaxByteCount(text.Length));
        Bytes = to[..System.Text.Encoding.UTF8.GetBytes(text, to)];
        return true;
    }

    /// <summary>An IPv4 address that came on an IPv6 socket is an IPv4 address.</summary>
    public bool Set(IPAddress? address)
    {
        if (address is null) return false;
        Address = address;
        var to = Take(64);
        int length;
        if (address.IsIPv4MappedToIPv6)
        {
            Span<byte> bytes = stackalloc byte[16];
            address.TryWriteBytes(bytes, out _);
            length = 0;
            for (int i = 12; i < 16; i++)
            {
                bytes[i].TryFormat(to[length..], out int used);
                length += used;
                if (i < 15) to[length++] = (byte)'.';
            }
        }
        else if (!address.TryFormat(to, out length)) return false;
        Bytes = to[..length];
        return true;
    }

    public bool Set(int number)
    {
        var to = Take(16);
        number.TryFormat(to, out int length);
        Bytes = to[..length];
        return true;
    }

    /// <summary>All fields of a lower-case name, joined by commas; false when there is none.</summary>
    public bool Set(HeaderMap? headers, byte[] name)
    {
        if (headers is null || !headers.TryGet(name, out var only)) return false;
        if (headers.CountOf(name) == 1) return Set(only);
        int cursor = 0, length = 0;
        while (headers.Next(ref cursor, out var field, out var value))
            if (field.SequenceEqual(name)) length += value.Length + 1;
        var to = Take(length);
        (cursor, length) = (0, 0);
        while (headers.Next(ref cursor, out var field, out var value))
        {
            if (!field.SequenceEqual(name)) continue;
            if (length > 0) to[length++] = (byte)',';
            value.CopyTo(to[length..]);
            length += value.Length;
        }
        Bytes = to[..length];
        return true;
    }

    /// <summary>With %XX decoded; a broken sequence stays as it is.</summary>
    public bool SetDecoded(scoped ReadOnlySpan<byte> value)
    {
        var to = Take(value.Length);
        Bytes = to[..QueryString.Decode(value, to)];
        return true;
    }

    /// <summary>The value as an address, parsed if need be.</summary>
    public readonly bool TryAddress(out UInt128 bits, out AddressFamily family)
    {
        (bits, family) = (0, AddressFamily.Unspecified);
        var address = Address;
        if (address is null && !IPAddress.TryParse(Bytes, out address)) return false;
        Span<byte> bytes = stackalloc byte[16];
        bytes.Clear();
        address.TryWriteBytes(bytes, out _);
        family = address.AddressFamily;
        if (address.IsIPv4MappedToIPv6)
        {
            bytes[12..].CopyTo(bytes);
            bytes[4..].Clear();
            family = AddressFamily.InterNetwork;
        }
        bits = System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(bytes);
        return true;
    }

    public void Release()
    {
        if (_rented is not null) ArrayPool<byte>.Shared.Return(_rented);
        _rented = null;
    }

    private Span<byte> Take(int length)
    {
        if (length <= _room.Length) return _room;
        Release();
        return _rented = ArrayPool<byte>.Shared.Rent(length);
    }
}
