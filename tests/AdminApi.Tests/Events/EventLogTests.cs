using Managed.AdminApi.Events;

namespace Managed.AdminApi.Tests.Events;

public sealed class EventLogTests
{
    [Fact]
    public void LongEvents_TakeThePlaceOfMoreThanOne()
    {
        var log = new EventLog();
        string first;
        using (var begun = log.Subscribe(null))
            first = begun.LatestId;
        for (var i = 0; i < 100; i++)
            log.Add("long", new { text = new string('x', 100_000) });
        using var late = log.Subscribe(first);
        Assert.True(late.Reset); // what came first is forgotten: ten million letters are more than is kept
        for (var i = 0; i < 100; i++)
            log.Add("short", new { i });
        using var soon = log.Subscribe(late.LatestId);
        Assert.False(soon.Reset);
        Assert.Equal(100, soon.Reader.Count);
    }
}
