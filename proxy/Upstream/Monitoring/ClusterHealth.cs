using System.Net;
using Managed.Proxy.Core;
using Managed.Proxy.Core.Timers;
using Managed.Proxy.Core.Transport;
using Managed.Proxy.Upstream.Endpoints;
using Managed.Proxy.Upstream.Health;
using Managed.Proxy.Upstream.LoadBalancing;

namespace Managed.Proxy.Upstream.Monitoring;

/// <summary>
/// The health of one cluster's endpoints, over its versions: their checks and their ejections. On the loop of the checks. What it finds
/// is at the endpoints; the cluster's sets of endpoints are made anew a moment later, once for all that changed by then.
/// </summary>
internal sealed class ClusterHealth
{
    private readonly WorkerContext _worker;
    private readonly ClusterMembers _members;
    private readonly ClusterState _connections; // of checks: no limits, counted nowhere
    private readonly Dictionary<Endpoint, EndpointCheck> _checks = [];
    private readonly WheelTimer _rebuild, _interval;
    private readonly OutlierDetector _outliers;
    private Cluster _cluster = null!;
    private Action<Endpoint>? _saysUnwell;
    private HealthStats? _stats;
    private int _healthy, _degraded;

    public ClusterHealth(WorkerContext worker, ClusterMembers members)
    {
        (_worker, _members) = (worker, members);
        _connections = new ClusterState(members.State.Name, worker.Id + 1);
        _connections.Count(ClusterStats.Nowhere);
        _rebuild = new WheelTimer(static c => ((ClusterHealth)c!).OnChanged(), this);
        _interval = new WheelTimer(static c => ((ClusterHealth)c!).OnInterval(), this);
        _outliers = new OutlierDetector(worker.Stats, worker.NextRandom, OnEjection);
    }

    /// <summary>A version is in service, or its endpoints have changed. Null: there is none any more.</summary>
    public void Follow(Cluster? cluster, IReadOnlyList<EndpointMember> members)
    {
        var plan = cluster?.Health;
        if (cluster is not null) _cluster = cluster;
        if (!ReferenceEquals(_stats, plan?.CheckStats)) MoveGauges(plan?.CheckStats);
        var wanted = new HashSet<Endpoint>();
        bool changed = false;
        if (plan?.Checks is { } checks)
            foreach (var member in members)
                if (!member.IsUnchecked && wanted.Add(member.Endpoint)) Check(member, checks, cluster!);
        foreach (var (endpoint, check) in _checks)
        {
            if (wanted.Contains(endpoint)) continue;
            check.Stop();
            _checks.Remove(endpoint);
            endpoint.SaysUnwell = null;
            endpoint.Clear(~HealthFlags.FailedOutlierCheck);
            changed = true;
        }
        if (plan?.Outliers is { } outliers)
        {
            _outliers.Follow(outliers, plan.OutlierStats!, [.. members.Select(m => m.Endpoint)], new OutlierLimits(
                outliers.Consecutive5xx, outliers.ConsecutiveGatewayFailure, outliers.ConsecutiveLocalOriginFailure,
                outliers.SplitExternalLocalOriginErrors, Found));
            _members.State.SuccessRates ??= SuccessRates.Unknown;
            if (!_interval.IsArmed) ArmInterval();
        }
        else
        {
            _outliers.End();
            _members.State.SuccessRates = null;
            _worker.Timers.Remove(_interval);
        }
        CountHealthy();
        if (changed) ChangeSoon();
        if (cluster is not null) return;
        _worker.Timers.Remove(_rebuild);
        MoveGauges(null);
    }

    private void Check(EndpointMember member, HealthCheckPlan plan, Cluster cluster)
    {
        if (_checks.TryGetValue(member.Endpoint, out var known))
        {
            if (known.Plan.Source.SameAs(plan.Source) && (known.Own?.Node is not { } own ? member.Check is null
                : own.SameAs(member.Check?.Node))) return;
            known.Stop();
        }
        var check = _checks[member.Endpoint] = new EndpointCheck(_worker, member.Endpoint, Probed(member, cluster), plan, cluster.Config,
            cluster.Socket, _connections, member.Check, OnChecked);
        member.Endpoint.SaysUnwell = _saysUnwell ??= SaysUnwell;
        check.Start();
    }

    // On a worker: an answer to any request may say so (Envoy: x-envoy-immediate-health-check-fail).
    private void SaysUnwell(Endpoint endpoint) => _worker.Post(static s =>
    {
        var (health, unwell) = ((ClusterHealth, Endpoint))s!;
        health.OnSaidUnwell(unwell);
    }, (this, endpoint));

    private void OnSaidUnwell(Endpoint endpoint)
    {
        if (!_checks.TryGetValue(endpoint, out var check) || (endpoint.Flags & HealthFlags.ExcludedByItself) != 0) return;
        endpoint.Set(HealthFlags.ExcludedByItself);
        _worker.Stats.Increment(_stats!.PassiveFailure);
        Take(check, CheckResult.Unhealthy, "it says so in an answer");
    }

    private Endpoint Probed(EndpointMember member, Cluster cluster)
    {
        var endpoint = member.Endpoint;
        var address = endpoint.Address;
        string? ip = member.Check?.Address?.SocketAddress?.Address;
        int port = member.Check is { PortValue: > 0 } own ? own.PortValue : cluster.Config.HealthChecks[0].AltPort ?? 0;
        if (address.EndPoint is { } at && (port > 0 || ip is not null))
        {
            if (member.Check?.Address?.SocketAddress is { PortValue: > 0 } other && member.Check.PortValue == 0) port = other.PortValue;
            address = SocketAddressBytes.From(new IPEndPoint(ip is null ? at.Address : IPAddress.Parse(ip), port > 0 ? port : at.Port));
        }
        return new Endpoint(address, endpoint.Text, endpoint.HostName, System.Text.Encoding.ASCII.GetString(endpoint.RewriteHost),
            _worker.Id + 1);
    }

    private void OnChecked(EndpointCheck check, CheckResult result)
    {
        var stats = _stats!;
        _worker.Stats.Increment(stats.Attempt);
        if (result is CheckResult.Network or CheckResult.Timeout) _worker.Stats.Increment(stats.NetworkFailure);
        if (result == CheckResult.Unhealthy && check.IsOtherService) _worker.Stats.Increment(stats.VerifyCluster);
        if (result <= CheckResult.Degraded) _outliers.OnHealthy(check.Endpoint);
        bool changed = Take(check, result, Describe(result));
        bool healthy = (check.Endpoint.Flags & HealthFlags.FailedActiveHealthCheck) == 0;
        check.PauseMicros = Math.Max(1, check.Plan.Pause(healthy, changed, HasTraffic, _worker.NextRandom()));
    }

    // Whether the endpoint is something else by it.
    private bool Take(EndpointCheck check, CheckResult result, string why)
    {
        var endpoint = check.Endpoint;
        var before = endpoint.Flags;
        bool changed = check.Verdict.Take(result, check.Plan.HealthyThreshold, check.Plan.UnhealthyThreshold, out bool healthy);
        check.Plan.Log?.Checked(_worker, endpoint, result, check.IsFirst, before);
        check.IsFirst = false;
        _worker.Stats.Increment(result <= CheckResult.Degraded ? _stats!.Success : _stats!.Failure);
        if (!changed) return false;
        if (!healthy && (before & HealthFlags.FailedActiveHealthCheck) == 0) _members.OnUnwell(endpoint);
        if (healthy && result != CheckResult.Degraded) Volatile.Write(ref endpoint.SinceMicros, _worker.NowMicros);
        if ((endpoint.Flags & HealthFlags.FailedOutlierCheck) == 0)
            endpoint.Reason = healthy ? null : $"health check: {why}";
        CountHealthy();
        ChangeSoon();
        _worker.Reports.Raise("endpoint.health_changed", ("cluster", _cluster.Name), ("endpoint", endpoint.Text),
            ("health", healthy ? result == CheckResult.Degraded ? "DEGRADED" : "HEALTHY" : "UNHEALTHY"), ("reason", endpoint.Reason));
        return true;
    }

    private static string Describe(CheckResult result) => result switch
    {
        CheckResult.Timeout => "no answer in time",
        CheckResult.Network => "no connection, or one that ended",
        _ => "the answer is not as expected",
    };

    private bool HasTraffic => _worker.ValueAt(_members.State.Stats.CxTotal) > 0;

    private void OnEjection(Endpoint endpoint, EjectionType? type)
    {
        CountHealthy();
        ChangeSoon();
        if (type is not null) _members.OnUnwell(endpoint);
        if (type is { } reason)
            _worker.Reports.Raise("endpoint.ejected", ("cluster", _members.State.Name), ("endpoint", endpoint.Text),
                ("reason", OutlierStats.NameOf(reason)));
        else
            _worker.Reports.Raise("endpoint.health_changed", ("cluster", _members.State.Name), ("endpoint", endpoint.Text),
                ("health", "HEALTHY"), ("reason", "the ejection is over"));
    }

    // On a worker.
    private void Found(Endpoint endpoint, EjectionType type) => _worker.Post(static s =>
    {
        var (health, found, why) = ((ClusterHealth, Endpoint, EjectionType))s!;
        health._outliers.OnFound(found, why, health._worker.NowMicros);
    }, (this, endpoint, type));

    private void OnInterval()
    {
        _outliers.OnInterval(_worker.NowMicros);
        _members.State.SuccessRates = _outliers.Rates;
        ArmInterval();
    }

    private void ArmInterval()
        => _worker.Timers.Arm(_interval, _cluster.Health!.Outliers!.Interval.Ticks / TimeSpan.TicksPerMicrosecond);

    private void ChangeSoon()
    {
        if (!_rebuild.IsArmed) _worker.Timers.Arm(_rebuild, 0);
    }

    private void OnChanged() => _members.OnHealthChanged();

    private void CountHealthy()
    {
        if (_stats is not { } stats) return;
        int healthy = 0, degraded = 0;
        foreach (var endpoint in _checks.Keys)
        {
            var flags = endpoint.Flags;
            if ((flags & (HealthFlags.FailedActiveHealthCheck | HealthFlags.PendingActiveHealthCheck)) == 0) healthy++;
            if ((flags & HealthFlags.DegradedActiveHealthCheck) != 0) degraded++;
        }
        _worker.Stats.Add(stats.Healthy, healthy - _healthy);
        _worker.Stats.Add(stats.Degraded, degraded - _degraded);
        (_healthy, _degraded) = (healthy, degraded);
    }

    // Names of another version may be other cells, or the same.
    private void MoveGauges(HealthStats? to)
    {
        if (_stats is { } former)
        {
            _worker.Stats.Add(former.Healthy, -_healthy);
            _worker.Stats.Add(former.Degraded, -_degraded);
        }
        (_stats, _healthy, _degraded) = (to, 0, 0);
    }
}
