using Managed.Proxy.Core;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Core.Timers;
using Managed.Proxy.Downstream.Listener;
using Managed.Proxy.Security.Rbac;
using Managed.Proxy.Streams;

namespace Managed.Proxy.Downstream.NetworkFilters.Rbac;

/// <summary>
/// Judges a connection before its first byte goes by. Unlike in Envoy that may be a byte to the client: a service that speaks first tells
/// nobody anything who is not let in.
/// </summary>
internal sealed class RbacNetworkFilter : NetworkFilter
{
    private readonly RbacJudge _judge;
    private readonly RbacStats _stats;
    private readonly RbacNetworkConfig _config;
    private readonly WorkerContext _worker;
    private readonly WheelTimer _timer;
    private StreamInfo? _info;
    private bool _judged, _denied;

    public RbacNetworkFilter(RbacJudge judge, RbacStats stats, RbacNetworkConfig config, WorkerContext worker)
    {
        (_judge, _stats, _config, _worker) = (judge, stats, config, worker);
        _timer = new WheelTimer(static filter => ((RbacNetworkFilter)filter!).CloseConnection(), this);
    }

    public override NetworkStatus OnData(ByteWriter data, bool end) => Pass(data);

    public override NetworkStatus OnWrite(ByteWriter data, bool end) => Pass(data);

    public override void OnClose(ConnectionEnd end) => _worker.Timers.Remove(_timer);

    private NetworkStatus Pass(ByteWriter data)
    {
        // An end alone tells nobody anything.
        if (!_denied && data.Length > 0 && (!_judged || _config.EnforcementType == RbacEnforcementType.Continuous)) Judge();
        if (!_denied) return NetworkStatus.Continue;
        data.Clear();
        return NetworkStatus.StopIteration;
    }

    private void Judge()
    {
        _judged = true;
        _info ??= Connection.Describe();
        if (_judge.Denies(new RbacSubject(null, _info, null), _worker, _stats) is not { } policy) return;
        _denied = true;
        Connection.TerminationDetails = policy.Details;
        if (_config.DelayDeny is { Ticks: > 0 } delay) _worker.Timers.Arm(_timer, (long)delay.TotalMicroseconds);
        else CloseConnection();
    }
}
