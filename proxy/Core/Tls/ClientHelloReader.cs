using System.Buffers.Binary;

namespace Managed.Proxy.Core.Tls;

/// <summary>What is known after a look at the first bytes of a connection.</summary>
internal enum HelloStatus
{
    /// <summary>It may become a ClientHello.</summary>
    NeedMore,
    /// <summary>It is there.</summary>
    Done,
    /// <summary>The bytes are no TLS.</summary>
    NotTls,
    /// <summary>They began as TLS and are no ClientHello.</summary>
    Malformed,
    /// <summary>A ClientHello of more than was allowed.</summary>
    TooLong,
}

/// <summary>
/// Finds the ClientHello in what a connection began with, however it is cut into records and pieces. Each call gets all bytes from the
/// beginning; what was looked at is not looked at again, so a client that sends byte by byte costs no more than one that does not.
/// </summary>
internal struct ClientHelloReader(int maxLength)
{
    /// <summary>Of the message; BoringSSL, and so Envoy, takes no more either.</summary>
    public const int MaxLength = 16 * 1024;

    private const int RecordHead = 5, MessageHead = 4, HandshakeRecord = 22, ClientHelloMessage = 1;
    // A record without content says nothing (RFC 8446 section 5.1 forbids it), and one byte each costs six.
    private const int LongestRecord = 16 * 1024;

    private int _at; // head of the first record that is not complete
    private int _have; // bytes of the message in complete records
    private int _needed; // without so many bytes nothing new can be said

    public HelloStatus Read(ReadOnlySpan<byte> bytes, out ClientHello? hello, bool ja3 = false, bool ja4 = false)
    {
        hello = null;
        if (bytes.Length < _needed) return HelloStatus.NeedMore;
        while (true)
        {
            var rest = bytes[_at..];
            if (Judge(rest) is { } wrong) return wrong;
            int whole = rest.Length < RecordHead ? RecordHead : RecordHead + BinaryPrimitives.ReadUInt16BigEndian(rest[3..]);
            if (rest.Length < whole)
            {
                // The head alone tells what to wait for, but the type and length of the message are worth a look as soon as they are there.
                _needed = _at + (_have == 0 && rest.Length < RecordHead + MessageHead ? rest.Length + 1 : whole);
                return HelloStatus.NeedMore;
            }
            _at += whole;
            _have += whole - RecordHead;
            if (_have < MessageHead) { if (bytes.Length == _at) { _needed = _at + 1; return HelloStatus.NeedMore; } continue; }
            int length = MessageLength(bytes);
            if (length > maxLength) return HelloStatus.TooLong;
            if (_have < MessageHead + length)
            {
                if (bytes.Length > _at) continue;
                _needed = _at + 1;
                return HelloStatus.NeedMore;
            }
            hello = ReadMessage(bytes[.._at], length, ja3, ja4);
            return hello is null ? HelloStatus.Malformed : HelloStatus.Done;
        }
    }

    // What cannot become a record of a ClientHello any more, however little of it is there.
    private readonly HelloStatus? Judge(ReadOnlySpan<byte> record)
    {
        var otherwise = _at == 0 ? HelloStatus.NotTls : HelloStatus.Malformed;
        if (record.Length > 0 && record[0] != HandshakeRecord) return otherwise;
        if (record.Length > 1 && record[1] != 3) return otherwise;
        if (record.Length >= RecordHead && BinaryPrimitives.ReadUInt16BigEndian(record[3..]) is 0 or > LongestRecord) return otherwise;
        if (_have > 0 || record.Length <= RecordHead) return null;
        if (record[RecordHead] != ClientHelloMessage) return otherwise;
        if (record.Length < RecordHead + MessageHead || BinaryPrimitives.ReadUInt16BigEndian(record[3..]) < MessageHead) return null;
        return (record[6] << 16 | record[7] << 8 | record[8]) > maxLength ? HelloStatus.TooLong : null;
    }

    private readonly int MessageLength(ReadOnlySpan<byte> bytes)
    {
        Span<byte> head = stackalloc byte[MessageHead];
        Gather(bytes[.._at], head);
        return head[1] << 16 | head[2] << 8 | head[3];
    }

    private readonly ClientHello? ReadMessage(ReadOnlySpan<byte> records, int length, bool ja3, bool ja4)
    {
        if (records.Length - RecordHead >= MessageHead + length
            && RecordHead + BinaryPrimitives.ReadUInt16BigEndian(records[3..]) == records.Length)
            return ClientHello.Read(records.Slice(RecordHead + MessageHead, length), ja3, ja4);
        Span<byte> message = stackalloc byte[MessageHead + length];
        Gather(records, message);
        return ClientHello.Read(message[MessageHead..], ja3, ja4);
    }

    // The contents of records, one after another, until the target is full.
    private static void Gather(ReadOnlySpan<byte> records, Span<byte> into)
    {
        while (!into.IsEmpty)
        {
            int length = BinaryPrimitives.ReadUInt16BigEndian(records[3..]), n = Math.Min(length, into.Length);
            records.Slice(RecordHead, n).CopyTo(into);
            into = into[n..];
            records = records[(RecordHead + length)..];
        }
    }
}
