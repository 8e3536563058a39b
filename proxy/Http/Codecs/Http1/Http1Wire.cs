using System.Net;
using System.Text;
using Managed.Proxy.Core;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Core.Transport;

namespace Managed.Proxy.Http.Codecs.Http1;

/// <summary>A client's HTTP/1 connection, as far as the exchanges on it use it: its bytes, and whether it goes on after them.</summary>
internal abstract class Http1Wire
{
    private readonly WorkerContext _worker;
    private byte[]? _peerText;

    protected Http1Wire(WorkerContext worker, Transport transport)
    {
        _worker = worker;
        Transport = transport;
        Input = new InputBuffer(worker.Loop.Buffers);
    }

    public Transport Transport { get; }
    public InputBuffer Input { get; }
    /// <summary>The client's address; empty on a Unix socket.</summary>
    public byte[] PeerText => _peerText ??= Encoding.ASCII.GetBytes(Peer?.Address.ToString() ?? "");
    /// <summary>The client: the transport's peer, or who is known to be behind it.</summary>
    protected virtual IPEndPoint? Peer => Transport.RemoteAddress;
    /// <summary>The response under way is to be the last.</summary>
    public abstract bool ShouldClose { get; }
    /// <summary>Counts the bytes that arrive.</summary>
    protected Counter Received { get; set; }

    /// <summary>Reads what is there without waiting; see <see cref="InputBuffer.Fill"/>.</summary>
    public int Fill(bool large = false)
    {
        int n = Input.Fill(Transport, large);
        if (n > 0) _worker.Stats.Add(Received, n);
        return n;
    }
}
