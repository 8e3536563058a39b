using System.Net.Sockets;
using System.Text;
using Managed.AdminApi.Hosting;
using Managed.AdminApi.TakeOver;
using Managed.TestKit;

namespace Managed.AdminApi.Tests.TakeOver;

/// <summary>Peers of all kinds at the socket over which a process hands over, and the other way round.</summary>
public sealed class TakeOverDoorTests(TakeOverDoorTests.Node node) : IClassFixture<TakeOverDoorTests.Node>
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);
    private readonly ManagedHost _host = node.Host;
    private readonly string _folder = node.Folder;

    /// <summary>One node for all, that listens and serves.</summary>
    public sealed class Node : IAsyncLifetime
    {
        public string Folder { get; } = Directory.CreateTempSubdirectory("managed-test-").FullName;
        internal ManagedHost Host { get; private set; } = null!;

        public async ValueTask InitializeAsync()
        {
            var config = Path.Combine(Folder, "config.yaml");
            await File.WriteAllTextAsync(config,
                "listeners:\n- {name: edge, address: '127.0.0.1:0', routes: [{match: {prefix: /}, direct_response: {status: 200}}]}\n");
            Host = await ManagedHost.StartAsync("--data-dir", Folder, "--admin", "127.0.0.1:0", "--workers", "1", "--no-dashboard",
                "--config", config);
        }

        public async ValueTask DisposeAsync()
        {
            await Host.DisposeAsync();
            Directory.Delete(Folder, recursive: true);
        }
    }

    private string SocketPath => Path.Combine(_folder, "take-over");

    [Fact]
    public async Task WhoIsGoneBeforeItServes_LeavesEverythingAsItWas()
    {
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(SocketPath));
        Assert.Equal(201, await PutAsync());
        for (var round = 0; round < 2; round++) // it may be asked again
        {
            var former = FormerProcess.Reach(_folder);
            Assert.Equal(Environment.ProcessId, former.Id);
            // Reading goes on, and nothing is written by this process.
            Assert.Equal(503, await PutAsync());
            Assert.Equal(200, await GetAsync());
            End(former);
            await Eventually.TrueAsync(async () => await PutAsync() is 200 or 204, "changes are taken again");
        }
        Assert.Throws<StartException>(() => DataFolder.Open(_folder)); // the lock was free at no moment, and is not now
    }

    [Theory]
    [InlineData("")]
    [InlineData("GET / HTTP/1.1\r\n\r\n")]
    [InlineData("\0\0\0\u0002{}")]
    [InlineData("\0\0\0\u0020{\"Asks\":\"take over\",\"Format\":999}")]
    [InlineData("\u007f\u00ff\u00ff\u00ff")]
    public async Task WhoSaysSomethingElse_IsSentAwayAndTheNextIsHeard(string bytes)
    {
        using (var peer = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            await peer.ConnectAsync(new UnixDomainSocketEndPoint(SocketPath));
            await peer.SendAsync(Encoding.Latin1.GetBytes(bytes));
            peer.Shutdown(SocketShutdown.Send);
            var buffer = new byte[4096];
            using var limit = new CancellationTokenSource(Limit);
            try
            {
                while (await peer.ReceiveAsync(buffer, limit.Token) > 0)
                    continue;
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionReset)
            {
                // It was sent away before all was read.
            }
        }
        Assert.Equal(200, await GetAsync());
        End(FormerProcess.Reach(_folder));
    }

    [Fact]
    public void NobodyOrSomebodyElseAtTheSocket_IsAClearErrorWithinTheTime()
    {
        var folder = Directory.CreateDirectory(Path.Combine(_folder, "other"));
        var path = Path.Combine(folder.FullName, "take-over");
        Assert.Contains("there is no socket", Assert.Throws<StartException>(() => FormerProcess.Reach(folder.FullName)).Message);
        using (var silent = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            silent.Bind(new UnixDomainSocketEndPoint(path));
            Assert.Contains("nobody listens", Assert.Throws<StartException>(() => FormerProcess.Reach(folder.FullName)).Message);
            silent.Listen(1);
            Assert.Contains("did not answer in time", Assert.Throws<StartException>(
                () => FormerProcess.Reach(folder.FullName, TimeSpan.FromMilliseconds(50))).Message);
            var garbage = silent.Accept();
            garbage.Dispose();
            var answering = Task.Run(() =>
            {
                using var peer = silent.Accept();
                peer.Send("\u007f\u007f\u007f\u007fxxxx"u8);
                while (peer.Receive(new byte[64]) > 0)
                    continue;
            }, TestContext.Current.CancellationToken);
            Assert.Contains("is no message", Assert.Throws<StartException>(() => FormerProcess.Reach(folder.FullName)).Message);
        }
        File.Delete(path);
    }

    /// <summary>Whoever stops a service may do so between two of its processes.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task AskedToEndWhileItHandsOver_ItServesUntilTheOtherDoes_OrIsGone(bool succeeds)
    {
        var own = new Node();
        await own.InitializeAsync();
        var client = new TakeOverDoorTests(own);
        try
        {
            var former = FormerProcess.Reach(own.Folder);

            var stopping = own.Host.StopAsync();

            var port = own.Host.Proxy.Listeners()[0].BoundAddress;
            using (var http = new HttpClient())
                for (var i = 0; i < 20; i++) // it would have closed its sockets by then
                {
                    using var fresh = new HttpRequestMessage(HttpMethod.Get, new Uri($"http://{port}/"));
                    fresh.Headers.ConnectionClose = true;
                    using var answer = await http.SendAsync(fresh);
                    Assert.Equal(200, (int)answer.StatusCode);
                }
            Assert.False(stopping.IsCompleted);
            Assert.Equal(503, await client.PutAsync());
            if (succeeds)
                former.Succeed(); // "yours": nothing of the folder is the old one's any more
            else
                End(former);
            await stopping.WaitAsync(Limit);
            if (succeeds)
                End(former);
        }
        finally
        {
            await own.DisposeAsync();
        }
    }

    // As a process that ends: all that it was handed is closed.
    private static void End(FormerProcess former)
    {
        former.Dispose();
        former.Lock.Dispose();
        UnixCalls.LeaveToOthers(former.Admin);
        former.Admin.Dispose();
        foreach (var descriptor in former.Proxy.Sockets.Values.SelectMany(s => s))
            Assert.Equal(0, UnixCalls.Close(descriptor));
    }

    private async Task<int> PutAsync()
        => await CallAsync(HttpMethod.Put, "clusters/a",
            $"{{\"name\":\"a\",\"endpoints\":[\"127.0.0.1:{Random.Shared.Next(1, 60000)}\"]}}");

    private Task<int> GetAsync() => CallAsync(HttpMethod.Get, "versions", null);

    private async Task<int> CallAsync(HttpMethod method, string path, string? body)
    {
        using var http = new HttpClient();
        using var request = new HttpRequestMessage(method, new Uri(_host.AdminUri, "/api/v1/" + path));
        request.Headers.Authorization = new("Bearer", _host.Token);
        if (body is not null)
            request.Content = new StringContent(body, null, "application/json");
        using var answer = await http.SendAsync(request);
        return (int)answer.StatusCode;
    }
}
