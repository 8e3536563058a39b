using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Transport;

namespace Managed.Proxy.Downstream.Listener;

/// <summary>
/// The file of a Unix socket that is bound here. Nothing is ever taken from anybody: a path on which something other than a socket lies,
/// or a socket that somebody listens on, cannot be had. A dead socket of our own user is put aside, comes back when the publication is
/// refused, and goes once it is not. Our own file is removed only while it is ours.
/// </summary>
internal sealed class SocketFile
{
    private readonly string _path;
    private string? _aside;
    private (ulong, ulong)? _own;

    private SocketFile(string path) => _path = path;

    /// <summary>Binds; null and the reason when the path cannot be had, and nothing has changed then.</summary>
    public static SocketFile? Bind(int fd, string path, SocketAddressBytes address, out string? wrong)
    {
        var file = new SocketFile(path);
        wrong = file.PutAside(address);
        if (wrong is null && TryBind(fd, address) is var error && error != 0)
        {
            wrong = Libc.Describe(error);
            file.PutBack();
        }
        if (wrong is not null) return null;
        file._own = FileFacts.Of(path)?.Id;
        return file;
    }

    /// <summary>The file that lies there, of a socket that is ours by now.</summary>
    public static SocketFile Of(string path) => new(path) { _own = FileFacts.Of(path)?.Id };

    /// <summary>The version is in service: what lay there before goes.</summary>
    public void Keep()
    {
        if (_aside is { } aside) _ = Libc.Unlink(aside);
        _aside = null;
    }

    /// <summary>Nobody listens here any more, or never did.</summary>
    public void Remove()
    {
        if (_own is { } own && FileFacts.Of(_path)?.Id == own) _ = Libc.Unlink(_path);
        _own = null;
        PutBack();
    }

    private string? PutAside(SocketAddressBytes address)
    {
        if (FileFacts.Of(_path) is not { } there) return null; // bind takes no path on which something comes to lie meanwhile
        if (!there.IsSocket) return "there is a file that is no socket, and it is left alone";
        if (!IsDead(address)) return "another process listens on it";
        if (there.Owner != Libc.geteuid()) return "there is a socket of another user, and it is left alone";
        string aside = $"{_path}.{Environment.ProcessId}.{Guid.NewGuid():N}";
        if (Libc.Rename(_path, aside) != 0) return Libc.Describe(Libc.Errno);
        _aside = aside;
        if (FileFacts.Of(aside)?.Id == there.Id) return null;
        PutBack(); // somebody was faster
        return "another process has just taken it";
    }

    private void PutBack()
    {
        // A link and not a renaming, which would replace what lies there by now.
        if (_aside is { } aside && (Libc.Link(aside, _path) == 0 || FileFacts.Of(_path) is not null)) _ = Libc.Unlink(aside);
        _aside = null;
    }

    private static unsafe int TryBind(int fd, SocketAddressBytes address)
    {
        fixed (byte* raw = address.Raw) return Libc.bind(fd, raw, address.Raw.Length) == 0 ? 0 : Libc.Errno;
    }

    // A socket file that nobody answers on is left over from a process that was killed.
    private static unsafe bool IsDead(SocketAddressBytes address)
    {
        int fd = Libc.socket(Libc.AfUnix, Libc.SockStream | Libc.SockCloExec | Libc.SockNonBlock, 0); // a full queue must not hold this up
        if (fd < 0) return false;
        int result;
        fixed (byte* raw = address.Raw) result = Libc.connect(fd, raw, address.Raw.Length);
        bool dead = result < 0 && Libc.Errno == Libc.EConnRefused;
        Libc.close(fd);
        return dead;
    }
}
