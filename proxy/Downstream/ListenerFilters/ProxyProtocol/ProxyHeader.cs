using System.Buffers.Binary;
using System.Buffers.Text;
using System.Net;
using System.Text;

namespace Managed.Proxy.Downstream.ListenerFilters.ProxyProtocol;

/// <summary>What the first bytes are.</summary>
internal enum ProxyHeaderStatus { NeedMore, Found, None, Wrong }

/// <summary>
/// A header of the PROXY protocol, version 1 (a line of text) or 2 (binary), as its authors (HAProxy) describe it.
/// </summary>
internal ref struct ProxyHeader
{
    /// <summary>The longest of version 1, with its end of line.</summary>
    public const int LongestText = 107;
    /// <summary>Of version 2: a fixed part and 65,535 bytes of addresses and fields.</summary>
    public const int LongestBinary = FixedLength + 65535;

    private const int FixedLength = 16;

    private static ReadOnlySpan<byte> TextBegin => "PROXY "u8;
    private static ReadOnlySpan<byte> BinaryBegin => [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A];

    public int Version { get; private set; }
    /// <summary>Bytes of the whole header.</summary>
    public int Length { get; private set; }
    /// <summary>Null when it does not say (UNKNOWN, UNSPEC, or a LOCAL connection of the proxy itself): the socket's own count.</summary>
    public IPEndPoint? Source { get; private set; }
    public IPEndPoint? Destination { get; private set; }
    /// <summary>Version 2: type, length and value of each field.</summary>
    public ReadOnlySpan<byte> Fields { get; private set; }

    public static ProxyHeaderStatus Read(ReadOnlySpan<byte> bytes, out ProxyHeader header)
    {
        header = default;
        if (bytes.StartsWith(BinaryBegin)) return ReadBinary(bytes, ref header);
        if (bytes.StartsWith(TextBegin)) return ReadText(bytes, ref header);
        return BinaryBegin.StartsWith(bytes) || TextBegin.StartsWith(bytes) ? ProxyHeaderStatus.NeedMore : ProxyHeaderStatus.None;
    }

    private static ProxyHeaderStatus ReadText(ReadOnlySpan<byte> bytes, ref ProxyHeader header)
    {
        header.Version = 1;
        int end = bytes[..Math.Min(bytes.Length, LongestText)].IndexOf("\r\n"u8);
        if (end < 0) return bytes.Length < LongestText ? ProxyHeaderStatus.NeedMore : ProxyHeaderStatus.Wrong;
        header.Length = end + 2;
        var line = bytes[TextBegin.Length..end];
        if (line.StartsWith("UNKNOWN"u8)) return line.Length == 7 || line[7] == ' ' ? ProxyHeaderStatus.Found : ProxyHeaderStatus.Wrong;
        bool v4 = line.StartsWith("TCP4 "u8);
        if (!v4 && !line.StartsWith("TCP6 "u8)) return ProxyHeaderStatus.Wrong;
        line = line[5..];
        if (!Address(ref line, v4, out var source) || !Address(ref line, v4, out var destination)
            || !Port(ref line, last: false, out int sourcePort) || !Port(ref line, last: true, out int port))
            return ProxyHeaderStatus.Wrong;
        header.Source = new IPEndPoint(source, sourcePort);
        header.Destination = new IPEndPoint(destination, port);
        return ProxyHeaderStatus.Found;
    }

    // One space between two words, none besides.
    private static bool Address(ref ReadOnlySpan<byte> line, bool v4, out IPAddress address)
    {
        address = IPAddress.None;
        int space = line.IndexOf((byte)' ');
        if (space <= 0 || space > 45) return false;
        var word = line[..space];
        line = line[(space + 1)..];
        // The runtime reads numbers and shortened forms as addresses too; the protocol has none of them.
        if (v4 ? word.IndexOfAnyExcept("0123456789."u8) >= 0
            || word.Count((byte)'.') != 3 : word.IndexOfAnyExcept("0123456789abcdefABCDEF:."u8) >= 0) return false;
        if (!IPAddress.TryParse(Encoding.ASCII.GetString(word), out var read)) return false;
        address = read;
        return read.AddressFamily == (v4 ? System.Net.Sockets.AddressFamily.InterNetwork : System.Net.Sockets.AddressFamily.InterNetworkV6);
    }

    private static bool Port(ref ReadOnlySpan<byte> line, bool last, out int port)
    {
        port = 0;
        int end = last ? line.Length : line.IndexOf((byte)' ');
        if (end is <= 0 or > 5) return false;
        var word = line[..end];
        line = last ? default : line[(end + 1)..];
        return word.IndexOfAnyExceptInRange((byte)'0', (byte)'9') < 0 && (word.Length == 1 || word[0] != '0')
            && Utf8Parser.TryParse(word, out port, out _) && port <= 65535;
    }

    private static ProxyHeaderStatus ReadBinary(ReadOnlySpan<byte> bytes, ref ProxyHeader header)
    {
        header.Version = 2;
        if (bytes.Length < FixedLength) return bytes.Length > 12
            && bytes[12] is not (0x20 or 0x21) ? ProxyHeaderStatus.Wrong : ProxyHeaderStatus.NeedMore;
        bool isLocal = bytes[12] == 0x20;
        if (!isLocal && bytes[12] != 0x21) return ProxyHeaderStatus.Wrong;
        int length = BinaryPrimitives.ReadUInt16BigEndian(bytes[14..]), size = bytes[13] switch { 0x11 => 12, 0x21 => 36, _ => 0 };
        // Of a proxied stream: IPv4, IPv6 or unspecified; what is no stream, or a Unix socket, has no address for us.
        if (!isLocal && bytes[13] is not (0x00 or 0x11 or 0x21)) return ProxyHeaderStatus.Wrong;
        if (!isLocal && length < size) return ProxyHeaderStatus.Wrong;
        if (bytes.Length < FixedLength + length) return ProxyHeaderStatus.NeedMore;
        header.Length = FixedLength + length;
        if (isLocal) return ProxyHeaderStatus.Found;
        var content = bytes.Slice(FixedLength, length);
        if (size > 0)
        {
            int each = (size - 4) / 2;
            header.Source = new IPEndPoint(new IPAddress(content[..each]), BinaryPrimitives.ReadUInt16BigEndian(content[(2 * each)..]));
            header.Destination = new IPEndPoint(new IPAddress(content.Slice(each, each)),
                BinaryPrimitives.ReadUInt16BigEndian(content[(2 * each + 2)..]));
        }
        header.Fields = content[size..];
        return AreFields(header.Fields) ? ProxyHeaderStatus.Found : ProxyHeaderStatus.Wrong;
    }

    private static bool AreFields(ReadOnlySpan<byte> fields)
    {
        while (TryTakeField(ref fields, out _, out _)) { }
        return fields.IsEmpty;
    }

    /// <summary>The next field; false at the end, or when what is left is none.</summary>
    public static bool TryTakeField(ref ReadOnlySpan<byte> fields, out byte type, out ReadOnlySpan<byte> value)
    {
        type = 0;
        value = default;
        if (fields.Length < 3) return false;
        int length = BinaryPrimitives.ReadUInt16BigEndian(fields[1..]);
        if (fields.Length < 3 + length) return false;
        type = fields[0];
        value = fields.Slice(3, length);
        fields = fields[(3 + length)..];
        return true;
    }
}
