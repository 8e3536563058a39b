using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Managed.Load.Traffic;

/// <summary>
/// A service in one thread: answers every request with the value of its <c>x-v</c> as <c>x-up-v</c>; those for <c>/slow</c> a while later.
/// Bodies with a content-length are read over.
/// </summary>
internal sealed class EchoUpstream : IDisposable
{
    private static readonly long Slowness = Stopwatch.Frequency * 3 / 10;

    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly List<Peer> _peers = [];
    private readonly Thread _thread;
    private readonly byte[] _answer = new byte[512];
    private volatile bool _stop;

    public EchoUpstream()
    {
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen(4096);
        Port = ((IPEndPoint)_listener.LocalEndPoint!).Port;
        _thread = new Thread(Serve) { IsBackground = true, Name = "upstream" };
        _thread.Start();
    }

    public int Port { get; }

    public void Dispose()
    {
        _stop = true;
        _thread.Join();
        foreach (var peer in _peers) peer.Socket.Dispose();
        _listener.Dispose();
    }

    private void Serve()
    {
        var entries = new Readiness.Entry[16];
        while (!_stop)
        {
            if (entries.Length < _peers.Count + 1) entries = new Readiness.Entry[2 * _peers.Count];
            entries[0] = new() { Descriptor = (int)_listener.Handle, Wanted = Readiness.In };
            int count = _peers.Count;
            for (var i = 0; i < count; i++) entries[i + 1] = new() { Descriptor = (int)_peers[i].Socket.Handle, Wanted = Readiness.In };
            long now = Stopwatch.GetTimestamp(), next = now + Stopwatch.Frequency / 10;
            for (var i = 0; i < count; i++) if (_peers[i].Due != 0) next = Math.Min(next, _peers[i].Due);
            int ready = Readiness.Wait(entries.AsSpan(0, count + 1), Math.Max(0, next - now));
            now = Stopwatch.GetTimestamp();
            foreach (var peer in _peers)
            {
                if (peer.Due == 0 || peer.Due > now) continue;
                peer.Due = 0;
                Send(peer, peer.Stamp.AsSpan(0, peer.StampLength));
            }
            if (ready <= 0) continue;
            for (var i = count - 1; i >= 0; i--)
                if (entries[i + 1].Got != 0 && !Answer(_peers[i]))
                {
                    _peers[i].Socket.Dispose();
                    _peers.RemoveAt(i);
                }
            if (entries[0].Got != 0) _peers.Add(new(_listener.Accept()));
        }
    }

    private bool Answer(Peer peer)
    {
        try
        {
            int n = peer.Socket.Receive(peer.Buffer.AsSpan(peer.Length));
            if (n == 0) return false;
            peer.Length += n;
            int end;
            while ((end = peer.Buffer.AsSpan(0, peer.Length).IndexOf("\r\n\r\n"u8)) >= 0)
            {
                int whole = end + 4 + (int)Math.Max(0, Message.Number(peer.Buffer.AsSpan(0, end + 2), "content-length"u8));
                if (whole > peer.Length) break;
                var stamp = Message.Value(peer.Buffer.AsSpan(0, end + 2), "x-v"u8);
                if (peer.Buffer.AsSpan(0, end).StartsWith("GET /slow "u8))
                {
                    stamp.CopyTo(peer.Stamp);
                    (peer.StampLength, peer.Due) = (stamp.Length, Stopwatch.GetTimestamp() + Slowness);
                }
                else Send(peer, stamp);
                peer.Length -= whole;
                peer.Buffer.AsSpan(whole, peer.Length).CopyTo(peer.Buffer);
            }
            return peer.Length < peer.Buffer.Length;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private void Send(Peer peer, ReadOnlySpan<byte> version)
    {
        int at = 0;
        void Add(ReadOnlySpan<byte> bytes)
        {
            bytes.CopyTo(_answer.AsSpan(at));
            at += bytes.Length;
        }
        Add("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-up-v: "u8);
        Add(version);
        Add("\r\n\r\nok"u8);
        try
        {
            peer.Socket.Send(_answer.AsSpan(0, at));
        }
        catch (SocketException)
        {
            // It has given up; the next look at it finds the end.
        }
    }

    private sealed class Peer
    {
        public Peer(Socket socket) => (Socket, socket.NoDelay) = (socket, true);

        public Socket Socket { get; }
        public byte[] Buffer { get; } = new byte[8192];
        public int Length { get; set; }
        /// <summary>When a slow answer is due; zero: none is.</summary>
        public long Due { get; set; }
        public byte[] Stamp { get; } = new byte[64];
        public int StampLength { get; set; }
    }
}
