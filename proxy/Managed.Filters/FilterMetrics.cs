namespace Managed.Filters;

/// <summary>A count that only grows. Made by <see cref="FilterContext.Counter"/>, written by a filter on its worker.</summary>
public readonly struct FilterCounter
{
    internal readonly int Index;
    internal FilterCounter(int index) => Index = index;
}

/// <summary>A number that goes up and down, the sum over all workers.</summary>
public readonly struct FilterGauge
{
    internal readonly int Index;
    internal FilterGauge(int index) => Index = index;
}

/// <summary>How values that are not negative are spread, such as times in microseconds.</summary>
public readonly struct FilterHistogram
{
    internal readonly int Index;
    internal FilterHistogram(int index) => Index = index;
}
