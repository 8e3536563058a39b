using System.Buffers.Binary;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Http.Codecs.Http2.Frames;

namespace Managed.TestKit;

/// <summary>
/// Either end of a connection of HTTP/2 on an <see cref="InMemoryPath"/>: fixed frames with their stream's number put in. It understands
/// no header block, and allocates nothing.
/// </summary>
internal sealed class InMemoryHttp2(InMemoryTransport transport)
{
    private static readonly byte[] Request = new Http2Script().Request(0, "/some/path?query=1", true, "GET", "user-agent: bench/1.0").Bytes;
    private static readonly byte[] Response = new Http2Script().Headers(0, false, ":status: 200", "content-type: text/plain")
        .Data(0, 64, true).Bytes;

    private readonly byte[] _in = new byte[64 * 1024], _out = new byte[16 * 1024];
    private int _length, _at, _nextStream = 1;

    public async IoTask<bool> GreetAsync(bool isClient)
    {
        var script = isClient ? new Http2Script().Preface() : new Http2Script();
        return await transport.WriteAsync(script.Settings().Window(0, int.MaxValue - 65_535).Bytes) >= 0;
    }

    /// <summary>One request and its whole answer. Null; or what came instead.</summary>
    public async IoTask<string?> AskAsync()
    {
        int id = _nextStream;
        _nextStream += 2;
        await transport.WriteAsync(_out.AsMemory(0, Put(Request, id, 0)));
        while (true)
        {
            while (TryTake(out var frame))
            {
                if (frame.Type is FrameType.GoAway or FrameType.RstStream) return frame.ToString();
                if (frame.StreamId == id && frame.Has(FrameFlags.EndStream))
                    return frame is { Type: FrameType.Data, Length: 64 } ? null : "another answer: " + frame;
            }
            if (await FillAsync() <= 0) return "the connection ended";
        }
    }

    /// <summary>Answers what comes until the connection ends.</summary>
    public async IoTask<bool> AnswerAsync()
    {
        await GreetAsync(isClient: false);
        while (_length < 24)
            if (await FillAsync() <= 0) return false;
        _at = 24;
        while (true)
        {
            int n = 0;
            while (TryTake(out var frame))
                if (frame is { Type: FrameType.Headers } && frame.Has(FrameFlags.EndStream)) n = Put(Response, frame.StreamId, n);
            if (n > 0 && await transport.WriteAsync(_out.AsMemory(0, n)) < 0) return false;
            if (await FillAsync() <= 0) return true;
        }
    }

    private int Put(byte[] frames, int id, int at)
    {
        frames.CopyTo(_out, at);
        for (int i = 0; i < frames.Length; i += FrameHeader.Size + FrameHeader.Read(frames.AsSpan(i)).Length)
            BinaryPrimitives.WriteInt32BigEndian(_out.AsSpan(at + i + 5), id);
        return at + frames.Length;
    }

    private bool TryTake(out FrameHeader frame)
    {
        frame = default;
        if (_length - _at < FrameHeader.Size) return false;
        frame = FrameHeader.Read(_in.AsSpan(_at));
        if (_length - _at < FrameHeader.Size + frame.Length) return false;
        _at += FrameHeader.Size + frame.Length;
        return true;
    }

    private async IoTask<int> FillAsync()
    {
        _in.AsSpan(_at, _length - _at).CopyTo(_in);
        (_length, _at) = (_length - _at, 0);
        int n = await transport.ReadAsync(_in.AsMemory(_length));
        if (n > 0) _length += n;
        return n;
    }
}
