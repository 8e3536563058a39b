using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Codecs.Http2.Frames;
using Managed.Proxy.Http.Codecs.Http2.Hpack;

namespace Managed.TestKit;

/// <summary>A frame as it came over the wire; of HEADERS without CONTINUATION <c>Fields</c> is the decoded block.</summary>
internal sealed record Http2Frame(FrameType Type, FrameFlags Flags, int StreamId, byte[] Payload, IReadOnlyList<string> Fields)
{
    public bool Ends => Type is FrameType.Data or FrameType.Headers && (Flags & FrameFlags.EndStream) != 0;
    public uint Word(int at = 0) => BinaryPrimitives.ReadUInt32BigEndian(Payload.AsSpan(at));

    /// <summary>One line that says what it means.</summary>
    public override string ToString() => Type switch
    {
        FrameType.RstStream => $"RST {StreamId} {(Http2Error)Word()}",
        FrameType.GoAway => $"GOAWAY {(Http2Error)Word(4)}",
        FrameType.Headers =>
            $"HEADERS {StreamId} {string.Join(' ', Fields.Where(f => f.StartsWith(":status: ", StringComparison.Ordinal)).Select(f => f[9..]))}{(Ends ? " END" : "")}",
        FrameType.Data => $"DATA {StreamId} {Payload.Length}{(Ends ? " END" : "")}",
        FrameType.WindowUpdate => $"WINDOW {StreamId} {Word()}",
        _ => $"{Type} {StreamId} {Payload.Length}",
    };
}

/// <summary>
/// The other end of an HTTP/2 connection, written out by hand: it sends what it is told to, right or wrong, and reads frames. It keeps no
/// state and answers nothing by itself. Every wait has a limit.
/// </summary>
internal sealed class Http2Peer : IAsyncDisposable
{
    private readonly Socket _socket;
    private readonly HpackDecoder _decoder = new(new BufferPool(new MemoryBudget(long.MaxValue)));
    private byte[] _bytes = new byte[64 * 1024];
    private int _length;

    public Http2Peer(Socket socket) => _socket = socket;

    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(20);
    public Socket Socket => _socket;
    public bool Ended { get; private set; }

    public static async Task<Http2Peer> ConnectAsync(int port, bool greets = true, int? receiveBuffer = null)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        if (receiveBuffer is { } size) socket.ReceiveBufferSize = size;
        await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port));
        var peer = new Http2Peer(socket);
        if (greets) await peer.SendAsync(new Http2Script().Preface().Settings());
        return peer;
    }

    public Task SendAsync(Http2Script script) => SendAsync(script.Bytes);

    public async Task SendAsync(ReadOnlyMemory<byte> bytes)
    {
        using var limit = new CancellationTokenSource(Patience);
        while (bytes.Length > 0) bytes = bytes[await _socket.SendAsync(bytes, SocketFlags.None, limit.Token)..];
    }

    /// <summary>The next frame; null at the end of the connection, also at a reset.</summary>
    public async Task<Http2Frame?> ReadAsync()
    {
        while (true)
        {
            if (_length >= FrameHeader.Size && FrameHeader.Read(_bytes) is var header && _length >= FrameHeader.Size + header.Length)
            {
                byte[] payload = _bytes[FrameHeader.Size..(FrameHeader.Size + header.Length)];
                _length -= FrameHeader.Size + header.Length;
                _bytes.AsSpan(FrameHeader.Size + header.Length, _length).CopyTo(_bytes);
                return new Http2Frame(header.Type, header.Flags, header.StreamId, payload,
                    header.Type == FrameType.Headers ? Decode(payload) : []);
            }
            if (Ended) return null;
            if (_length == _bytes.Length) Array.Resize(ref _bytes, _bytes.Length * 2);
            using var limit = new CancellationTokenSource(Patience);
            try
            {
                int n = await _socket.ReceiveAsync(_bytes.AsMemory(_length), SocketFlags.None, limit.Token);
                Ended = n == 0;
                _length += n;
            }
            catch (SocketException)
            {
                Ended = true;
            }
        }
    }

    /// <summary>The next frame that is neither SETTINGS nor a WINDOW_UPDATE nor the answer to a PING; null at the end.</summary>
    public async Task<Http2Frame?> ReadMeaningfulAsync()
    {
        Http2Frame? frame;
        do frame = await ReadAsync();
        while (frame is { Type: FrameType.Settings or FrameType.WindowUpdate } or { Type: FrameType.Ping, Flags: FrameFlags.Ack });
        return frame;
    }

    /// <summary>Frames up to the end of a stream, of the connection, or a reset.</summary>
    public async Task<List<Http2Frame>> ReadStreamAsync(int id)
    {
        var frames = new List<Http2Frame>();
        while (await ReadMeaningfulAsync() is { } frame)
        {
            if (frame.StreamId == id || frame.Type == FrameType.GoAway) frames.Add(frame);
            if (frame.StreamId == id && (frame.Ends || frame.Type == FrameType.RstStream)) break;
        }
        return frames;
    }

    /// <summary>Of a client: reads the preface away.</summary>
    public async Task TakePrefaceAsync()
    {
        byte[] preface = new byte[24];
        using var limit = new CancellationTokenSource(Patience);
        for (int n = 0; n < preface.Length;)
        {
            int read = await _socket.ReceiveAsync(preface.AsMemory(n), SocketFlags.None, limit.Token);
            if (read == 0) { Ended = true; return; }
            n += read;
        }
    }

    public void Close(bool reset = false)
    {
        Ended = true;
        if (reset) _socket.LingerState = new LingerOption(true, 0);
        _socket.Dispose();
    }

    public ValueTask DisposeAsync()
    {
        _socket.Dispose();
        return ValueTask.CompletedTask;
    }

    private List<string> Decode(byte[] block)
    {
        var fields = new List<string>();
        int at = 0;
        _decoder.Begin();
        while (_decoder.Next(block, ref at, out var field) is HpackResult.Field)
            fields.Add($"{Encoding.Latin1.GetString(field.Name)}: {Encoding.Latin1.GetString(field.Value)}");
        return fields;
    }
}

/// <summary>Bytes of frames one after another, right or wrong.</summary>
internal sealed class Http2Script
{
    private readonly ByteWriter _bytes = new();

    public byte[] Bytes => _bytes.Written.ToArray();

    public Http2Script Raw(ReadOnlySpan<byte> bytes)
    {
        _bytes.Write(bytes);
        return this;
    }

    public Http2Script Preface() => Raw("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8);

    public Http2Script Frame(FrameType type, FrameFlags flags, int streamId, params ReadOnlySpan<byte> payload)
    {
        _bytes.Frame(type, flags, streamId, payload);
        return this;
    }

    public Http2Script Settings(params ReadOnlySpan<(SettingId Id, uint Value)> settings)
    {
        _bytes.Settings(settings);
        return this;
    }

    public Http2Script SettingsAck() => Frame(FrameType.Settings, FrameFlags.Ack, 0);

    public Http2Script Window(int streamId, uint increment)
    {
        Span<byte> word = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(word, increment);
        return Frame(FrameType.WindowUpdate, 0, streamId, word);
    }

    public Http2Script Reset(int streamId, Http2Error code = Http2Error.Cancel)
    {
        _bytes.RstStream(streamId, code);
        return this;
    }

    public Http2Script GoAway(int last, Http2Error code = Http2Error.None)
    {
        _bytes.GoAway(last, code, default);
        return this;
    }

    public Http2Script Ping(ulong payload = 0, bool ack = false)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, payload);
        return Frame(FrameType.Ping, ack ? FrameFlags.Ack : 0, 0, bytes);
    }

    public Http2Script Data(int streamId, int length, bool ends = false)
        => Frame(FrameType.Data, ends ? FrameFlags.EndStream : 0, streamId, new byte[length]);

    public Http2Script Data(int streamId, string latin1, bool ends = false)
        => Frame(FrameType.Data, ends ? FrameFlags.EndStream : 0, streamId, Encoding.Latin1.GetBytes(latin1));

    /// <summary>HEADERS with the whole block: fields as "name: value", in literals without indexing.</summary>
    public Http2Script Headers(int streamId, bool ends, params string[] fields)
        => Frame(FrameType.Headers, FrameFlags.EndHeaders | (ends ? FrameFlags.EndStream : 0), streamId, Block(fields));

    /// <summary>A GET, or another method, of a path, with more fields behind.</summary>
    public Http2Script Request(int streamId, string path = "/", bool ends = true, string method = "GET", params string[] more)
        => Headers(streamId, ends, [$":method: {method}", ":scheme: http", ":authority: example.test", $":path: {path}", .. more]);

    public static byte[] Block(params string[] fields)
    {
        var block = new ByteWriter();
        foreach (string field in fields)
        {
            int colon = field.IndexOf(": ", 1, StringComparison.Ordinal);
            block.Write(0);
            Text(block, field[..colon]);
            Text(block, field[(colon + 2)..]);
        }
        return block.Written.ToArray();
    }

    private static void Text(ByteWriter block, string text)
    {
        block.Advance(HpackInteger.Write(block.GetSpan(6), 0, 7, text.Length));
        block.Write(Encoding.Latin1.GetBytes(text));
    }
}
