using Managed.Proxy.Configuration;
using Managed.Proxy.Http;

namespace Managed.AdminApi.Sandbox;

/// <summary>A message as a test gives it.</summary>
/// <param name="Status">Of a response; 0 for a request.</param>
internal sealed record TestMessage(string Method, string Path, string Authority, int Status,
    IReadOnlyList<KeyValuePair<string, string>> Headers, byte[] Body)
{
    public IReadOnlyList<KeyValuePair<string, string>> Trailers { get; init; } = [];
}

/// <summary>What an upstream answers; of calls that filters make themselves the cluster is named.</summary>
internal sealed record CannedAnswer(string? Cluster, TestMessage Response);

/// <summary>One run: a document with one listener, a request, and what the clusters answer.</summary>
internal sealed record FilterTest(ConfigObject Document, string Listener, TestMessage Request, TestMessage Upstream,
    IReadOnlyList<CannedAnswer> Calls)
{
    /// <summary>What it was cut from: files are those of these versions.</summary>
    public IReadOnlyList<ConfigObject> Versions { get; init; } = [];
}

/// <summary>A request as a cluster of the sandbox got it.</summary>
internal sealed record SeenRequest(string Cluster, string Method, string Path, IReadOnlyList<HeaderLine> Headers, string Body);

internal sealed record HeaderLine(string Name, string Value);

internal sealed record FinalResponse(int Status, string? Reason, IReadOnlyList<HeaderLine> Headers, string Body,
    IReadOnlyList<HeaderLine> Trailers);

internal sealed record LogLine(string Level, string Text);

/// <summary>What a run showed.</summary>
/// <param name="UpstreamRequests">In the order they came; of httpCalls too.</param>
/// <param name="Response">Null when the connection ended without one; <paramref name="Error"/> says so.</param>
/// <param name="Instructions">Of all scripts, in steps of 1,000.</param>
internal sealed record FilterTestResult(
    FinalResponse? Response, IReadOnlyList<SeenRequest> UpstreamRequests, IReadOnlyList<TraceStep> Trace, IReadOnlyList<LogLine> Logs,
        IReadOnlyList<string> Errors, double TimeMs, long Instructions, string? Error);
