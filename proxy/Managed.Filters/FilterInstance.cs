namespace Managed.Filters;

/// <summary>
/// Second lifetime: a filter on one stream or connection, on one worker: no locks, no other threads. What it throws costs its own stream
/// or connection and is counted; a plug-in that does it again and again is left out for a while (docs/native.md, "What is contained").
/// <para>A worker carries thousands of connections on one thread: nothing here may wait. Work that takes time or waits goes through
/// <see cref="RunElsewhere"/>, a pause through <see cref="After"/>, a request to a cluster through <see cref="Call"/>.</para>
/// </summary>
public abstract class FilterInstance
{
    private protected FilterInstance()
    {
    }

    internal FilterHost Host { get; set; } = null!;

    /// <summary>0 to <see cref="FilterContext.Workers"/> - 1: for state of each worker's own.</summary>
    protected int WorkerId => Host.WorkerId;

    /// <summary>Microseconds of a clock that only goes forward, as of this turn of the worker's loop.</summary>
    protected long NowMicros => Host.NowMicros;

    /// <summary>Adds to a counter.</summary>
    protected void Count(FilterCounter counter, long amount = 1) => Host.Count(counter, amount);

    /// <summary>Adds to a gauge; a negative amount takes away.</summary>
    protected void Add(FilterGauge gauge, long amount) => Host.Add(gauge, amount);

    /// <summary>Records a value that is not negative.</summary>
    protected void Record(FilterHistogram histogram, long value) => Host.Record(histogram, value);

    /// <summary>A line of the log, with the request or connection named.</summary>
    protected void Log(FilterLogLevel level, string text) => Host.Log(level, text);

    /// <summary>Calls an action on this worker later, unless the stream or connection has ended by then.</summary>
    protected FilterWork After(TimeSpan delay, Action action) => Host.After(delay, action);

    /// <summary>
    /// Runs work on threads that may wait, and hands what came of it back on this worker, unless the stream or connection has ended by
    /// then; its token is cancelled at that moment. 100 at most for each stream or connection.
    /// </summary>
    /// <param name="work">Must use nothing of this filter or its stream but what it was given beforehand.</param>
    /// <param name="then">On this worker.</param>
    /// <param name="failed">On this worker, in place of <paramref name="then"/>; null: a failure counts as one of a hook.</param>
    /// <exception cref="InvalidOperationException">Too many are under way.</exception>
    protected FilterWork RunElsewhere<T>(Func<CancellationToken, Task<T>> work, Action<T> then, Action<Exception>? failed = null)
        => Host.RunElsewhere(async token => (await work(token).ConfigureAwait(false))!, result => then((T)result!), failed);

    /// <summary>
    /// Sends a request to a cluster of the configuration; the answer comes once, in a later turn of the loop, unless the stream or
    /// connection has ended by then. Whatever goes wrong is an answer too. 100 at most for each stream or connection.
    /// </summary>
    /// <exception cref="ArgumentException">There is no such cluster, or a field is none.</exception>
    /// <exception cref="InvalidOperationException">Too many are under way.</exception>
    protected FilterWork Call(string cluster, FilterRequest request, Action<FilterResponse> then) => Host.Call(cluster, request, then);
}

// What the proxy does for a filter.
internal abstract class FilterHost
{
    public abstract int WorkerId { get; }
    public abstract long NowMicros { get; }
    public abstract void Count(FilterCounter counter, long amount);
    public abstract void Add(FilterGauge gauge, long amount);
    public abstract void Record(FilterHistogram histogram, long value);
    public abstract void Log(FilterLogLevel level, string text);
    public abstract FilterWork After(TimeSpan delay, Action action);
    public abstract FilterWork RunElsewhere(Func<CancellationToken, Task<object?>> work, Action<object?> then, Action<Exception>? failed);
    public abstract FilterWork Call(string cluster, FilterRequest request, Action<FilterResponse> then);
    public abstract void Continue(bool response);
    public abstract void Close();
}
