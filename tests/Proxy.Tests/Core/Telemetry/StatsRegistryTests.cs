using Managed.Proxy.Core.Telemetry;
using Xunit;

namespace Managed.Proxy.Tests.Core.Telemetry;

public sealed class StatsRegistryTests
{
    private static readonly StatGroup Group = new(["hits", "misses"], ["active"], ["time"]);

    private readonly StatsRegistry _stats = new();
    private readonly Queue<Action> _posted = new();
    private readonly StatsCells _cells;

    public StatsRegistryTests() => _cells = _stats.AddWorker((action, state) => _posted.Enqueue(() => action(state)));

    [Fact]
    public void ScopeThatIsOnlyTried_ShowsNoName_AndGivesAllBack()
    {
        var tried = _stats.Begin();
        tried.Counter("a");
        tried.Group("b.", Group);
        Assert.Empty(_stats.Read());
        Assert.Equal(5, _stats.Names);
        tried.Return();
        Assert.Equal(0, _stats.Names);
        Assert.Empty(_posted);
    }

    [Fact]
    public void NameOfTwoScopes_KeepsItsCount_UntilTheLastGoes()
    {
        var (first, second) = (_stats.Begin(), _stats.Begin());
        var hits = first.Group("a.", Group).Counter("hits");
        first.Use();
        _cells.Add(hits, 3);
        Assert.Equal(hits, second.Group("a.", Group).Counter("hits"));
        second.Use();
        first.Return();
        Work();
        _cells.Increment(hits);
        Assert.Equal(4, _stats.Value("a.hits"));
        second.Return();
        Assert.Equal(0, _stats.Value("a.hits"));
        Assert.Empty(_stats.Read());
    }

    [Fact]
    public void IndexOfANameThatIsGone_CountsForAnotherFromZero()
    {
        var first = _stats.Begin();
        var group = first.Group("a.", Group);
        var (hits, time) = (group.Counter("hits"), group.Histogram("time"));
        first.Use();
        _cells.Add(hits, 3);
        _cells.Record(time, 5);
        first.Return();
        _cells.Increment(hits); // a connection that ended before the worker heard of it
        Assert.NotEqual(hits, _stats.Begin().Group("b.", Group).Counter("hits")); // not yet: the worker still may count there
        Work();
        var next = _stats.Begin();
        Assert.Equal(hits, next.Group("c.", Group).Counter("hits"));
        next.Use();
        Assert.Equal([0d, 0, 0, 0], _stats.Read().Select(s => s.Value));
        Assert.Equal(0, _stats.Read().Single(s => s.Name == "c.time").Histogram!.Sum);
    }

    [Fact]
    public void ManyNamesThatComeAndGo_TakeNoMoreCells()
    {
        int highest = 0;
        for (int i = 0; i < 100; i++)
        {
            var scope = _stats.Begin();
            for (int n = 0; n < 50; n++)
            {
                var hits = scope.Group($"round-{i}.{n}.", Group).Counter("hits");
                scope.Use();
                _cells.Increment(hits);
                highest = Math.Max(highest, hits.Index);
            }
            scope.Return();
            Work();
        }
        Assert.InRange(highest, 1, 150);
        Assert.Equal(0, _stats.Names);
    }

    [Fact]
    public void WhatGuestsMade_GoesOnInTheNextVersionOfItsOwner_AndNowhereElse()
    {
        var first = _stats.Begin();
        first.Own("lua.");
        first.Use();
        int index = first.Guest(StatKind.Counter, "lua.orders", "lua.");
        first.Guest(StatKind.Counter, "other.orders", "other.");
        _cells.Add(new Counter(index), 7);
        var second = _stats.Begin();
        second.Own("lua.");
        second.Use();
        first.Return();
        Work();
        Assert.Equal(["lua.orders"], _stats.Read().Select(s => s.Name));
        Assert.Equal(7, _stats.Value("lua.orders"));
        second.Return();
        Assert.Empty(_stats.Read());
        Assert.Equal(0, second.Guest(StatKind.Counter, "lua.late", "lua.")); // the sink
        Assert.Equal(0, _stats.Names);
    }

    [Fact]
    public void NameOfAnotherKind_IsRefused_AndLeavesNothing()
    {
        var (first, second) = (_stats.Begin(), _stats.Begin());
        first.Counter("a");
        Assert.Throws<InvalidOperationException>(() => second.Gauge("a"));
        second.Return();
        first.Return();
        Assert.Equal(0, _stats.Names);
    }

    [Fact]
    public void NamesOfTheProcess_Stay()
    {
        var counter = _stats.Counter("server.x");
        var scope = _stats.Begin();
        Assert.Equal(counter, scope.Counter("server.x"));
        scope.Use();
        scope.Return();
        _cells.Increment(counter);
        Assert.Equal(1, _stats.Value("server.x"));
    }

    private void Work()
    {
        while (_posted.TryDequeue(out var action)) action();
    }
}
