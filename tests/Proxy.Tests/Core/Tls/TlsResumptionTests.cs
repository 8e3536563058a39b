using Managed.Proxy.Core.Tls;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Core.Tls;

public sealed class TlsResumptionTests : IDisposable
{
    private readonly TestAuthority _authority = new();
    private readonly TestCertificate _certificate;

    public TlsResumptionTests() => _certificate = _authority.Issue("CN=localhost", ["localhost"]);

    [Theory]
    [InlineData("Tls12")]
    [InlineData("Tls13")]
    public void SessionOfOneWorker_IsResumedOnAnother(string version)
    {
        var only = Only(Enum.Parse<TlsVersion>(version));
        var tickets = new TicketKeys(TimeSpan.FromHours(2), TimeProvider.System);
        TlsContext[] servers = [TlsHost.Server(_certificate, tickets, worker: 0, only),
            TlsHost.Server(_certificate, tickets, worker: 1, only)];
        var client = TlsHost.Client(parameters: only);
        Assert.False(Shake(servers[0], client));
        // Each of them, one after another: a ticket of TLS 1.3 is for one use, and each connection brings new ones.
        for (int i = 1; i <= 20; i++) Assert.True(Shake(servers[i % 2], client), $"connection {i}");
        Release([client, .. servers]);
    }

    [Theory]
    [InlineData("Tls12")]
    [InlineData("Tls13")]
    public void SessionOfOnePlace_IsNotResumedAtAnother(string version)
    {
        var only = Only(Enum.Parse<TlsVersion>(version));
        // The same keys: the place alone tells them apart.
        var tickets = new TicketKeys(TimeSpan.FromHours(2), TimeProvider.System);
        TlsContext[] servers = [TlsHost.Server(_certificate, tickets, place: "a"u8.ToArray(), parameters: only),
            TlsHost.Server(_certificate, tickets, place: "b"u8.ToArray(), parameters: only)];
        var client = TlsHost.Client(parameters: only);
        Assert.False(Shake(servers[0], client));
        Assert.False(Shake(servers[1], client));
        Release([client, .. servers]);
    }

    [Fact]
    public void GivenKeyOfAnotherPlace_IsAnotherKey()
    {
        byte[] given = new byte[TicketKey.GivenLength];
        var here = TicketKey.From(given, "here"u8);
        Assert.Equal(here.Name, TicketKey.From(given, "here"u8).Name);
        Assert.Equal(here.Aes, TicketKey.From(given, "here"u8).Aes);
        Assert.NotEqual(here.Name, TicketKey.From(given, "there"u8).Name);
        Assert.NotEqual(here.Aes, TicketKey.From(given, "there"u8).Aes);
        Assert.NotEqual(here.Hmac, here.Aes);
        Assert.Null(new TicketKeys([here]).Find(TicketKey.From(given, "there"u8).Name, out _));
    }

    [Fact]
    public void SessionOfAnOlderKey_IsResumedAndRenewed()
    {
        byte[] old = [.. Enumerable.Repeat((byte)1, 80)], young = [.. Enumerable.Repeat((byte)2, 80)];
        var before = TlsHost.Server(_certificate, new TicketKeys([TicketKey.From(old, "x"u8)]));
        var between = TlsHost.Server(_certificate, new TicketKeys([TicketKey.From(young, "x"u8), TicketKey.From(old, "x"u8)]));
        var after = TlsHost.Server(_certificate, new TicketKeys([TicketKey.From(young, "x"u8)]));
        var client = TlsHost.Client();
        Assert.False(Shake(before, client));
        Assert.True(Shake(between, client));
        Assert.True(Shake(after, client));
        Assert.False(Shake(before, client));
        Release([client, before, between, after]);
    }

    [Fact]
    public void SessionOfOneName_IsNotOfferedToAnother()
    {
        var server = TlsHost.Server(_certificate, new TicketKeys(TimeSpan.FromHours(2), TimeProvider.System));
        var client = TlsHost.Client();
        Assert.False(Shake(server, client, "a.test"));
        Assert.False(Shake(server, client, "b.test"));
        Assert.True(Shake(server, client, "a.test"));
        Release([client, server]);
    }

    [Fact]
    public void WithoutTickets_NothingIsResumed()
    {
        foreach (var version in (TlsVersion[])[TlsVersion.Tls12, TlsVersion.Tls13])
        {
            var only = new TlsParameters { MinVersion = version, MaxVersion = version };
            var server = TlsHost.Server(_certificate, parameters: only);
            var client = TlsHost.Client(parameters: only);
            Assert.False(Shake(server, client));
            Assert.False(Shake(server, client));
            Release([client, server]);
        }
    }

    [Fact]
    public void OwnKeys_AreMadeAnewAndTheLastStillDecrypt()
    {
        var time = new Time();
        var keys = new TicketKeys(TimeSpan.FromMinutes(10), time);
        var first = keys.Newest();
        Assert.Same(first, keys.Newest());
        time.Now += TimeSpan.FromMinutes(11);
        var second = keys.Newest();
        Assert.NotEqual(first.Name, second.Name);
        Assert.NotNull(keys.Find(first.Name, out bool newest));
        Assert.False(newest);
        Assert.NotNull(keys.Find(second.Name, out newest));
        Assert.True(newest);
        time.Now += TimeSpan.FromMinutes(30);
        keys.Newest();
        Assert.Null(keys.Find(first.Name, out _)); // nobody has a valid ticket of it
    }

    [Fact]
    public async Task Openssl_ResumesToo()
    {
        var tickets = new TicketKeys(TimeSpan.FromHours(2), TimeProvider.System);
        var context = TlsHost.Server(_certificate, tickets);
        using var host = new TlsHost(() => context);
        string folder = Directory.CreateTempSubdirectory("managed-test-").FullName;
        try
        {
            string session = Path.Combine(folder, "session");
            Assert.Contains("New, TLSv1.2", await OpenSsl.ClientAsync(host.Port, "-tls1_2", "-sess_out", session),
                StringComparison.Ordinal);
            Assert.Contains("Reused, TLSv1.2", await OpenSsl.ClientAsync(host.Port, "-tls1_2", "-sess_in", session),
                StringComparison.Ordinal);
            host.Next();
            Assert.True(host.Next().Transport.Connection!.IsResumed);
        }
        finally
        {
            Directory.Delete(folder, true);
        }
        context.Release();
    }

    private static TlsParameters Only(TlsVersion version) => new() { MinVersion = version, MaxVersion = version };

    private static bool Shake(TlsContext server, TlsContext client, string name = "localhost")
    {
        var result = TlsPair.Shake(server, client, name);
        Assert.True(result.Worked, $"{result.Server} {result.Client} {result.ServerSide.FailureReason} {result.ClientSide.FailureReason}");
        Assert.Equal(0, result.ServerEnd); // the client's close_notify
        Assert.Equal(result.ServerSide.Connection!.IsResumed, result.ClientSide.Connection!.IsResumed);
        return result.ServerSide.Connection.IsResumed;
    }

    private static void Release(TlsContext[] contexts)
    {
        foreach (var context in contexts) context.Release();
        Assert.All(contexts, c => Assert.Equal(0, c.Pointer));
    }

    public void Dispose() => _authority.Dispose();

    private sealed class Time : TimeProvider
    {
        public DateTimeOffset Now = DateTimeOffset.UnixEpoch.AddYears(50);
        public override DateTimeOffset GetUtcNow() => Now;
    }
}
