using System.Net;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Core.FaultInjection;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Transport;

namespace Managed.Proxy.Downstream.Listener;

/// <summary>
/// The sockets of one address: one per worker with SO_REUSEPORT, or, for a Unix socket, one that all workers share. They belong to the
/// process, not to a version: a listener that changes on the same address keeps its queue of pending connections. Those that another
/// process had before may be more than there are workers: each has a queue of its own, and none of them is closed before it is empty.
/// </summary>
internal sealed unsafe class ListenAddress
{
    private readonly int[] _sockets; // that of worker i and of each one more with all workers in between, -1 once it is closed
    private readonly Acceptor?[] _acceptors; // of the same socket; the first ones are those of the workers by their number
    private readonly int _workers;
    private SocketFile? _file;

    private ListenAddress(ListenPlace place, int[] sockets, int workers, IPEndPoint? bound)
    {
        Place = place;
        _sockets = sockets;
        _workers = workers;
        _acceptors = new Acceptor?[sockets.Length];
        BoundAddress = bound;
    }

    public string Key => Place.Key;
    public ListenPlace Place { get; }
    public IPEndPoint? BoundAddress { get; }

    /// <summary>On the worker: it accepts from its sockets.</summary>
    public void Start(WorkerConnections connections)
    {
        for (int i = connections.Worker.Id; i < _sockets.Length; i += _workers)
        {
            if (_acceptors[i] is not null) continue;
            Faults.Pass(FaultPoint.StartAccepting);
            var acceptor = new Acceptor(connections, Key, _sockets[i]) { Others = _acceptors };
            acceptor.Start();
            _acceptors[i] = acceptor;
        }
    }

    /// <summary>
    /// On the worker: what waits is accepted, then its sockets are closed, whether it had begun to accept or not. Again: nothing.
    /// </summary>
    public void Stop(WorkerConnections connections)
    {
        for (int i = connections.Worker.Id; i < _sockets.Length; i += _workers)
        {
            int fd = _sockets[i];
            _sockets[i] = -1;
            if (fd < 0) continue;
            var acceptor = _acceptors[i];
            _acceptors[i] = null;
            if (acceptor is null) Libc.close(fd);
            else acceptor.Stop();
        }
    }

    /// <summary>The sockets to hand to another process, each once. Not while workers stop.</summary>
    public IReadOnlyList<int> Sockets => Place.Pipe is null && Place.Settings.ReusePort ? _sockets : _sockets[..1];

    /// <summary>
    /// The address with sockets that another process had bound and listens on, which are this one's whether it is made or not. Null and the
    /// reason when that cannot be. The file of a Unix socket is not ours before <see cref="OwnFile"/>.
    /// </summary>
    public static ListenAddress? Adopt(ListenPlace place, int workers, IReadOnlyList<int> had, out string? wrong)
    {
        var sockets = new List<int>(had);
        wrong = null;
        var bound = place.Pipe is null ? SocketAddressBytes.LocalOf(had[0]) : null;
        if (bound is null && place.Pipe is null) wrong = $"what was handed over for {place.Text} is no socket of an address";
        while (wrong is null && sockets.Count < workers)
        {
            bool own = bound is not null && place.Settings.ReusePort;
            int fd = own ? Open(SocketAddressBytes.From(bound!), place.Settings, true, out wrong) : Libc.dup(had[0]);
            if (fd < 0)
            {
                wrong ??= Libc.Describe(Libc.Errno);
                break;
            }
            sockets.Add(fd);
        }
        if (wrong is null) return new ListenAddress(place, [.. sockets], workers, bound);
        foreach (int fd in sockets) Libc.close(fd);
        return null;
    }

    /// <summary>The file of a Unix socket that another process had made is removed by this one from now on.</summary>
    public void OwnFile() => _file ??= Place.Pipe is { Path: var path } && !path.StartsWith('@') ? SocketFile.Of(path) : null;

    /// <summary>
    /// Binds for every worker without accepting yet. Null and the reason when it cannot be had; nothing is left behind then.
    /// </summary>
    /// <param name="former">Our own sockets of the address, which others replace.</param>
    public static ListenAddress? Bind(ListenPlace place, int workers, IEnumerable<ListenAddress> former, out string? wrong)
    {
        var sockets = new List<int>();
        bool done = false;
        wrong = null;
        try
        {
            if (place.Pipe is not null) return BindUnix(place, workers, out wrong);
            bool replaces = false;
            foreach (var address in former)
            {
                replaces = true;
                address.LetOthersBind();
            }
            // SO_REUSEPORT would quietly share the port with another process of the same user: ask for it alone first.
            if (!replaces && Open(place.Address, place.Settings, false, out wrong) is >= 0 and var probe) Libc.close(probe);
            var bound = place.Address.EndPoint!;
            int own = place.Settings.ReusePort ? workers : 1;
            for (int i = 0; i < own && wrong is null; i++)
            {
                var exact = bound.Port == place.Address.EndPoint!.Port ? place.Address : SocketAddressBytes.From(bound);
                int fd = Open(exact, place.Settings, place.Settings.ReusePort || replaces, out wrong);
                if (fd < 0) break;
                sockets.Add(fd);
                if (i == 0) bound = SocketAddressBytes.LocalOf(fd)!;
            }
            // Each worker closes its own descriptor.
            while (wrong is null && sockets.Count < workers) sockets.Add(Libc.dup(sockets[0]));
            if (wrong is null)
            {
                var all = new ListenAddress(place, [.. sockets], workers, bound);
                done = true;
                return all;
            }
        }
        finally
        {
            if (!done) foreach (int fd in sockets) Libc.close(fd);
        }
        return null;
    }

    // Other sockets of ours are to have the address, beside these until these are emptied.
    private void LetOthersBind()
    {
        foreach (int fd in _sockets)
            if (fd >= 0) Libc.SetOption(fd, Libc.SolSocket, Libc.SoReusePort, 1);
    }

    /// <summary>
    /// Begins to take connections; they wait in the kernel until a worker accepts. False and the reason when another took the port. Again:
    /// the queue gets another length.
    /// </summary>
    public bool Listen(Listener listener, out string? wrong)
    {
        wrong = null;
        foreach (int fd in _sockets.Distinct())
        {
            if (Libc.listen(fd, listener.Config.TcpBacklogSize ?? SystemBacklog()) != 0)
                wrong = $"cannot listen on {Place.Text}: {Libc.Describe(Libc.Errno)}";
            else if (Place.Settings.Apply(fd, Place.Address.Family, SocketOptionState.StateListening, out string what)
                is not 0 and var error)
                wrong = $"cannot set {what} on {Place.Text}: {Libc.Describe(error)}";
            if (wrong is not null) return false;
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
    public void Keep()
    {
        _file?.Keep();
        if (Place.Pipe is not null || Place.Settings.ReusePort) return;
        foreach (int fd in _sockets)
            if (fd >= 0) Libc.SetOption(fd, Libc.SolSocket, Libc.SoReusePort, 0); // nobody else gets the port
    }

    /// <summary>Takes the file of a Unix socket away that is listened on no more; its descriptors may still be emptied.</summary>
    public void RemoveFile() => _file?.Remove();

    private static ListenAddress? BindUnix(ListenPlace place, int workers, out string? wrong)
    {
        string path = place.Pipe!.Path;
        int fd = Libc.socket(Libc.AfUnix, Libc.SockStream | Libc.SockNonBlock | Libc.SockCloExec, 0);
        SocketFile? file = null;
        try
        {
            return BindUnix(place, path, fd, ref file, workers, out wrong);
        }
        catch
        {
            if (fd >= 0) Libc.close(fd);
            file?.Remove();
            throw;
        }
    }

    private static ListenAddress? BindUnix(ListenPlace place, string path, int fd, ref SocketFile? file, int workers, out string? wrong)
    {
        if (fd < 0) wrong = Libc.Describe(Libc.Errno);
        else if (place.Settings.Apply(fd, Libc.AfUnix, SocketOptionState.StatePrebind, out string what) is not 0 and var unset)
            wrong = $"{what}: {Libc.Describe(unset)}";
        else if (path.StartsWith('@'))
        {
            int result;
            fixed (byte* raw = place.Address.Raw) result = Libc.bind(fd, raw, place.Address.Raw.Length);
            wrong = result < 0 ? Libc.Describe(Libc.Errno) : null;
        }
        else file = SocketFile.Bind(fd, path, place.Address, out wrong);
        int mode = place.Pipe!.Mode;
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
        return new ListenAddress(place, sockets, workers, null) { _file = file };
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

    private static int Open(SocketAddressBytes address, SocketSettings settings, bool reusePort, out string? wrong)
    {
        wrong = null;
        int fd = Libc.socket(address.Family, Libc.SockStream | Libc.SockNonBlock | Libc.SockCloExec, settings.Protocol);
        if (fd < 0)
        {
            wrong = $"cannot have a socket for {address.EndPoint}: {Libc.Describe(Libc.Errno)}";
            return -1;
        }
        Libc.SetOption(fd, Libc.SolSocket, Libc.SoReuseAddr, 1);
        if (reusePort) Libc.SetOption(fd, Libc.SolSocket, Libc.SoReusePort, 1);
        // Linux hands this option on to accepted sockets, which saves a system call for each.
        Libc.SetOption(fd, Libc.IpProtoTcp, Libc.TcpNoDelay, 1);
        if (address.Family == Libc.AfInet6) Libc.SetOption(fd, Libc.IpProtoIpv6, Libc.Ipv6Only, 1);
        int error = settings.Apply(fd, address.Family, SocketOptionState.StatePrebind, out string what);
        if (error == 0)
        {
            fixed (byte* raw = address.Raw)
                if (Libc.bind(fd, raw, address.Raw.Length) != 0) wrong = $"cannot bind {address.EndPoint}: {Libc.Describe(Libc.Errno)}";
            if (wrong is null) error = settings.Apply(fd, address.Family, SocketOptionState.StateBound, out what);
        }
        if (error != 0) wrong = $"cannot set {what} on {address.EndPoint}: {Libc.Describe(error)}";
        if (wrong is null) return fd;
        Libc.close(fd);
        return -1;
    }

    private static int SystemBacklog()
        => File.Exists("/proc/sys/net/core/somaxconn")
        && int.TryParse(File.ReadAllText("/proc/sys/net/core/somaxconn"), out int n) ? n : 4096;
}
