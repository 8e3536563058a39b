namespace Managed.Filters;

/// <summary>
/// First of a filter's two lifetimes: one configuration of it, shared by all workers for as long as some version has it. Its class is what
/// <c>type</c> names in a document; it needs a public constructor without parameters.
/// </summary>
public abstract class FilterPlugin
{
    private protected FilterPlugin()
    {
    }

    /// <summary>What the filter may use while it is built, and its workers.</summary>
    public FilterContext Context { get; internal set; } = null!;

    internal abstract Type ConfigurationType { get; }
    internal abstract void Take(FilterConfiguration configuration);
    internal void Start() => OnStart();
    internal void Stop() => OnStop();

    /// <summary>
    /// The configuration has been bound; on a control thread, before any filter is made. May say that it is not right
    /// (<see cref="FilterContext.Refuse"/>), make metrics, and read files: nothing waits for it but the publication. Also called for a dry
    /// run.
    /// </summary>
    protected virtual void OnStart()
    {
    }

    /// <summary>No stream uses it any more; what it has begun (threads, timers, files) it must end here. On a control thread.</summary>
    protected virtual void OnStop()
    {
    }
}

/// <summary>Makes HTTP filters.</summary>
public abstract class HttpFilterPlugin : FilterPlugin
{
    private protected HttpFilterPlugin()
    {
    }

    internal HttpFilter Create() => CreateFilter();

    /// <summary>A filter for one stream, of the same class each time; on the stream's worker, so several may run at once.</summary>
    protected abstract HttpFilter CreateFilter();
}

/// <summary>Makes HTTP filters by a configuration.</summary>
/// <typeparam name="TConfiguration">A record that says what may be configured, <see cref="NoConfiguration"/> if nothing.</typeparam>
public abstract class HttpFilterPlugin<TConfiguration> : HttpFilterPlugin where TConfiguration : FilterConfiguration, new()
{
    /// <summary>What the document says.</summary>
    public TConfiguration Configuration { get; private set; } = new();

    internal sealed override Type ConfigurationType => typeof(TConfiguration);
    internal sealed override void Take(FilterConfiguration configuration) => Configuration = (TConfiguration)configuration;
}

/// <summary>Makes network filters.</summary>
public abstract class NetworkFilterPlugin : FilterPlugin
{
    private protected NetworkFilterPlugin()
    {
    }

    internal NetworkFilter Create() => CreateFilter();

    /// <summary>A filter for one connection; on the connection's worker, so several may run at once.</summary>
    protected abstract NetworkFilter CreateFilter();
}

/// <summary>Makes network filters by a configuration.</summary>
/// <typeparam name="TConfiguration">A record that says what may be configured, <see cref="NoConfiguration"/> if nothing.</typeparam>
public abstract class NetworkFilterPlugin<TConfiguration> : NetworkFilterPlugin where TConfiguration : FilterConfiguration, new()
{
    /// <summary>What the document says.</summary>
    public TConfiguration Configuration { get; private set; } = new();

    internal sealed override Type ConfigurationType => typeof(TConfiguration);
    internal sealed override void Take(FilterConfiguration configuration) => Configuration = (TConfiguration)configuration;
}

/// <summary>Makes listener filters.</summary>
public abstract class ListenerFilterPlugin : FilterPlugin
{
    private protected ListenerFilterPlugin()
    {
    }

    internal ListenerFilter Create() => CreateFilter();

    /// <summary>A filter for one connection; on the connection's worker, so several may run at once.</summary>
    protected abstract ListenerFilter CreateFilter();
}

/// <summary>Makes listener filters by a configuration.</summary>
/// <typeparam name="TConfiguration">A record that says what may be configured, <see cref="NoConfiguration"/> if nothing.</typeparam>
public abstract class ListenerFilterPlugin<TConfiguration> : ListenerFilterPlugin where TConfiguration : FilterConfiguration, new()
{
    /// <summary>What the document says.</summary>
    public TConfiguration Configuration { get; private set; } = new();

    internal sealed override Type ConfigurationType => typeof(TConfiguration);
    internal sealed override void Take(FilterConfiguration configuration) => Configuration = (TConfiguration)configuration;
}

/// <summary>What a plug-in is given when it starts.</summary>
public abstract class FilterContext
{
    private protected FilterContext()
    {
    }

    /// <summary>What metrics and log lines are named after: the document's <c>name</c> under <c>native</c>, else the assembly's.</summary>
    public abstract string Name { get; }

    /// <summary>How many workers there are; they are numbered from 0.</summary>
    public abstract int Workers { get; }

    /// <summary>
    /// The configuration is not right: the version is refused, with this error at the field's place. Within OnStart.
    /// </summary>
    /// <param name="field">As the document has it, <c>inner.field_name</c> for one of a record within; empty: the whole.</param>
    /// <param name="detail">What is wrong, in words.</param>
    public abstract void Refuse(string field, string detail);

    /// <summary>A counter <c>native.NAME.name</c>. Within OnStart; at most 1,000 metrics in all.</summary>
    public abstract FilterCounter Counter(string name);

    /// <summary>A gauge, likewise.</summary>
    public abstract FilterGauge Gauge(string name);

    /// <summary>A histogram, likewise.</summary>
    public abstract FilterHistogram Histogram(string name);

    /// <summary>A line of the log. Any thread; at most 100 lines a second, what is more is counted.</summary>
    public abstract void Log(FilterLogLevel level, string text);
}
