using System.Diagnostics;
using CsCheck;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Core.Timers;
using Xunit;

namespace Managed.Proxy.Tests.Core.EventLoop;

public sealed class EventLoopTests
{
    private readonly List<string> _ran = [];

    [Fact]
    public void Posts_RunInTheirOrder()
    {
        using var thread = new LoopThread();
        for (int i = 0; i < 3; i++) thread.Loop.Post(n => _ran.Add(n!.ToString()!), i);
        thread.Run(thread.Done);
        Assert.Equal(["0", "1", "2"], _ran);
    }

    [Fact]
    public void PostFromAnotherThread_WakesTheLoop()
    {
        using var thread = new LoopThread();
        new Thread(() => thread.Loop.Post(_ => thread.Done(), null)).Start();
        thread.Run(() => { });
    }

    [Fact]
    public void PostOfAPost_RunsInALaterTurn()
    {
        using var thread = new LoopThread();
        long first = 0, second = 0;
        thread.Run(() =>
        {
            first = thread.Loop.Turns;
            thread.Loop.Post(_ => { second = thread.Loop.Turns; thread.Done(); }, null);
        });
        Assert.True(second > first, $"turns {first} and {second}");
    }

    [Fact]
    public void Deferred_RunsAfterTheRestOfItsTurn()
    {
        using var thread = new LoopThread();
        thread.Run(() =>
        {
            long turn = thread.Loop.Turns;
            thread.Loop.Defer(_ => { _ran.Add("deferred"); Assert.Equal(turn, thread.Loop.Turns); thread.Done(); }, null);
            _ran.Add("post");
        });
        Assert.Equal(["post", "deferred"], _ran);
        Assert.Empty(thread.Caught);
    }

    [Fact]
    public void NextTurn_RunsInTheNextOneAfterWhatIsReady()
    {
        using var thread = new LoopThread();
        var order = new List<string>();
        long first = 0, next = 0;
        using var bell = new Bell(thread.Loop, () => order.Add("ready"));
        thread.Run(() =>
        {
            first = thread.Loop.Turns;
            bell.Ring();
            thread.Loop.NextTurn(_ =>
            {
                next = thread.Loop.Turns;
                order.Add("waited");
                thread.Done();
            }, null);
        });
        Assert.Equal(["ready", "waited"], order);
        Assert.Equal(first + 1, next);
    }

    [Fact]
    public void WhatThrowsInItsNextTurn_IsGivenUpAndTheOthersRun()
    {
        using var thread = new LoopThread();
        using var bell = new Bell(thread.Loop, () => { });
        thread.Run(() =>
        {
            thread.Loop.NextTurn(_ => throw new InvalidOperationException("turn"), bell);
            thread.Loop.NextTurn(_ => thread.Done(), null);
        });
        Assert.True(bell.IsAbandoned);
        Assert.Single(thread.Caught);
    }

    [Fact]
    public void Timers_FireOnTheLoopInTheOrderOfTheirTimes()
    {
        using var thread = new LoopThread();
        thread.Run(() =>
        {
            thread.Loop.Timers.Arm(new WheelTimer(_ => { _ran.Add("late"); thread.Done(); }, null), 60_000);
            thread.Loop.Timers.Arm(new WheelTimer(_ => _ran.Add("soon"), null), 20_000);
        });
        Assert.Equal(["soon", "late"], _ran);
    }

    [Fact]
    public void ThousandsOfTimersAtOneTime_FireSomeInEachTurn()
    {
        const int count = 1000;
        using var thread = new LoopThread();
        var perTurn = new Dictionary<long, int>();
        int left = count;
        thread.Run(() =>
        {
            for (int i = 0; i < count; i++) thread.Loop.Timers.Arm(new WheelTimer(_ => Fired(), null), 1000);
        });
        Assert.All(perTurn.Values, n => Assert.InRange(n, 1, Managed.Proxy.Core.EventLoop.EventLoop.TimersPerTurn));

        void Fired()
        {
            perTurn[thread.Loop.Turns] = perTurn.GetValueOrDefault(thread.Loop.Turns) + 1;
            if (--left == 0) thread.Done();
        }
    }

    [Fact]
    public void WhatMayWait_LeavesEachTurnToTheOthers()
    {
        const int count = 50;
        using var thread = new LoopThread();
        var turns = new HashSet<long>();
        int left = count;
        thread.Run(() =>
        {
            for (int i = 0; i < count; i++)
                thread.Loop.Later(_ =>
                {
                    turns.Add(thread.Loop.Turns);
                    for (long from = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(from).TotalMicroseconds < EventLoopMicros;) { }
                    if (--left == 0) thread.Done();
                }, null, thread.Loop.Turns);
        });
        Assert.Equal(count, turns.Count);
    }

    private const int EventLoopMicros = Managed.Proxy.Core.EventLoop.EventLoop.ShareMicros;

    [Fact]
    public void WhatWasPostedBeforeTheEnd_RunsBeforeTheLoopHasEnded()
    {
        var thread = new LoopThread();
        thread.Run(() =>
        {
            thread.Loop.Post(_ => _ran.Add("posted"), null);
            thread.Done();
        });
        Assert.Equal(["posted"], _ran);
        thread.Dispose();
    }

    [Fact]
    public void Close_DoesWhatWasPostedAfterTheEnd()
    {
        var thread = new LoopThread();
        thread.Run(thread.Done);
        thread.Loop.Post(_ =>
        {
            _ran.Add("post");
            thread.Loop.Defer(_ => _ran.Add("deferred"), null);
            throw new InvalidOperationException();
        }, null);
        thread.Loop.Post(_ => _ran.Add("last"), null);
        thread.Dispose();
        Assert.Equal(["post", "last", "deferred"], _ran);
        Assert.Single(thread.Caught);
    }

    [Fact]
    public void LoopThatNeverRan_Closes()
    {
        var loop = new Managed.Proxy.Core.EventLoop.EventLoop(_ => { }, new MemoryBudget(long.MaxValue));
        loop.Post(_ => _ran.Add("post"), null);
        loop.Stop();
        loop.Close();
        Assert.Equal(["post"], _ran);
    }

    [Fact]
    public void ReporterThatThrows_CostsNobodyElse()
    {
        var loop = new Managed.Proxy.Core.EventLoop.EventLoop(_ => throw new InvalidOperationException("the log"),
            new MemoryBudget(long.MaxValue));
        loop.Post(_ => throw new InvalidOperationException("the post"), null);
        loop.Post(_ => { _ran.Add("next"); loop.Stop(); }, null);
        loop.Run();
        loop.Close();
        Assert.Equal(["next"], _ran);
    }

    [Fact]
    public void RoomOfACrowd_GoesAfterIt()
    {
        using var thread = new LoopThread();
        int first = thread.Loop.Room, most = 0;
        thread.Run(() =>
        {
            for (int i = 0; i < 50_000; i++)
            {
                thread.Loop.Defer(_ => { }, null);
                thread.Loop.NextTurn(_ => { }, null);
            }
            most = thread.Loop.Room;
            thread.Loop.NextTurn(_ => thread.Done(), null); // behind all of them
        });
        Assert.True(most >= 100_000);
        for (int second = 0; second < 20; second++) thread.Loop.Trim();
        Assert.InRange(thread.Loop.Room, first, first + 2048);
    }

    [Fact]
    public void WhatAnEventIsFor_IsGivenUpWhenItThrows()
    {
        using var thread = new LoopThread();
        using var bad = new Bell(thread.Loop, () => throw new InvalidOperationException());
        using var good = new Bell(thread.Loop, () => thread.Done());
        bad.Ring();
        good.Ring();
        thread.Run(() => { });
        Assert.True(bad.IsAbandoned);
        Assert.False(good.IsAbandoned);
    }

    [Fact]
    public void ThrowingEverywhere_CostsNothingBesideIt() => Gen.Int.Sample(seed =>
    {
        var random = new Random(seed);
        using var thread = new LoopThread();
        var bells = new List<Bell>();
        int planned = 0, ran = 0, thrown = 0;

        // Each does its part, perhaps begins others, and perhaps throws then.
        Action Piece(int depth)
        {
            planned++;
            return () =>
            {
                ran++;
                bool throws = random.Next(2) == 0;
                if (throws) thrown++;
                for (int n = depth > 0 ? random.Next(3) : 0; n > 0; n--) Begin(depth - 1);
                if (ran == planned) thread.Done();
                if (throws) throw new InvalidOperationException($"piece {ran}");
            };
        }

        void Begin(int depth)
        {
            var piece = Piece(depth);
            switch (random.Next(4))
            {
                case 0:
                    thread.Loop.Post(_ => piece(), null);
                    break;
                case 1:
                    thread.Loop.Defer(_ => piece(), null);
                    break;
                case 2:
                    thread.Loop.Timers.Arm(new WheelTimer(_ => piece(), null), random.Next(3) * 4000);
                    break;
                default:
                    bells.Add(new Bell(thread.Loop, piece));
                    bells[^1].Ring();
                    break;
            }
        }

        thread.Run(() =>
        {
            for (int i = 0; i < 12; i++) Begin(2);
        });
        bells.ForEach(b => b.Dispose());
        Assert.Equal(planned, ran);
        Assert.Equal(thrown, thread.Caught.Count);
    }, iter: 100, threads: 1);
}
