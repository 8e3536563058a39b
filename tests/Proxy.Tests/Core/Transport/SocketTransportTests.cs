using System.Net.Sockets;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Core.Transport;
using Managed.Proxy.Tests.Core.EventLoop;
using Xunit;
using Loop = Managed.Proxy.Core.EventLoop.EventLoop;

namespace Managed.Proxy.Tests.Core.Transport;

public sealed class SocketTransportTests
{
    private const int Piece = BufferPool.LargeSize;

    [Fact]
    public void MuchThatIsThereAtOnce_IsReadInTurns()
    {
        using var thread = new LoopThread();
        using var peers = new Peers(1, 2 << 20);
        var turns = new SortedDictionary<long, long>();
        var others = new HashSet<long>();
        Bell? other = null;
        other = new Bell(thread.Loop, () =>
        {
            others.Add(thread.Loop.Turns);
            other!.Ring();
        });
        thread.Run(() =>
        {
            other.Ring();
            ReadAsync(thread.Loop, peers.Accept(thread.Loop, 0), peers.Sent(0), turns, thread.Done).Forget();
        });
        other.Dispose();
        Assert.Equal(peers.Sent(0), turns.Values.Sum());
        Assert.All(turns, t => Assert.InRange(t.Value, 1, SocketTransport.Share + Piece));
        // What else is ready runs in each of them.
        Assert.All(turns.Keys.Skip(1), t => Assert.Contains(t, others));
    }

    [Fact]
    public void ManyWhoSendMuch_ShareATurnAndAllComeToTheirEnd()
    {
        const int count = 40;
        using var thread = new LoopThread();
        using var peers = new Peers(count, 1 << 20);
        var turns = new SortedDictionary<long, long>();
        int left = count;
        thread.Run(() =>
        {
            for (int i = 0; i < count; i++)
                ReadAsync(thread.Loop, peers.Accept(thread.Loop, i), peers.Sent(i), turns, () =>
                {
                    if (--left == 0) thread.Done();
                }).Forget();
        });
        Assert.Equal(Enumerable.Range(0, count).Sum(peers.Sent), turns.Values.Sum());
        // Twice: those who have just become ready, and those who waited for the turn.
        long most = 2 * (Loop.TurnBytes + SocketTransport.Share + Piece) + count * (long)(SocketTransport.SmallShare + Piece);
        Assert.All(turns, t => Assert.InRange(t.Value, 1, most));
    }

    [Fact]
    public void WhoGoes_IsClearedAwayAfterTheOthers()
    {
        const int count = 20;
        using var thread = new LoopThread();
        using var peers = new Peers(count, 1);
        var order = new List<string>();
        int left = count;
        Bell? small = null;
        small = new Bell(thread.Loop, () => order.Add("small"));
        thread.Run(() =>
        {
            for (int i = 0; i < count; i++) GoAsync(peers.Accept(thread.Loop, i)).Forget();
            thread.Loop.NextTurn(_ =>
            {
                // Within one turn all of them go, and after them something small is asked for.
                peers.Go();
                small.Ring();
            }, null);
        });
        small.Dispose();
        Assert.Equal("small", order[0]);
        Assert.Equal(count, order.Count(o => o == "gone"));

        async IoTask<bool> GoAsync(SocketTransport transport)
        {
            var buffer = new byte[16];
            while (await transport.ReadAsync(buffer) > 0) { }
            order.Add("gone");
            if (--left == 0) thread.Done();
            return true;
        }
    }

    [Theory]
    [InlineData(SocketTransport.SmallShare, false, "small, much")]
    [InlineData(SocketTransport.SmallShare, true, "much, small")]
    [InlineData(SocketTransport.SmallShare - 1, false, "much, small")]
    public void WhoHasSentMuchWithoutAnAnswer_IsReadAfterTheOthers(int sent, bool isAnswered, string order)
    {
        using var thread = new LoopThread();
        using var peers = new Peers(1, sent);
        var seen = new List<string>();
        Bell? small = null;
        small = new Bell(thread.Loop, () => { seen.Add("small"); End(); });
        thread.Run(() => ReadTwiceAsync(peers.Accept(thread.Loop, 0)).Forget());
        small.Dispose();
        Assert.Equal(order, string.Join(", ", seen));

        async IoTask<bool> ReadTwiceAsync(SocketTransport transport)
        {
            var buffer = new byte[sent + 1];
            for (int left = sent; left > 0;) left -= await transport.ReadAsync(buffer);
            if (isAnswered) await transport.WriteAsync("x"u8.ToArray(), default);
            // What the write made ready has been told by then.
            thread.Loop.NextTurn(_ =>
            {
                peers.SendMore(0, 1);
                small.Ring();
            }, null);
            await transport.ReadAsync(buffer);
            seen.Add("much");
            transport.Close();
            End();
            return true;
        }

        void End()
        {
            if (seen.Count == 2) thread.Done();
        }
    }

    [Fact]
    public void SpentShare_DoesNotHideWhatIsUnread()
    {
        using var thread = new LoopThread();
        using var peers = new Peers(1, 2 * Piece);
        bool spent = false, unread = false;
        int after = 0;
        thread.Run(() =>
        {
            var transport = peers.Accept(thread.Loop, 0);
            var buffer = new byte[Piece];
            // it never runs dry
            for (int reads = 0; reads < 100 && transport.TryRead(buffer) != -Libc.EAgain; reads++) peers.SendMore(0, Piece);
            spent = !transport.MayRead;
            unread = transport.HasUnread();
            after = transport.TryRead(buffer);
            thread.Done();
        });
        Assert.True(spent);
        Assert.True(unread);
        Assert.InRange(after, 1, Piece);
    }

    private static async IoTask<bool> ReadAsync(Loop loop, SocketTransport from, long bytes, SortedDictionary<long, long> turns,
        Action done)
    {
        var buffer = new byte[Piece];
        while (bytes > 0)
        {
            int n = await from.ReadAsync(buffer);
            if (n <= 0) break;
            turns[loop.Turns] = turns.GetValueOrDefault(loop.Turns) + n;
            bytes -= n;
        }
        from.Close();
        done();
        return true;
    }

    /// <summary>Clients that have sent all that they have before anyone reads.</summary>
    private sealed class Peers : IDisposable
    {
        private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        private readonly List<Socket> _clients = [];
        private readonly List<long> _sent = [];
        private readonly string _folder = Directory.CreateTempSubdirectory("managed-test-").FullName;

        public Peers(int count, int bytes)
        {
            var at = new UnixDomainSocketEndPoint(Path.Combine(_folder, "s"));
            _listener.Bind(at);
            _listener.Listen(count);
            for (int i = 0; i < count; i++)
            {
                var client = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { SendBufferSize = 4 * bytes,
                    Blocking = true };
                client.Connect(at);
                client.Blocking = false;
                long sent = 0;
                while (sent < bytes)
                {
                    int n = client.Send(new byte[Math.Min(Piece, bytes - sent)], SocketFlags.None, out var error);
                    if (error != SocketError.Success) break; // the system's limit of a buffer
                    sent += n;
                }
                _clients.Add(client);
                _sent.Add(sent);
            }
        }

        public long Sent(int client) => _sent[client];

        public void SendMore(int client, int bytes) => Assert.Equal(bytes, _clients[client].Send(new byte[bytes]));

        /// <summary>All clients close.</summary>
        public void Go() => _clients.ForEach(c => c.Dispose());

        public SocketTransport Accept(Loop loop, int client)
        {
            // Duplicated, so that the transport alone closes its descriptor.
            using var accepted = _listener.Accept();
            accepted.Blocking = false;
            return SocketTransport.Accepted(loop, Libc.dup((int)accepted.Handle), default);
        }

        public void Dispose()
        {
            foreach (var client in _clients) client.Dispose();
            _listener.Dispose();
            Directory.Delete(_folder, recursive: true);
        }
    }
}
