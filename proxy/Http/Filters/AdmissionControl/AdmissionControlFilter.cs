using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Streams;

namespace Managed.Proxy.Http.Filters.AdmissionControl;

/// <summary>What a chain's filter was built with.</summary>
internal sealed class AdmissionSettings
{
    public required double Exponent { get; init; }
    public required double Threshold { get; init; }
    public required double Most { get; init; }
    public required uint LeastPerSecond { get; init; }
    public required (long Start, long End)[] Statuses { get; init; }
    public required int[] GrpcStatuses { get; init; }
    /// <summary>By worker.</summary>
    public required AdmissionWindow[] Windows { get; init; }
    public required Counter Rejected { get; init; }
    public required Counter Success { get; init; }
    public required Counter Failure { get; init; }

    public bool IsSuccess(long status)
    {
        foreach (var (start, end) in Statuses)
            if (status >= start && status < end) return true;
        return false;
    }

    /// <summary>The share that is refused now, 0 to 1.</summary>
    public double Share(AdmissionWindow window)
    {
        double total = window.Total;
        if (total == 0 || total / window.Seconds < LeastPerSecond) return 0;
        double share = (total - window.Successes / Threshold) / (total + 1);
        return share <= 0 ? 0 : Math.Min(Most, Exponent == 1 ? share : Math.Pow(share, Exponent));
    }
}

/// <summary>Refuses a share of the requests, and counts how the others end.</summary>
internal sealed class AdmissionControlFilter(AdmissionSettings settings) : HttpFilter
{
    private bool _counts, _grpc, _known;

    public override HeadersStatus OnRequestHeaders(HeaderMap headers, bool endStream)
    {
        var worker = Stream.Worker;
        if (Stream.Info.IsHealthCheck) return HeadersStatus.Continue;
        var window = settings.Windows[worker.Id];
        window.Move(worker.NowMicros);
        double share = settings.Share(window);
        if (share > 0 && worker.NextRandom() % 1_000_000 < share * 1_000_000)
        {
            worker.Stats.Increment(settings.Rejected);
            Stream.SendLocalReply(503, default, "denied_by_admission_control");
            return HeadersStatus.StopIteration;
        }
        _counts = true;
        _grpc = GrpcStatus.IsGrpc(headers);
        return HeadersStatus.Continue;
    }

    public override HeadersStatus OnResponseHeaders(HeaderMap headers, bool endStream)
    {
        if (!_counts) return HeadersStatus.Continue;
        if (!_grpc) Record(settings.IsSuccess(FieldSyntax.ParseLength(headers.Get(HeaderId.Status))));
        else if (headers.Has(HeaderId.GrpcStatus)) RecordGrpc(headers);
        return HeadersStatus.Continue;
    }

    public override TrailersStatus OnResponseTrailers(HeaderMap trailers)
    {
        if (_counts && _grpc && !_known) RecordGrpc(trailers);
        return TrailersStatus.Continue;
    }

    public override void OnComplete()
    {
        // A client that goes says nothing of the upstream, and must not be able to have others refused.
        if (_counts && !_known && (Stream.Info.Flags & ResponseFlags.DownstreamConnectionTermination) == 0) Record(false);
    }

    public override void OnDestroy() => _counts = _grpc = _known = false;

    private void RecordGrpc(HeaderMap fields)
    {
        int status = (int)Math.Min(FieldSyntax.ParseLength(fields.Get(HeaderId.GrpcStatus)), 1000);
        bool success = false;
        foreach (int good in settings.GrpcStatuses) success |= good == status;
        Record(success);
    }

    private void Record(bool success)
    {
        if (_known) return;
        _known = true;
        var worker = Stream.Worker;
        settings.Windows[worker.Id].Record(success, worker.NowMicros);
        worker.Stats.Increment(success ? settings.Success : settings.Failure);
    }
}
