using System.Buffers;
using System.Buffers.Text;
using Managed.Proxy.Core.Buffers;

namespace Managed.Proxy.Http.Filters.GrpcWeb;

/// <summary>
/// Base64 that comes in pieces of any length, each group of which may end in padding: senders encode message by message (gRPC-Web,
/// PROTOCOL-WEB.md).
/// </summary>
internal sealed class Base64Chunks
{
    private readonly byte[] _group = new byte[4]; // that is not whole yet
    private int _length;

    public bool IsBetweenGroups => _length == 0;

    public void Reset() => _length = 0;

    /// <summary>False: it is no Base64.</summary>
    /// <param name="text">The next piece.</param>
    /// <param name="to">What its groups that are whole say is added.</param>
    public bool TryDecode(ReadOnlySpan<byte> text, ByteWriter to)
    {
        while (_length > 0 && text.Length > 0)
        {
            _group[_length++] = text[0];
            text = text[1..];
            if (_length < 4) continue;
            _length = 0;
            if (!TryGroups(_group, to)) return false;
        }
        if (_length > 0) return true;
        int whole = text.Length & ~3;
        text[whole..].CopyTo(_group);
        _length = text.Length - whole;
        text = text[..whole];
        // Padding may stand at the end of any group.
        for (int pad = text.IndexOf((byte)'='); pad >= 0; pad = text.IndexOf((byte)'='))
        {
            int end = (pad & ~3) + 4;
            if (!TryGroups(text[..end], to)) return false;
            text = text[end..];
        }
        return text.IsEmpty || TryGroups(text, to);
    }

    public static void Encode(ReadOnlySpan<byte> bytes, ByteWriter to)
    {
        var into = to.GetSpan(Base64.GetMaxEncodedToUtf8Length(bytes.Length));
        Base64.EncodeToUtf8(bytes, into, out _, out int written);
        to.Advance(written);
    }

    // White space, which the decoder would pass over, is no part of it.
    private static bool TryGroups(ReadOnlySpan<byte> groups, ByteWriter to)
    {
        if (groups.ContainsAny(" \t\r\n"u8)) return false;
        var into = to.GetSpan(groups.Length / 4 * 3);
        if (Base64.DecodeFromUtf8(groups, into, out _, out int written) != OperationStatus.Done) return false;
        to.Advance(written);
        return true;
    }
}
