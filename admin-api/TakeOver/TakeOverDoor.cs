using System.Runtime.InteropServices;
using Managed.AdminApi.Hosting;
using Managed.AdminApi.Versions;
using Managed.Migrations;
using Managed.Proxy;
using Microsoft.Data.Sqlite;

namespace Managed.AdminApi.TakeOver;

/// <summary>
/// Where the next process on the data folder asks to take over (<c>managed run --take-over</c>): a Unix socket of mode 0600 in the folder,
/// for processes of the same user. Who writes there is decided by words and by nothing else: with the offer this process lends the folder
/// (versions wait, the history is opened for reading), and takes it back when the other one is gone or its time is over, having written
/// nothing; with "yours", which is its last, it has given it away. The lock is of both and is free at no moment.
/// </summary>
internal sealed class TakeOverDoor(DataFolder folder, ProxyServer proxy, Publisher publisher, HistoryAccess history,
    ActiveConfiguration active, RunOptions options, OwnSockets sockets, StopSignal stop, ILogger<TakeOverDoor> logger) : IDisposable
{
    private const uint OwnerOnly = 0x180; // 0600
    private static readonly TimeSpan WordTime = TimeSpan.FromSeconds(5), TurnTime = TimeSpan.FromSeconds(15);
    /// <summary>For the start of the other process: code may have to be compiled, and the machine may be busy.</summary>
    private static readonly TimeSpan StartTime = TimeSpan.FromSeconds(120);
    /// <summary>For the rest of it, once this process is to end: whoever stops processes kills them after 30 s or more.</summary>
    private static readonly TimeSpan EndTime = TimeSpan.FromSeconds(15);

    private readonly Lock _lock = new();
    private readonly ManualResetEventSlim _closed = new();
    private int _listening = -1;
    private Thread? _thread;
    private UnixChannel? _asking;
    private bool _lent; // the other process has the sockets, and begins

    /// <summary>Another process has the folder and the sockets: nothing of them may be touched.</summary>
    public bool HandedOver { get; private set; }

    private string File => Path.Combine(folder.Path, TakeOverHello.SocketName);

    /// <summary>From now on it may be asked. Without it the node works as well; the log says why there is none.</summary>
    public void Open()
    {
        try
        {
            _listening = Listen();
        }
        catch (Exception e) when (e is ChannelException or IOException or UnauthorizedAccessException)
        {
            TakeOverLog.NoDoor(logger, e.Message);
            return;
        }
        _thread = new Thread(Run) { Name = "take-over", IsBackground = true };
        _thread.Start();
    }

    /// <summary>
    /// A take-over that is under way ends, one way or the other, before this returns: one that has the sockets already is let finish, since
    /// with both gone nobody would serve.
    /// </summary>
    public void Close() => Close(EndTime);

    /// <summary>A take-over that is under way is broken off.</summary>
    public void Dispose() => Close(TimeSpan.Zero);

    private void Close(TimeSpan patience)
    {
        lock (_lock)
        {
            if (_closed.IsSet)
                return;
            _closed.Set();
            if (!_lent)
                _asking?.Break();
            if (_listening >= 0)
                _ = UnixCalls.Shutdown(_listening, UnixCalls.ShutBoth); // wakes who waits in accept
        }
        if (_thread?.Join(patience) == false)
        {
            lock (_lock)
                _asking?.Break();
            _thread.Join();
        }
        if (_listening < 0)
            return;
        _ = UnixCalls.Close(_listening);
        if (!HandedOver)
            System.IO.File.Delete(File);
    }

    // Under another name first: at no moment does the name stand for a socket that nobody listens on, or one of another mode.
    private int Listen()
    {
        var making = $"{TakeOverHello.SocketName}.{Environment.ProcessId}";
        System.IO.File.Delete(Path.Combine(folder.Path, making)); // of a process that was killed
        using var address = new UnixAddress(folder.Path, making);
        var fd = UnixCalls.Socket(UnixCalls.Family, UnixCalls.Stream | UnixCalls.CloseExec, 0);
        if (fd >= 0 && UnixCalls.ChangeMode(fd, OwnerOnly) == 0 && UnixCalls.Bind(fd, address.Raw, address.Raw.Length) == 0
            && UnixCalls.Listen(fd, 4) == 0)
        {
            System.IO.File.Move(Path.Combine(folder.Path, making), File, overwrite: true);
            return fd;
        }
        var errno = Marshal.GetLastSystemError();
        if (fd >= 0)
            _ = UnixCalls.Close(fd);
        throw new ChannelException(Marshal.GetPInvokeErrorMessage(errno));
    }

    private unsafe void Run()
    {
        while (!_closed.IsSet && !HandedOver)
        {
            var fd = UnixCalls.Accept(_listening, null, null, UnixCalls.CloseExec);
            if (fd < 0)
            {
                _ = _closed.Wait(TimeSpan.FromSeconds(1)); // no descriptors: there may be some again
                continue;
            }
            using var channel = new UnixChannel(fd);
            lock (_lock)
            {
                if (_closed.IsSet)
                    return;
                _asking = channel;
            }
            try
            {
                Answer(channel);
            }
            catch (Exception e)
            {
                TakeOverLog.Failed(logger, e.Message);
            }
            lock (_lock)
                (_asking, _lent) = (null, false);
        }
        if (HandedOver)
            stop.Request();
    }

    private void Answer(UnixChannel channel)
    {
        if (channel.PeerUser is var user && user != UnixCalls.User())
        {
            TakeOverLog.Foreign(logger, user);
            return;
        }
        var hello = channel.Receive<TakeOverHello>(WordTime);
        if (hello.Asks != TakeOverHello.TakeOver)
            return;
        if (Objection(hello) is { } why)
        {
            Refuse(channel, why);
            return;
        }
        using var patience = new CancellationTokenSource(TurnTime);
        Action giveBack;
        try
        {
            giveBack = publisher.LendAsync(patience.Token).GetAwaiter().GetResult();
        }
        catch (OperationCanceledException)
        {
            Refuse(channel, "a version that it publishes takes too long");
            return;
        }
        try
        {
            if (!history.Lend(WordTime))
                Refuse(channel, "its history is in use for too long");
            else
                HandOver(channel);
        }
        finally
        {
            if (!HandedOver)
            {
                history.TakeBack();
                publisher.TakeBack();
            }
            giveBack();
        }
    }

    private string? Objection(TakeOverHello hello) =>
        hello.Format != TakeOverHello.CurrentFormat ? "it is of another version, whose take-over works differently: stop it and start anew"
        : active.Degraded is { StoreUsable: false } broken ? $"its history is unusable: {broken.Reason}"
        : active.Current is not { Number: > 0 } ? "it serves no version"
        : sockets.Admin is null ? "it starts"
        : null;

    private void Refuse(UnixChannel channel, string why)
    {
        TakeOverLog.Refused(logger, why);
        channel.Send(new TakeOverOffer { Refused = why }, WordTime);
    }

    private void HandOver(UnixChannel channel)
    {
        TakeOverLog.Asked(logger);
        var handed = proxy.HandOverAsync().GetAwaiter().GetResult();
        List<OfferedListener> listeners = [.. handed.Sockets.Select(s => new OfferedListener(s.Key, s.Value.Count))];
        channel.Send(new TakeOverOffer
        {
            Process = Environment.ProcessId, Version = active.Required.Number, Admin = options.Admin.ToString(),
            Demo = sockets.Demo is not null, Listeners = listeners, TicketKeys = handed.TicketKeys,
        }, WordTime);
        List<int> descriptors = [folder.LockDescriptor, Descriptor(sockets.Admin!)];
        if (sockets.Demo is { } demo)
            descriptors.Add(Descriptor(demo));
        foreach (var listener in listeners)
            descriptors.AddRange(handed.Sockets[listener.Key]);
        channel.SendDescriptors(descriptors, WordTime);
        lock (_lock)
            _lent = true;
        try
        {
            if (channel.Receive<TakeOverWord>(StartTime).Says != TakeOverWord.Serving)
                throw new ChannelException("what it says is no message");
            SqliteConnection.ClearAllPools(); // what is open here has nothing to merge: the other one may be the last to close
            channel.Send(new TakeOverWord(TakeOverWord.Yours), WordTime);
        }
        catch (ChannelException e)
        {
            TakeOverLog.GoesOn(logger, e.Message);
            return;
        }
        UnixCalls.LeaveToOthers(sockets.Admin!);
        if (sockets.Demo is { } shared)
            UnixCalls.LeaveToOthers(shared);
        proxy.ShareSockets();
        folder.HandOver();
        HandedOver = true;
        TakeOverLog.Done(logger);
    }

    private static int Descriptor(System.Net.Sockets.Socket socket) => (int)socket.SafeHandle.DangerousGetHandle();
}
