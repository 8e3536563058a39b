namespace Managed.Dashboard.Hosting;

/// <summary>What the host tells the dashboard.</summary>
public sealed class DashboardOptions
{
    /// <summary>
    /// Base address of the admin API without <c>/api/v1</c>, such as <c>http://127.0.0.1:9901/</c>. Asked at each use,
    /// never at start-up, because a host that listens on port 0 knows its address only once it runs.
    /// </summary>
    public required Func<IServiceProvider, Uri> Api { get; init; }

    /// <summary>Name of this node in the frame of every page.</summary>
    public string NodeName { get; init; } = Environment.MachineName;

    /// <summary>
    /// Makes the handler for calls to the admin API; for a host whose certificate the machine does not trust.
    /// Null: a plain <see cref="SocketsHttpHandler"/>.
    /// </summary>
    public Func<HttpMessageHandler>? Handler { get; init; }

    /// <summary>Told when what pages took was given back, half a minute after the last one: the host may do the same.</summary>
    public Action? PagesGone { get; init; }
}
