namespace Managed.Proxy.Core.Telemetry;

/// <summary>
/// One worker's cells. Only that worker writes; readers see each cell whole (64-bit) and slightly late. Pages never move, so a
/// reader can never look at a retired array; a page of zeroes may go.
/// </summary>
public sealed class StatsCells
{
    private const int PageBits = 10, PageSize = 1 << PageBits, Pages = 4096;

    /// <summary>There is no cell at this index or above.</summary>
    internal const int MaxIndexes = Pages * PageSize;

    private readonly long[]?[] _pages = new long[]?[Pages];
    private HistogramCells?[] _histograms = new HistogramCells?[64];

    public StatsCells() => _pages[0] = new long[PageSize];

    public void Increment(Counter counter) => Cell(counter.Index)++;
    public void Add(Counter counter, long amount) => Cell(counter.Index) += amount;
    public void Increment(Gauge gauge) => Cell(gauge.Index)++;
    public void Decrement(Gauge gauge) => Cell(gauge.Index)--;
    public void Add(Gauge gauge, long amount) => Cell(gauge.Index) += amount;

    /// <param name="histogram">Where.</param>
    /// <param name="value">Not negative; microseconds for times.</param>
    public void Record(Histogram histogram, long value)
    {
        int i = histogram.Index;
        if (i == 0) return;
        if (i >= _histograms.Length) Array.Resize(ref _histograms, Math.Max(i + 1, _histograms.Length * 2));
        (_histograms[i] ??= new HistogramCells()).Record(value);
    }

    internal long Read(int index)
    {
        var page = Volatile.Read(ref _pages[index >> PageBits]);
        return page is null ? 0 : Volatile.Read(ref page[index & (PageSize - 1)]);
    }

    internal void ReadHistogram(int index, HistogramSnapshot into)
    {
        var all = Volatile.Read(ref _histograms);
        if (index < all.Length) all[index]?.AddTo(into);
    }

    /// <summary>The cells of a name that is gone: back to 0, and pages on which nothing counts any more go. On the worker.</summary>
    internal void Clear(StatEntry entry)
    {
        if (entry.Scalar != 0)
            for (int i = entry.Scalar; i < entry.Scalar + entry.Scalars; i++)
            {
                if (_pages[i >> PageBits] is not { } page) continue;
                Volatile.Write(ref page[i & (PageSize - 1)], 0);
                bool last = i == entry.Scalar + entry.Scalars - 1 || (i & (PageSize - 1)) == PageSize - 1;
                // A page of zeroes says the same as none. The first holds the sink.
                if (last && i >= PageSize && !page.AsSpan().ContainsAnyExcept(0L)) Volatile.Write(ref _pages[i >> PageBits], null);
            }
        if (entry.Histogram == 0) return;
        for (int i = entry.Histogram; i < entry.Histogram + entry.Histograms && i < _histograms.Length; i++) _histograms[i] = null;
    }

    private ref long Cell(int index)
    {
        var page = _pages[index >> PageBits] ?? NewPage(index >> PageBits);
        return ref page[index & (PageSize - 1)];
    }

    private long[] NewPage(int page)
    {
        var fresh = new long[PageSize];
        Volatile.Write(ref _pages[page], fresh);
        return fresh;
    }
}
