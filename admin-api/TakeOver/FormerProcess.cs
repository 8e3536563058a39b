using System.Net.Sockets;
using System.Runtime.InteropServices;
using Managed.AdminApi.Hosting;
using Managed.Proxy;
using Microsoft.Win32.SafeHandles;

namespace Managed.AdminApi.TakeOver;

/// <summary>
/// The process that serves on the data folder, seen by the one that is to go on in its place. What it hands over stays its own as well
/// until <see cref="Succeed"/>: whatever ends this process before that leaves it as it was.
/// </summary>
internal sealed class FormerProcess : IDisposable
{
    private const int MostDescriptors = 100_000;
    private static readonly TimeSpan ConnectTime = TimeSpan.FromSeconds(5);
    // It ends the publication that is under way first.
    private static readonly TimeSpan OfferTime = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan LastWordTime = TimeSpan.FromSeconds(15);

    private readonly UnixChannel _channel;
    private readonly TakeOverOffer _offer;

    private FormerProcess(UnixChannel channel, TakeOverOffer offer, List<int> descriptors)
    {
        (_channel, _offer) = (channel, offer);
        var next = 0;
        Lock = new SafeFileHandle(descriptors[next++], ownsHandle: true);
        Admin = Adopt(descriptors[next++]);
        Demo = offer.Demo ? Adopt(descriptors[next++]) : null;
        var sockets = new Dictionary<string, IReadOnlyList<int>>();
        foreach (var listener in offer.Listeners)
        {
            sockets[listener.Key] = descriptors.GetRange(next, listener.Sockets);
            next += listener.Sockets;
        }
        Proxy = new(sockets, offer.TicketKeys);
    }

    public int Id => _offer.Process;
    public long Version => _offer.Version;
    /// <summary>The data folder's lock, which both hold together.</summary>
    public SafeFileHandle Lock { get; }
    public Socket Admin { get; }
    public string AdminAddress => _offer.Admin;
    public Socket? Demo { get; }
    public Handover Proxy { get; }

    /// <param name="patience">How long it may think about it; null: as long as it takes to end a publication.</param>
    /// <exception cref="StartException">It cannot be reached, is none of ours, or does not hand over.</exception>
    public static FormerProcess Reach(string folder, TimeSpan? patience = null)
    {
        UnixChannel? channel = null;
        try
        {
            channel = Connect(folder);
            if (channel.PeerUser is var user && user != UnixCalls.User())
                throw new ChannelException($"it runs as another user ({user})");
            channel.Send(new TakeOverHello(TakeOverHello.TakeOver, TakeOverHello.CurrentFormat), ConnectTime);
            var offer = channel.Receive<TakeOverOffer>(patience ?? OfferTime);
            if (offer.Refused is { } why)
                throw new ChannelException(why);
            var count = 2 + (offer.Demo ? 1 : 0) + offer.Listeners.Sum(l => (long)l.Sockets);
            if (count > MostDescriptors || offer.Listeners.Any(l => l.Sockets < 1))
                throw new ChannelException("what it says is no message");
            var former = new FormerProcess(channel, offer, channel.ReceiveDescriptors((int)count, OfferTime));
            channel = null;
            return former;
        }
        catch (ChannelException e)
        {
            throw new StartException($"the process that runs on the data folder {folder} does not hand over: {e.Message}");
        }
        finally
        {
            channel?.Dispose();
        }
    }

    /// <summary>Says that this process serves; on return the data folder is its own and the other one drains.</summary>
    /// <exception cref="StartException">The other one has gone on by itself, or has gone: nothing may be written here.</exception>
    public void Succeed()
    {
        try
        {
            _channel.Send(new TakeOverWord(TakeOverWord.Serving), LastWordTime);
            if (_channel.Receive<TakeOverWord>(LastWordTime).Says != TakeOverWord.Yours)
                throw new ChannelException("what it says is no message");
        }
        catch (ChannelException e)
        {
            throw new StartException($"the running process (pid {Id}) does not give up its place: {e.Message}");
        }
    }

    public void Dispose() => _channel.Dispose();

    private static UnixChannel Connect(string folder)
    {
        using var address = new UnixAddress(folder, TakeOverHello.SocketName);
        var fd = UnixCalls.Socket(UnixCalls.Family, UnixCalls.Stream | UnixCalls.CloseExec, 0);
        if (fd < 0)
            throw new ChannelException(Marshal.GetPInvokeErrorMessage(Marshal.GetLastSystemError()));
        var channel = new UnixChannel(fd);
        channel.LimitConnect(ConnectTime);
        if (UnixCalls.Connect(fd, address.Raw, address.Raw.Length) == 0)
            return channel;
        var errno = Marshal.GetLastSystemError();
        channel.Dispose();
        throw new ChannelException(errno switch
        {
            UnixCalls.NoEntry => $"there is no socket {TakeOverHello.SocketName} (it starts, stops, or is of a version that has none)",
            UnixCalls.ConnectionRefused => $"nobody listens on the socket {TakeOverHello.SocketName} (it starts or stops)",
            UnixCalls.WouldBlock => "it did not answer in time",
            _ => Marshal.GetPInvokeErrorMessage(errno),
        });
    }

    private static Socket Adopt(int descriptor) => new(new SafeSocketHandle(descriptor, ownsHandle: true));
}
