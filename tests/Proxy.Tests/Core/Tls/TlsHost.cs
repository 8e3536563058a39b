using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Tls;
using Managed.Proxy.Core.Transport;
using Managed.TestKit;

namespace Managed.Proxy.Tests.Core.Tls;

/// <summary>
/// A loop on a thread of its own that serves TLS on a loopback port: each connection shakes hands and then gets back what it sends, until
/// it ends.
/// </summary>
internal sealed class TlsHost : IDisposable
{
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly Thread _thread, _acceptor;
    private readonly Func<TlsContext> _context;

    /// <param name="context">Asked for each connection, on the loop.</param>
    public TlsHost(Func<TlsContext> context)
    {
        _context = context;
        Loop = new Managed.Proxy.Core.EventLoop.EventLoop(Failures.Enqueue, new MemoryBudget(long.MaxValue));
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen(100);
        _thread = new Thread(Loop.Run) { IsBackground = true };
        _thread.Start();
        _acceptor = new Thread(Accept) { IsBackground = true };
        _acceptor.Start();
    }

    public Managed.Proxy.Core.EventLoop.EventLoop Loop { get; }
    public int Port => ((IPEndPoint)_listener.LocalEndPoint!).Port;
    /// <summary>What the loop contained: there should be nothing.</summary>
    public ConcurrentQueue<Exception> Failures { get; } = new();
    /// <summary>Each connection that is over: how its handshake ended, how its reading ended, and what it was.</summary>
    public BlockingCollection<(int Handshake, int End, TlsTransport Transport)> Over { get; } = [];
    /// <summary>Reads and never writes.</summary>
    public bool OnlyReads { get; set; }
    /// <summary>For the handshake; 0: for ever.</summary>
    public long PatienceMicros { get; set; }

    public (int Handshake, int End, TlsTransport Transport) Next()
        => Over.TryTake(out var over, TimeSpan.FromSeconds(60)) ? over : throw new TimeoutException("no connection came to its end");

    private void Accept()
    {
        try
        {
            while (true)
            {
                using var socket = _listener.Accept();
                int fd = Libc.dup((int)socket.SafeHandle.DangerousGetHandle());
                _ = Libc.fcntl(fd, 4, 0x800); // F_SETFL, O_NONBLOCK
                Loop.Post(_ => ServeAsync(SocketTransport.Accepted(Loop, fd, default)).Forget(), null);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // disposed
        }
    }

    private async IoTask<bool> ServeAsync(SocketTransport socket)
    {
        var transport = TlsTransport.Accept(socket, _context(), Loop.Buffers)!;
        var timer = new Managed.Proxy.Core.Timers.WheelTimer(static t => ((TlsTransport)t!).Abort(Libc.ETimedOut), transport);
        if (PatienceMicros > 0) Loop.Timers.Arm(timer, PatienceMicros);
        int handshake = await transport.HandshakeAsync(), end = 0;
        Loop.Timers.Remove(timer);
        if (handshake == 0)
        {
            byte[] buffer = new byte[64 * 1024];
            while ((end = await transport.ReadAsync(buffer)) > 0)
                if (!OnlyReads && await transport.WriteAsync(buffer.AsMemory(0, end)) is < 0 and var failed) { end = failed; break; }
        }
        transport.Close();
        Over.Add((handshake, end, transport));
        return true;
    }

    public void Dispose()
    {
        _listener.Dispose();
        Loop.Stop();
        _thread.Join();
        Loop.Close();
    }

    private static readonly byte[] SomeContext = "test"u8.ToArray();

    /// <summary>A server's context on a library context of a worker.</summary>
    public static TlsContext Server(TestCertificate certificate, TicketKeys? tickets = null, int worker = 0,
        TlsParameters? parameters = null, PeerVerifier? verifier = null,
        bool required = false, byte[]? place = null, TestCertificate? second = null, OcspStaple? staple = null,
            StaplePolicy policy = StaplePolicy.Lenient)
    {
        var certificates = new List<TlsCertificate> { Read(certificate, staple) };
        if (second is not null) certificates.Add(Read(second, null));
        return TlsContext.CreateServer(TlsLibrary.Of(worker), new TlsServerSettings
        {
            Parameters = parameters ?? new TlsParameters(), Verifier = verifier, RequireClientCertificate = required, Tickets = tickets,
            SessionContext = place ?? SomeContext, StaplePolicy = policy,
        }, certificates, out string? wrong) ?? throw new InvalidOperationException(wrong);
    }

    public static TlsContext Client(PeerVerifier? verifier = null, TlsParameters? parameters = null, TestCertificate? certificate = null,
        int sessions = 1)
        => TlsContext.CreateClient(TlsLibrary.Of(0), new TlsClientSettings
        {
            Parameters = parameters ?? new TlsParameters(), Verifier = verifier,
            Certificate = certificate is null ? null : Read(certificate, null), MaxSessions = sessions,
        }, out string? wrong) ?? throw new InvalidOperationException(wrong);

    public static TlsCertificate Read(TestCertificate certificate, OcspStaple? staple)
        => TlsCertificate.Read(Encoding.ASCII.GetBytes(certificate.Chain), Encoding.ASCII.GetBytes(certificate.Key), "", staple,
            out string? wrong) ?? throw new InvalidOperationException(wrong);
}
