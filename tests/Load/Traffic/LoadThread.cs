using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Managed.Load.Traffic;

/// <summary>One thread of a <see cref="LoadGenerator"/> with its share of the connections. Nothing is allocated per request.</summary>
internal sealed class LoadThread
{
    public static readonly byte[] PlainRequest =
        "GET /load HTTP/1.1\r\nHost: load.test\r\nUser-Agent: managed-load\r\nAccept: */*\r\n\r\n"u8.ToArray();
    private static readonly long Patience = 15 * Stopwatch.Frequency;

    private readonly LoadGenerator _owner;
    private readonly IPEndPoint _target;
    private readonly long _interval;
    private readonly byte[] _request;
    private readonly Connection[] _connections;
    private readonly LatencyHistogram[] _latencies;
    private readonly Thread _thread;
    private volatile bool _stop;

    public LoadThread(LoadGenerator owner, IPEndPoint target, int connections, long interval, int slices, byte[] request)
    {
        (_owner, _target, _interval, _request) = (owner, target, interval, request);
        _connections = [.. Enumerable.Range(0, connections).Select(_ => new Connection())];
        _latencies = [.. Enumerable.Range(0, slices).Select(_ => new LatencyHistogram())];
        _thread = new Thread(Run) { IsBackground = true, Name = "load" };
    }

    public long Requests { get; private set; }
    public long Failed { get; private set; }
    public long Mixed { get; private set; }
    public long Late { get; private set; }
    public long SteppedBack { get; private set; }
    public long Closed { get; private set; }

    public LatencyHistogram Latencies(int slice) => _latencies[slice];

    public void Start() => _thread.Start();

    public void Stop()
    {
        _stop = true;
        if (_thread.IsAlive) _thread.Join();
        foreach (var connection in _connections) connection.Socket?.Dispose();
    }

    private void Run()
    {
        var entries = new Readiness.Entry[_connections.Length];
        long start = Stopwatch.GetTimestamp();
        for (var i = 0; i < _connections.Length; i++) _connections[i].Due = start + _interval * i / _connections.Length;
        while (true)
        {
            long now = Stopwatch.GetTimestamp(), next = now + Stopwatch.Frequency / 20;
            var waiting = false;
            for (var i = 0; i < _connections.Length; i++)
            {
                var c = _connections[i];
                if (c.SentAt != 0 && now - c.SentAt > Patience) Drop(c, "no answer in 15 s");
                if (c.SentAt == 0 && !_stop && c.Due <= now) Send(c);
                if (c.SentAt == 0) next = Math.Min(next, c.Due);
                waiting |= c.SentAt != 0;
                entries[i] = new() { Descriptor = c.Socket is { } s ? (int)s.Handle : -1, Wanted = Readiness.In };
            }
            if (_stop && !waiting) return;
            if (Readiness.Wait(entries, next - Stopwatch.GetTimestamp()) <= 0) continue;
            for (var i = 0; i < _connections.Length; i++)
                if (entries[i].Got != 0) Receive(_connections[i]);
        }
    }

    private void Send(Connection c)
    {
        Requests++;
        try
        {
            if (c.Socket is null)
            {
                var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                c.Socket = socket;
                c.Length = 0;
                socket.Connect(_target);
            }
            (c.Acknowledged, c.Seen, c.Slice) = (_owner.Acknowledged, _owner.Seen, _owner.Slice);
            c.SentAt = Stopwatch.GetTimestamp();
            c.Socket.Send(_request);
        }
        catch (SocketException e)
        {
            Drop(c, "send: " + e.SocketErrorCode);
        }
    }

    private void Receive(Connection c)
    {
        int n;
        try
        {
            n = c.Socket!.Receive(c.Buffer.AsSpan(c.Length));
        }
        catch (SocketException e)
        {
            Drop(c, "receive: " + e.SocketErrorCode);
            return;
        }
        if (n == 0)
        {
            if (c.SentAt != 0) Drop(c, "closed without an answer");
            else Reopen(c);
            return;
        }
        c.Length += n;
        var (head, whole) = Message.Response(c.Buffer.AsSpan(0, c.Length));
        if (whole == 0) return;
        long now = Stopwatch.GetTimestamp();
        if (c.SentAt == 0 || whole != c.Length)
        {
            Drop(c, "more than one answer");
            return;
        }
        _latencies[c.Slice].Add(now - c.SentAt);
        Check(c, c.Buffer.AsSpan(0, head));
        bool closes = c.Buffer.AsSpan(0, head).IndexOf("connection: close\r\n"u8) >= 0;
        (c.Length, c.SentAt) = (0, 0);
        c.Due = Math.Max(c.Due + _interval, now - _interval);
        if (closes) Reopen(c);
    }

    private void Check(Connection c, ReadOnlySpan<byte> head)
    {
        long given = Message.Number(head, "x-v"u8), passed = Message.Number(head, "x-up-v"u8);
        if (!head.StartsWith("HTTP/1.1 200 "u8) || given < 0 || passed < 0)
        {
            Failed++;
            _owner.Note(Encoding.Latin1.GetString(head));
            return;
        }
        if (given != passed)
        {
            Mixed++;
            _owner.Note($"request {passed}, response {given}");
        }
        long lower = Math.Min(given, passed);
        if (lower < c.Acknowledged)
        {
            Late++;
            _owner.Note($"{lower} served, {c.Acknowledged} was acknowledged");
        }
        else if (lower < c.Seen)
        {
            SteppedBack++;
            _owner.Note($"{lower} served, {c.Seen} had been seen");
        }
        _owner.Saw(Math.Max(given, passed));
    }

    private void Drop(Connection c, string why)
    {
        Failed++;
        _owner.Note(why);
        Reopen(c);
        Closed--;
    }

    private void Reopen(Connection c)
    {
        Closed++;
        c.Socket?.Dispose();
        (c.Socket, c.SentAt, c.Length) = (null, 0, 0);
        c.Due = Stopwatch.GetTimestamp() + Math.Max(_interval, Stopwatch.Frequency / 100);
    }

    private sealed class Connection
    {
        public Socket? Socket { get; set; }
        public byte[] Buffer { get; } = new byte[8192];
        public int Length { get; set; }
        /// <summary>When the next request is due.</summary>
        public long Due { get; set; }
        /// <summary>Zero when no answer is outstanding.</summary>
        public long SentAt { get; set; }
        public long Acknowledged { get; set; }
        public long Seen { get; set; }
        public int Slice { get; set; }
    }
}
