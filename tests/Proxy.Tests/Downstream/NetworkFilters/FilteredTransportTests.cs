using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Core.EventLoop;
using Managed.Proxy.Downstream.Listener;
using Managed.TestKit;
using Xunit;

namespace Managed.Proxy.Tests.Downstream.NetworkFilters;

public sealed class FilteredTransportTests
{
    private sealed class Waiting : NetworkFilter
    {
        public override NetworkStatus OnNewConnection() => NetworkStatus.StopIteration;
        public override NetworkStatus OnData(ByteWriter data, bool end) => NetworkStatus.StopIteration;
    }

    [Fact]
    public async Task AFilterThatNeverLetsTheConnectionBegin_IsNotWaitedForLongerThanItMay_WhateverTheClientSends()
    {
        var loop = new EventLoop(_ => { }, new MemoryBudget(long.MaxValue));
        var thread = new Thread(loop.Run) { IsBackground = true };
        var done = new TaskCompletionSource<(bool Begins, bool TooLate, long Held)>(TaskCreationOptions.RunContinuationsAsynchronously);
        thread.Start();
        loop.Post(_ => RunAsync().Forget(), null);

        var (begins, tooLate, held) = await done.Task.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);

        Assert.Equal((false, true, 0L), (begins, tooLate, held));
        loop.Stop();
        thread.Join();
        loop.Close();

        async IoTask<bool> RunAsync()
        {
            var (near, far) = InMemoryTransport.Pair(loop);
            var transport = new FilteredTransport(loop, near, [new Waiting()]);
            await far.WriteAsync(new byte[3000]);
            bool answer = await transport.BeginAsync(200_000);
            transport.Close();
            done.SetResult((answer, transport.BeganTooLate, loop.Buffers.Used));
            return answer;
        }
    }
}
