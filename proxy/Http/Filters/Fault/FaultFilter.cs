using System.Globalization;
using System.Text;
using Managed.Proxy.Core.Timers;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Router.Matching;
using Managed.Proxy.Streams;

namespace Managed.Proxy.Http.Filters.Fault;

/// <summary>Holds a request back, then lets it go or answers it. A fault is active from its injection to the end of the stream.</summary>
internal sealed class FaultFilter : HttpFilter
{
    private readonly FaultSettings _own;
    private readonly WheelTimer _timer;
    private readonly FaultStats _stats;
    private bool _active; // while this stream counts as an active fault
    private FaultSettings? _delayed;
    private int _grpcStatus;

    public FaultFilter(FaultSettings own, FaultStats stats)
    {
        _own = own;
        _stats = stats;
        _timer = new WheelTimer(static filter => ((FaultFilter)filter!).AfterDelay(), this);
    }

    public override HeadersStatus OnRequestHeaders(HeaderMap headers, bool endStream)
    {
        var settings = RouteConfig<FaultSettings>() ?? _own;
        if (!IsFor(settings, headers)) return HeadersStatus.Continue;
        var worker = Stream.Worker;
        long delay = settings.DelayMicros(headers, worker.NextRandom());
        if (delay > 0 && Enter(settings))
        {
            worker.Stats.Increment(_stats.DelaysInjected);
            Stream.Info.Flags |= ResponseFlags.DelayInjected;
            _delayed = settings;
            worker.Timers.Arm(_timer, delay);
            return HeadersStatus.StopAllIterationAndWatermark;
        }
        return TryAbort(settings) ? HeadersStatus.StopIteration : HeadersStatus.Continue;
    }

    public override void OnDestroy()
    {
        if (_delayed is not null) Stream.Worker.Timers.Remove(_timer);
        if (_active)
        {
            _stats.Active.Leave();
            Stream.Worker.Stats.Decrement(_stats.ActiveFaults);
        }
        _active = false;
        _delayed = null;
        _grpcStatus = 0;
    }

    private void AfterDelay()
    {
        if (_delayed is not { } settings) return;
        _delayed = null;
        if (!TryAbort(settings)) ContinueRequest();
    }

    private bool IsFor(FaultSettings settings, HeaderMap headers)
    {
        if (settings.Config is { Delay: null, Abort: null }) return false;
        string cluster = settings.Config.UpstreamCluster;
        if (cluster.Length > 0 && Stream.Route?.ResolveCluster(Stream.RequestHeaders)?.Name != cluster) return false;
        return HeaderMatch.AllMatch(settings.Headers, headers);
    }

    private bool TryAbort(FaultSettings settings)
    {
        var (http, grpc) = settings.Abort(Stream.RequestHeaders, Stream.Worker.NextRandom());
        if ((http is null && grpc is null) || !Enter(settings)) return false;
        Stream.Worker.Stats.Increment(_stats.AbortsInjected);
        if (grpc is { } status) AbortGrpc(status);
        else Stream.SendLocalReply(http!.Value, "fault filter abort"u8, "fault_filter_abort", ResponseFlags.FaultInjected);
        return true;
    }

    // A gRPC client gets its status, another the HTTP status that means the same.
    private void AbortGrpc(int status)
    {
        _grpcStatus = status;
        bool grpc = GrpcStatus.IsGrpc(Stream.RequestHeaders);
        Stream.SendLocalReply(GrpcStatus.ToHttp(status), "fault filter abort"u8, "fault_filter_abort", ResponseFlags.FaultInjected,
            grpc ? static (response, filter) => ((FaultFilter)filter!).Decorate(response) : null, this);
    }

    private void Decorate(HeaderMap response)
        => response.Set(HeaderId.GrpcStatus, Encoding.ASCII.GetBytes(_grpcStatus.ToString(CultureInfo.InvariantCulture)));

    private bool Enter(FaultSettings settings)
    {
        if (_active) return true; // an abort after a delay is the same fault
        var worker = Stream.Worker;
        if (!_stats.Active.TryEnter(settings.Config.MaxActiveFaults))
        {
            worker.Stats.Increment(_stats.Overflow);
            return false;
        }
        _active = true;
        worker.Stats.Increment(_stats.ActiveFaults);
        return true;
    }
}
