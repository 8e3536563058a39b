namespace Managed.Proxy.Router.Matching;

/// <summary>Goes through several ascending lists of route numbers in the order of all of them: a heap of a cursor for each.</summary>
internal ref struct RouteMerge(ReadOnlySpan<int> numbers, Span<RouteMerge.Cursor> room)
{
    /// <param name="Number">That it stands at.</param>
    /// <param name="At">Where that is.</param>
    /// <param name="End">Of its list.</param>
    public readonly record struct Cursor(int Number, int At, int End);

    private readonly ReadOnlySpan<int> _numbers = numbers;
    private readonly Span<Cursor> _heap = room;
    private int _count;

    /// <summary>A list, from a number on.</summary>
    public void Add(in RoutePlace place, int from)
    {
        int at = place.First, end = at + place.Count;
        while (at < end && _numbers[at] < from) at++;
        if (at < end) _heap[_count++] = new Cursor(_numbers[at], at, end);
    }

    /// <summary>Once all lists are there.</summary>
    public readonly void Start()
    {
        for (int i = _count / 2 - 1; i >= 0; i--) Sink(i);
    }

    /// <summary>The next number; int.MaxValue: there is no more.</summary>
    public int Next()
    {
        if (_count == 0) return int.MaxValue;
        var (number, at, end) = _heap[0];
        if (++at < end) _heap[0] = new Cursor(_numbers[at], at, end);
        else _heap[0] = _heap[--_count];
        if (_count > 1) Sink(0);
        return number;
    }

    private readonly void Sink(int at)
    {
        var cursor = _heap[at];
        for (int child; (child = 2 * at + 1) < _count; at = child)
        {
            if (child + 1 < _count && _heap[child + 1].Number < _heap[child].Number) child++;
            if (_heap[child].Number >= cursor.Number) break;
            _heap[at] = _heap[child];
        }
        _heap[at] = cursor;
    }
}
