using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Downstream.Listener;
using Managed.Proxy.Http.Calls;
using Managed.Proxy.Http.Filters.ExtAuthz;
using Managed.Proxy.Streams;
using Managed.Proxy.Streams.Formatting;

namespace Managed.Proxy.Downstream.NetworkFilters.ExtAuthz;

/// <summary>What a chain's filter was built with; counters under Envoy's ext_authz.prefix.</summary>
internal sealed record NetworkAuthzSettings(NetworkAuthzConfig Config, string Cluster, string Authority, long TimeoutMicros,
    HeaderMutations Metadata, Counter Total, Counter Ok, Counter Denied, Counter Error, Counter Timeout, Counter FailureModeAllowed,
    Counter Closed, Gauge Active);

/// <summary>
/// Holds a connection until a service has decided about it, once. Unlike in Envoy the first byte to the client waits as well: a service
/// that speaks first tells nobody anything who is not let in.
/// </summary>
internal sealed class NetworkAuthzFilter(NetworkAuthzSettings settings) : NetworkFilter
{
    private enum State : byte { Unasked, Asked, Allowed, Denied }

    private HttpCall? _call;
    private State _state;
    private bool _holdsStart, _holdsRead, _holdsWrite;

    public override NetworkStatus OnNewConnection()
    {
        if (!settings.Config.CheckOnNewConnection) return NetworkStatus.Continue;
        Ask();
        _holdsStart = true;
        return NetworkStatus.StopIteration;
    }

    public override NetworkStatus OnData(ByteWriter data, bool end) => Pass(data, ref _holdsRead);

    public override NetworkStatus OnWrite(ByteWriter data, bool end) => Pass(data, ref _holdsWrite);

    public override void OnClose(ConnectionEnd end)
    {
        if (_call is not { } call) return;
        _call = null;
        Connection.Worker.Stats.Decrement(settings.Active);
        call.Cancel();
    }

    private NetworkStatus Pass(ByteWriter data, ref bool holds)
    {
        if (_state == State.Allowed) return NetworkStatus.Continue;
        if (_state == State.Denied)
        {
            data.Clear();
            return NetworkStatus.StopIteration;
        }
        // An end alone tells nobody anything.
        if (data.Length == 0 && _state == State.Unasked) return NetworkStatus.Continue;
        if (_state == State.Unasked) Ask();
        holds = true;
        return NetworkStatus.StopIteration;
    }

    private void Ask()
    {
        _state = State.Asked;
        var worker = Connection.Worker;
        worker.Stats.Increment(settings.Total);
        worker.Stats.Increment(settings.Active);
        StreamInfo info = Connection.Describe();
        if (info.StartWallClock == 0) info.StartWallClock = worker.WallMicros;
        var call = _call = new HttpCall(worker, static c => ((NetworkAuthzFilter)c.Tag!).OnAnswer(c)) { Tag = this, NeedsHttp2 = true };
        GrpcUnary.Begin(call, settings.Authority, AuthzSettings.Path, settings.TimeoutMicros, worker);
        settings.Metadata.Apply(call.Request, info, worker.Scratch);
        CheckRequest.WriteConnection(call.RequestBody, info, settings.Config.IncludePeerCertificate, settings.Config.IncludeTlsSession);
        GrpcUnary.End(call);
        if (Connection.Generation.Clusters.TryGetValue(settings.Cluster, out var cluster)) call.Start(cluster, settings.TimeoutMicros);
        else call.Fail("the cluster is gone");
    }

    private void OnAnswer(HttpCall call)
    {
        _call = null;
        var stats = Connection.Worker.Stats;
        stats.Decrement(settings.Active);
        if (call.TimedOut) stats.Increment(settings.Timeout);
        var decision = GrpcUnary.Read(call, out var message) == 0 ? CheckResponse.Read(message, 0) : new Decision(DecisionKind.Error);
        bool allowed = decision.Kind == DecisionKind.Ok;
        switch (decision.Kind)
        {
            case DecisionKind.Ok:
                stats.Increment(settings.Ok);
                break;
            case DecisionKind.Denied:
                stats.Increment(settings.Denied);
                break;
            default:
                stats.Increment(settings.Error);
                if (allowed = settings.Config.FailureModeAllow) stats.Increment(settings.FailureModeAllowed);
                break;
        }
        if (!allowed)
        {
            _state = State.Denied;
            stats.Increment(settings.Closed);
            Connection.TerminationDetails = decision.Kind == DecisionKind.Denied ? "ext_authz_denied" : "ext_authz_error";
            CloseConnection();
            return;
        }
        _state = State.Allowed;
        if (decision.Metadata.Count > 0) Note(decision);
        if (_holdsStart || _holdsRead) ContinueReading();
        if (_holdsWrite) ContinueWriting();
    }

    // For what comes on the connection: requests, and its log line.
    private void Note(Decision decision)
    {
        var values = (Connection.State ??= new StreamInfo()).MetadataOf("envoy.filters.network.ext_authz");
        foreach (var (key, value) in decision.Metadata) values[key] = value;
    }
}
