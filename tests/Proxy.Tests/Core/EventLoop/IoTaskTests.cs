using Managed.Proxy.Core.EventLoop;
using Xunit;

namespace Managed.Proxy.Tests.Core.EventLoop;

public sealed class IoTaskTests
{
    private readonly IoSource<int> _source = new();
    private readonly List<string> _ran = [];

    [Fact]
    public void ResultThatIsThere_NeedsNoWait()
    {
        int taken = 0;
        TakeAsync().Forget();
        Assert.Equal(7, taken);

        async IoTask<bool> TakeAsync()
        {
            taken = await new IoTask<int>(7);
            return true;
        }
    }

    [Fact]
    public void Awaiter_ResumesOnTheStackOfWhoCompletes()
    {
        AddAsync().Forget();
        Assert.True(_source.IsAwaited);
        _source.Complete(5);
        _ran.Add("after");
        Assert.Equal(["5", "after"], _ran);

        async IoTask<bool> AddAsync()
        {
            _ran.Add((await _source.AsTask()).ToString(System.Globalization.CultureInfo.InvariantCulture));
            return true;
        }
    }

    [Fact]
    public void Failure_ComesToWhoAwaits()
    {
        CatchAsync().Forget();
        _source.Complete(0);
        Assert.Equal(["inner"], _ran);

        async IoTask<bool> CatchAsync()
        {
            try
            {
                await FailAsync();
            }
            catch (InvalidOperationException e)
            {
                _ran.Add(e.Message);
            }
            return true;
        }
    }

    [Fact]
    public void FailureThatNobodyAwaits_GoesToTheLoopAndNotToWhoCompletes()
    {
        using var thread = new LoopThread();
        thread.Run(() =>
        {
            FailAsync().Forget();
            _source.Complete(0);
            _ran.Add("went on");
            FailAtOnceAsync().Forget();
            _ran.Add("again");
            thread.Done();
        });
        Assert.Equal(["went on", "again"], _ran);
        Assert.Equal(["inner", "at once"], thread.Caught.Select(e => e.Message));
    }

    [Fact]
    public void Awaits_AllocateNothingInSteadyState()
    {
        for (int i = 0; i < 100; i++) Round();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++) Round();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Round()
        {
            TwiceAsync().Forget();
            _source.Complete(1);
            _source.Complete(2);
        }
    }

    [Fact]
    public void Signal_IsRememberedOnce()
    {
        var signal = new Signal();
        signal.Set();
        signal.Set();
        Assert.True(signal.WaitAsync().IsCompleted);
        Assert.False(signal.WaitAsync().IsCompleted);
    }

    private async IoTask<bool> FailAsync()
    {
        await _source.AsTask();
        throw new InvalidOperationException("inner");
    }

#pragma warning disable CS1998 // it is to end before anybody could await it
    private static async IoTask<bool> FailAtOnceAsync() => throw new InvalidOperationException("at once");
#pragma warning restore CS1998

    private async IoTask<int> TwiceAsync() => await OnceAsync() + await OnceAsync();

    private async IoTask<int> OnceAsync() => await _source.AsTask();
}
