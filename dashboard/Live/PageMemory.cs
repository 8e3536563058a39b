using System.Runtime.InteropServices;
using Managed.Dashboard.Hosting;
using Microsoft.AspNetCore.Components.Server.Circuits;

namespace Managed.Dashboard.Live;

/// <summary>
/// Gives back what pages took. Problem: a page of a large configuration makes tens of megabytes of garbage; the collector makes its heap
/// larger for them, and with the last page nothing is allocated any more that would make it collect and shrink. Design: once, half a minute
/// after the last circuit has gone, one collection that compacts and returns free memory to the system. The workers stand still for it,
/// as in any full collection, so it is made only where it gives back something, and never while somebody has a page.
/// </summary>
internal sealed partial class PageMemory(DashboardOptions options, TimeProvider time, ILogger<PageMemory> logger) : IDisposable
{
    /// <summary>After the last page; who comes back within it finds what was there.</summary>
    public static readonly TimeSpan Rest = TimeSpan.FromSeconds(30);

    /// <summary>Less than this is not worth a pause.</summary>
    public const long Worth = 32 << 20;

    private readonly Lock _lock = new();
    private int _pages;
    private long _before = -1; // what the heap took before the first page, and after each collection
    private ITimer? _timer;

    /// <summary>What the collector has of the system, in bytes, and how it gives back what it does not need. For tests.</summary>
    internal Func<long> Committed { get; init; } = () => GC.GetGCMemoryInfo(GCKind.Any) is { Index: > 0 } last ? last.TotalCommittedBytes
        : GC.GetTotalMemory(forceFullCollection: false);

    internal Action Collect { get; init; } = () =>
    {
        if (Environment.GetEnvironmentVariable("MANAGED_PAGE_GC") is "bg")
            GC.Collect(2, GCCollectionMode.Forced, blocking: false);
        else
            GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        try
        {
            _ = TrimMalloc(0); // the compiler's: pages run code that nothing else does
        }
        catch (EntryPointNotFoundException)
        {
            // another C library, which gives back by itself
        }
    };

    public void Opened()
    {
        lock (_lock)
        {
            _pages++;
            _timer?.Dispose();
            _timer = null;
            if (_before < 0)
                _before = Committed();
        }
    }

    public void Closed()
    {
        lock (_lock)
            if (--_pages == 0)
                _timer = time.CreateTimer(_ => GiveBack(), null, Rest, Timeout.InfiniteTimeSpan);
    }

    private void GiveBack()
    {
        try
        {
            lock (_lock)
                if (_pages > 0 || Committed() - _before < Worth)
                    return;
            var (started, had) = (time.GetTimestamp(), Committed());
            Collect();
            var has = Committed();
            lock (_lock)
                _before = Math.Max(_before, has);
            options.PagesGone?.Invoke();
            Log.GaveBack(logger, Math.Max(0, had - has) >> 20, time.GetElapsedTime(started).TotalMilliseconds);
        }
        catch (Exception)
        {
            // It is tried again after the next page; an exception in a timer would end the process.
        }
    }

    [LibraryImport("libc", EntryPoint = "malloc_trim")]
    private static partial int TrimMalloc(nuint pad);

    public void Dispose()
    {
        lock (_lock)
            _timer?.Dispose();
    }
}

/// <summary>Tells of a circuit's beginning and end.</summary>
internal sealed class PageCount(PageMemory memory) : CircuitHandler
{
    public override Task OnCircuitOpenedAsync(Circuit circuit, CancellationToken cancellationToken)
    {
        memory.Opened();
        return Task.CompletedTask;
    }

    public override Task OnCircuitClosedAsync(Circuit circuit, CancellationToken cancellationToken)
    {
        memory.Closed();
        return Task.CompletedTask;
    }
}
