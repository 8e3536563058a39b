using System.Net;
using System.Net.Sockets;
using Managed.Proxy.Upstream.Discovery;
using Xunit;

namespace Managed.Proxy.Tests.Upstream.Discovery;

public sealed class ResolverTests
{
    private static readonly IPAddress[] Answer = [IPAddress.Parse("192.0.2.1")];

    [Fact]
    public async Task NamesThatHang_HoldUpNoOthers()
    {
        using var release = new ManualResetEventSlim();
        var resolver = new Resolver(name =>
        {
            if (name.StartsWith("hangs", StringComparison.Ordinal)) release.Wait(TestContext.Current.CancellationToken);
            return Answer;
        });
        var hanging = Enumerable.Range(0, 40).Select(i => resolver.AskAsync($"hangs{i}")).ToList();
        Assert.Equal(Answer, await resolver.AskAsync("good"));
        Assert.All(hanging, h => Assert.False(h.IsCompleted));
        release.Set();
        Assert.All(await Task.WhenAll(hanging), a => Assert.Equal(Answer, a));
    }

    [Fact]
    public async Task OneName_IsAskedOnceAtATime_AndItsLastGoodAnswerIsKept()
    {
        using var release = new ManualResetEventSlim();
        int asked = 0;
        bool fails = false;
        var resolver = new Resolver(_ =>
        {
            Interlocked.Increment(ref asked);
            release.Wait(TestContext.Current.CancellationToken);
            return fails ? throw new SocketException((int)SocketError.HostNotFound) : Answer;
        });
        var both = Task.WhenAll(resolver.AskAsync("a"), resolver.AskAsync("A"));
        release.Set();
        await both;
        Assert.Equal(1, asked);
        fails = true;
        Assert.Null(await resolver.AskAsync("a"));
        Assert.Equal(Answer, resolver.Known("a"));
        Assert.Null(resolver.Known("b"));
    }
}
