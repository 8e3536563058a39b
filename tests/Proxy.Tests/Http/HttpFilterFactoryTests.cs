using Managed.Proxy.Core;
using Managed.Proxy.Http;
using Xunit;

namespace Managed.Proxy.Tests.Http;

/// <summary>The instances of one filter on one worker.</summary>
public sealed class HttpFilterFactoryTests
{
    private readonly IdleWorker _idle = new();
    private int _made;

    private sealed class Plain(bool throws) : HttpFilter
    {
        public override void OnDestroy()
        {
            if (throws) throw new InvalidOperationException("destroyed");
        }
    }

    private FilterFactory Factory(bool throws = false) => new(FilterHooks.None, _ =>
    {
        _made++;
        return new Plain(throws);
    });

    [Fact]
    public void AnInstance_ServesOneStreamAfterAnother()
    {
        var factory = Factory();
        for (int i = 0; i < 100; i++) factory.Return(factory.Rent(_idle.Worker), _idle.Worker);
        Assert.Equal(1, _made);
    }

    [Fact]
    public void OneThatThrowsAtItsEnd_ServesNoOther()
    {
        var factory = Factory(throws: true);
        for (int i = 0; i < 3; i++) factory.Return(factory.Rent(_idle.Worker), _idle.Worker);
        Assert.Equal(3, _made);
    }

    [Fact]
    public void OfACrowdsInstances_ABoundedNumberStays()
    {
        var factory = Factory();
        for (int round = 0; round < 2; round++)
        {
            var crowd = Enumerable.Range(0, 5000).Select(_ => factory.Rent(_idle.Worker)).ToList();
            foreach (var filter in crowd) factory.Return(filter, _idle.Worker);
        }
        Assert.Equal(5000 + 5000 - 1024, _made);
    }
}
