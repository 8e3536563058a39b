using System.Net;

namespace Managed.Filters;

/// <summary>What is known of a connection, or of the one that a request came on.</summary>
public abstract class FilterConnection
{
    private protected FilterConnection()
    {
    }

    /// <summary>The client: the peer, or who a proxy before says that it is. Null for a Unix socket.</summary>
    public abstract IPEndPoint? RemoteAddress { get; }

    /// <summary>Whom the client wanted to reach. Null for a Unix socket.</summary>
    public abstract IPEndPoint? LocalAddress { get; }

    /// <summary>The peer of the socket.</summary>
    public abstract IPEndPoint? DirectRemoteAddress { get; }

    /// <summary>The name that the client's TLS asked for, in lower case; null when there is none.</summary>
    public abstract string? ServerName { get; }

    /// <summary>The listener that it came to.</summary>
    public abstract string ListenerName { get; }
}

/// <summary>A connection before its chain is chosen: what a listener filter finds in its first bytes it notes here.</summary>
public abstract class IncomingConnection : FilterConnection
{
    /// <summary>Notes the server's name, which filter chains may match.</summary>
    public abstract void SetServerName(string name);

    /// <summary>Notes what the client speaks (<c>http/1.1</c>, <c>h2c</c>), which filter chains may match.</summary>
    public abstract void SetApplicationProtocols(IReadOnlyList<string> protocols);

    /// <summary>Notes who the client is, in place of the socket's peer.</summary>
    public abstract void SetRemoteAddress(IPEndPoint address);

    /// <summary>Notes a value for access logs and later filters: dynamic metadata.</summary>
    /// <param name="space">The namespace, by convention the filter's name.</param>
    /// <param name="key">The name within it.</param>
    /// <param name="value">The value.</param>
    public abstract void Note(string space, string key, string value);
}

/// <summary>A request and its response.</summary>
public abstract class HttpStream : FilterConnection
{
    /// <summary>The request's headers, also after they have gone on.</summary>
    public abstract Headers RequestHeaders { get; }

    /// <summary>The response's; empty before there is one.</summary>
    public abstract Headers ResponseHeaders { get; }

    /// <summary><c>HTTP/1.0</c>, <c>HTTP/1.1</c> or <c>HTTP/2</c>.</summary>
    public abstract string Protocol { get; }

    /// <summary>The name of the matched route; null when none matches. Matches it if nobody has asked before.</summary>
    public abstract string? RouteName { get; }

    /// <summary>The version of the configuration that it is served by.</summary>
    public abstract long ConfigurationVersion { get; }

    /// <summary>The status of the response; 0 before there is one.</summary>
    public abstract int ResponseCode { get; }

    /// <summary>Bytes of the request's body that have come, and of the response's that have been sent.</summary>
    public abstract (long Received, long Sent) Bytes { get; }

    /// <summary>
    /// What the matched route (else its virtual host, else the route configuration) says to this filter under
    /// <c>typed_per_filter_config</c>; null when it says nothing.
    /// </summary>
    public abstract FilterConfiguration? RouteConfiguration { get; }

    /// <summary>Forgets the matched route: the next use matches again with the headers as they are then.</summary>
    public abstract void ClearRouteCache();

    /// <summary>A value of dynamic metadata: text, number (double), truth, or null.</summary>
    public abstract object? Metadata(string space, string key);

    /// <summary>Sets a value of dynamic metadata, for later filters and access logs.</summary>
    /// <param name="space">The namespace, by convention the filter's name.</param>
    /// <param name="key">The name within it.</param>
    /// <param name="value">Text, number, truth or null; of another type its text.</param>
    public abstract void SetMetadata(string space, string key, object? value);

    /// <summary>
    /// Answers the request from here; no further request hook runs, the response hooks do. Before the response began it replaces
    /// whatever was to come; afterwards the stream is cut. The first call wins.
    /// </summary>
    /// <param name="status">200 to 599.</param>
    /// <param name="body">Text or bytes; copied.</param>
    /// <param name="details">Why, for access logs (<c>%RESPONSE_CODE_DETAILS%</c>); no white space.</param>
    /// <param name="headers">May add fields to the response's headers (<c>content-type</c> too) when they are made.</param>
    public abstract void SendLocalReply(int status, ReadOnlySpan<byte> body, string details, Action<Headers>? headers = null);
}
