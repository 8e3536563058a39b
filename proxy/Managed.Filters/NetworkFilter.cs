namespace Managed.Filters;

/// <summary>
/// A filter on the bytes of one connection, before the last filter of its chain. Bytes from the client pass the filters in the order of the
/// chain, bytes to it in reverse. A hook may change the bytes in place.
/// </summary>
public abstract class NetworkFilter : FilterInstance
{
    /// <summary>The connection.</summary>
    protected FilterConnection Connection { get; private set; } = null!;

    internal FilterConnection ConnectionOfHost { set => Connection = value; }
    internal NetworkStatus Begin() => OnNewConnection();
    internal NetworkStatus Data(FilterBuffer data, bool end) => OnData(data, end);
    internal NetworkStatus Write(FilterBuffer data, bool end) => OnWrite(data, end);
    internal void End(ConnectionEnd end) => OnClose(end);

    /// <summary>Before anything is read. StopIteration keeps the last filter from beginning.</summary>
    protected virtual NetworkStatus OnNewConnection() => NetworkStatus.Continue;

    /// <summary>Bytes from the client, with what was kept of them before. <paramref name="end"/>: the client sends no more.</summary>
    protected virtual NetworkStatus OnData(FilterBuffer data, bool end) => NetworkStatus.Continue;

    /// <summary>Bytes to the client, likewise.</summary>
    protected virtual NetworkStatus OnWrite(FilterBuffer data, bool end) => NetworkStatus.Continue;

    /// <summary>The connection is over.</summary>
    protected virtual void OnClose(ConnectionEnd end)
    {
    }

    /// <summary>Goes on after a StopIteration of OnNewConnection or OnData. Not within these.</summary>
    protected void ContinueReading() => Host.Continue(response: false);

    /// <summary>Goes on after a StopIteration of OnWrite. Not within it.</summary>
    protected void ContinueWriting() => Host.Continue(response: true);

    /// <summary>Ends the connection; what has passed the filters is sent before.</summary>
    protected void CloseConnection() => Host.Close();
}
