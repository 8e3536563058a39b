namespace Managed.Filters;

/// <summary>A request of a filter's own to a cluster of the configuration.</summary>
public sealed class FilterRequest
{
    /// <summary><c>GET</c> and so on.</summary>
    public string Method { get; init; } = "GET";

    /// <summary>Path and query.</summary>
    public string Path { get; init; } = "/";

    /// <summary>The <c>host</c>; empty: the cluster's name.</summary>
    public string Authority { get; init; } = "";

    /// <summary>Further fields.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Headers { get; init; } = [];

    /// <summary>The body; empty: none.</summary>
    public ReadOnlyMemory<byte> Body { get; init; }

    /// <summary>How long the answer may take.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(1);
}

/// <summary>What came of it.</summary>
/// <param name="Status">Of the answer; 503 or 504 where none came.</param>
/// <param name="Failed">It is the proxy's own: none came from the cluster.</param>
/// <param name="Headers">In order, names in lower case.</param>
/// <param name="Body">At most 1 MiB; a longer one is a failure.</param>
public sealed record FilterResponse(int Status, bool Failed, IReadOnlyList<KeyValuePair<string, string>> Headers, byte[] Body)
{
    /// <summary>The first value of a name in lower case; null when there is none.</summary>
    public string? Header(string name)
    {
        foreach (var (each, value) in Headers)
            if (each == name)
                return value;
        return null;
    }
}

/// <summary>Something that is under way for a filter, and ends with its stream or connection.</summary>
public abstract class FilterWork
{
    private protected FilterWork()
    {
    }

    /// <summary>Gives it up: its action is not called any more. Again: nothing.</summary>
    public abstract void Cancel();
}
