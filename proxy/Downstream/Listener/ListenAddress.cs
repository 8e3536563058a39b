using System.Net;
using Managed.Proxy.Core.FaultInjection;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Transport;

namespace Managed.Proxy.Downstream.Listener;

/// <summary>
/// The sockets of one address: one per worker with SO_REUSEPORT, or, for a Unix socket, one that all workers share. They belong to the
/// process, not to a version: a listener that changes on the same address keeps its queue of pending connections.
/// </summary>
internal sealed unsafe class ListenAddress
{
    private readonly int[] _sockets;
    private SocketFile? _file;

    private ListenAddress(string key, int[] sockets, IPEndPoint? bound)
    {
        Key = key;
        _sockets = sockets;
        _acceptors = new Acceptor?[sockets.Length];
        BoundAddress = bound;
    }

    public string Key { get; }
    public IPEndPoint? BoundAddress { get; }
    private readonly Acceptor?[] _acceptors;

    /// <summary>On the worker: it accepts from its socket.</summary>
    public void Start(WorkerConnections connections)
    {
        int id = connections.Worker.Id;
        Faults.Pass(FaultPoint.StartAccepting);
        var acceptor = new Acceptor(connections, Key, _sockets[id]);
        acceptor.Start();
        _acceptors[id] = acceptor;
    }

    /// <summary>
    /// On the worker: what waits is accepted, then its socket is closed, whether it had begun to accept or not. Again: nothing.
    /// </summary>
    public void Stop(WorkerConnections connections)
    {
        int id = connections.Worker.Id, fd = _sockets[id];
        _sockets[id] = -1;
        if (fd < 0) return;
        var acceptor = _acceptors[id];
        _acceptors[id] = null;
        if (acceptor is null) Libc.close(fd); else acceptor.Stop();
    }

    /// <summary>
    /// Binds for every worker without accepting yet. Null and the reason when it cannot be had; nothing is left behind then.
    /// </summary>
    public static ListenAddress? Bind(Listener listener, int workers, out string? wrong)
    {
        var address = listener.Address;
        var sockets = new List<int>();
        bool done = false;
        wrong = null;
        try
        {
            if (address.Family == Libc.AfUnix) return BindUnix(listener, workers, out wrong);
            // SO_REUSEPORT would quietly share the port with another process of the same user: ask for it alone first.
            int probe = Open(address, reusePort: false, out int error);
            if (probe >= 0) Libc.close(probe);
            IPEndPoint? bound = address.EndPoint;
            for (int i = 0; i < workers && error == 0; i++)
            {
                int fd = Open(bound!.Port == address.EndPoint!.Port ? address : SocketAddressBytes.From(bound), reusePort: true, out error);
                if (fd < 0) break;
                sockets.Add(fd);
                if (i == 0) bound = SocketAddressBytes.LocalOf(fd);
            }
            if (error == 0)
            {
                var all = new ListenAddress(listener.AddressKey, [.. sockets], bound);
                done = true;
                return all;
            }
            wrong = $"cannot bind {address.EndPoint}: {Libc.Describe(error)}";
        }
        finally
        {
            if (!done) foreach (int fd in sockets) Libc.close(fd);
        }
        return null;
    }

    /// <summary>
    /// Begins to take connections; they wait in the kernel until a worker accepts. False and the reason when another took the port.
    /// </summary>
    public bool Listen(Listener listener, out string? wrong)
    {
        wrong = null;
        foreach (int fd in _sockets.Distinct())
        {
            if (Libc.listen(fd, listener.Config.TcpBacklogSize ?? SystemBacklog()) == 0) continue;
            wrong = $"cannot listen on {listener.AddressKey}: {Libc.Describe(Libc.Errno)}";
            return false;
        }
        return true;
    }

    /// <summary>Closes sockets that no worker has taken over.</summary>
    public void Close()
    {
        foreach (int fd in _sockets) Libc.close(fd);
        RemoveFile();
    }

    /// <summary>The version that has it is in service.</summary>
    public void Keep() => _file?.Keep();

    /// <summary>Takes the file of a Unix socket away that is listened on no more; its descriptors may still be emptied.</summary>
    public void RemoveFile() => _file?.Remove();

    private static ListenAddress? BindUnix(Listener listener, int workers, out string? wrong)
    {
        string path = listener.Config.Address!.Pipe!.Path;
        int fd = Libc.socket(Libc.AfUnix, Libc.SockStream | Libc.SockNonBlock | Libc.SockCloExec, 0);
        SocketFile? file = null;
        try
        {
            return BindUnix(listener, path, fd, ref file, workers, out wrong);
        }
        catch
        {
            if (fd >= 0) Libc.close(fd);
            file?.Remove();
            throw;
        }
    }

    private static ListenAddress? BindUnix(Listener listener, string path, int fd, ref SocketFile? file, int workers, out string? wrong)
    {
        if (fd < 0) wrong = Libc.Describe(Libc.Errno);
        else if (path.StartsWith('@'))
        {
            int result;
            fixed (byte* raw = listener.Address.Raw) result = Libc.bind(fd, raw, listener.Address.Raw.Length);
            wrong = result < 0 ? Libc.Describe(Libc.Errno) : null;
        }
        else file = SocketFile.Bind(fd, path, listener.Address, out wrong);
        int mode = listener.Config.Address!.Pipe!.Mode;
        if (wrong is null && mode != 0) wrong = SetMode(path, (UnixFileMode)mode);
        if (wrong is not null)
        {
            wrong = $"cannot bind unix://{path}: {wrong}";
            if (fd >= 0) Libc.close(fd);
            file?.Remove();
            return null;
        }
        // Each worker closes its own descriptor.
        var sockets = new int[workers];
        sockets[0] = fd;
        for (int i = 1; i < workers; i++) sockets[i] = Libc.dup(fd);
        return new ListenAddress(listener.AddressKey, sockets, null) { _file = file };
    }

    private static string? SetMode(string path, UnixFileMode mode)
    {
        try
        {
            if (!path.StartsWith('@')) File.SetUnixFileMode(path, mode);
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return e.Message;
        }
    }

    private static int Open(SocketAddressBytes address, bool reusePort, out int error)
    {
        error = 0;
        int fd = Libc.socket(address.Family, Libc.SockStream | Libc.SockNonBlock | Libc.SockCloExec, 0);
        if (fd < 0) { error = Libc.Errno; return -1; }
        Libc.SetOption(fd, Libc.SolSocket, Libc.SoReuseAddr, 1);
        if (reusePort) Libc.SetOption(fd, Libc.SolSocket, Libc.SoReusePort, 1);
        // Linux hands this option on to accepted sockets, which saves a system call for each.
        Libc.SetOption(fd, Libc.IpProtoTcp, Libc.TcpNoDelay, 1);
        if (address.Family == Libc.AfInet6) Libc.SetOption(fd, Libc.IpProtoIpv6, Libc.Ipv6Only, 1);
        int result;
        fixed (byte* raw = address.Raw) result = Libc.bind(fd, raw, address.Raw.Length);
        if (result == 0) return fd;
        error = Libc.Errno;
        Libc.close(fd);
        return -1;
    }

    private static int SystemBacklog()
        => File.Exists("/proc/sys/net/core/somaxconn")
        && int.TryParse(File.ReadAllText("/proc/sys/net/core/somaxconn"), out int n) ? n : 4096;
}
