using Managed.Proxy.Core;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Core.Timers;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Filters.BandwidthLimit;

/// <summary>Holds bodies back as long as their bucket has nothing; the peer is not read beyond what filters may hold.</summary>
internal sealed class BandwidthLimitFilter : HttpFilter
{
    private readonly BandwidthSettings? _own;
    private readonly Direction _request, _response;

    public BandwidthLimitFilter(BandwidthSettings? own, WorkerContext worker)
    {
        _own = own;
        _request = new Direction(this, response: false, worker);
        _response = new Direction(this, response: true, worker);
    }

    public override HeadersStatus OnRequestHeaders(HeaderMap headers, bool endStream)
    {
        var settings = RouteConfig<BandwidthSettings>() ?? _own;
        _request.Begin(settings?.Request);
        _response.Settings = settings?.Response;
        return HeadersStatus.Continue;
    }

    public override BodyStatus OnRequestBody(ByteWriter body, bool endStream) => _request.OnBody(body, endStream);

    public override TrailersStatus OnRequestTrailers(HeaderMap trailers) => _request.OnTrailers();

    public override HeadersStatus OnResponseHeaders(HeaderMap headers, bool endStream)
    {
        _response.Begin(_response.Settings);
        return HeadersStatus.Continue;
    }

    public override BodyStatus OnResponseBody(ByteWriter body, bool endStream) => _response.OnBody(body, endStream);

    public override TrailersStatus OnResponseTrailers(HeaderMap trailers) => _response.OnTrailers();

    public override void OnDestroy()
    {
        _request.Reset();
        _response.Reset();
    }

    private sealed class Direction
    {
        private readonly BandwidthLimitFilter _filter;
        private readonly bool _response;
        private readonly WorkerContext _worker;
        private readonly WheelTimer _timer;
        private bool _holds, _ended;
        private int _early; // taken, and not passed on yet
        private long _began;

        public Direction(BandwidthLimitFilter filter, bool response, WorkerContext worker)
        {
            (_filter, _response, _worker) = (filter, response, worker);
            _timer = new WheelTimer(static d => ((Direction)d!).Drain(), this);
        }

        /// <summary>Null: nothing is limited.</summary>
        public BandwidthDirection? Settings { get; set; }

        private ByteWriter? Held
            => _response ? _filter.Stream.BufferedResponseBody(_filter) : _filter.Stream.BufferedRequestBody(_filter);

        public void Begin(BandwidthDirection? settings)
        {
            Settings = settings;
            if (settings is null) _filter.Stream.SkipRest(_filter, _response);
            else _worker.Stats.Increment(settings.Enabled);
        }

        public void Reset()
        {
            _worker.Timers.Cancel(_timer);
            if (_holds) _worker.Stats.Decrement(Settings!.Pending);
            Settings = null;
            _holds = _ended = false;
            _early = 0;
            _began = 0;
        }

        public BodyStatus OnBody(ByteWriter body, bool end)
        {
            if (Settings is not { } settings) return BodyStatus.Continue;
            if (_began == 0) _began = _worker.NowMicros;
            _ended |= end;
            settings.SetIncoming(_worker, body.Length);
            // What is whole passes at once, as long as nothing waits before it.
            int taken = _holds ? 0 : settings.Bucket.Take(body.Length, _worker.NowMicros);
            if (!_holds && taken == body.Length)
            {
                settings.SetAllowed(_worker, taken);
                if (end) Finish(settings);
                return BodyStatus.Continue;
            }
            if (_holds) return BodyStatus.StopIterationAndWatermark;
            _holds = true;
            _worker.Stats.Increment(settings.Pending);
            _worker.Stats.Increment(settings.Enforced);
            _early = taken;
            _worker.Timers.Arm(_timer, settings.FillMicros);
            return BodyStatus.StopIterationAndWatermark;
        }

        public TrailersStatus OnTrailers()
        {
            _ended = true;
            if (_holds) return TrailersStatus.StopIteration;
            if (Settings is { } settings) Finish(settings);
            return TrailersStatus.Continue;
        }

        private void Drain()
        {
            if (Settings is not { } settings || !_holds) return;
            int length = Held?.Length ?? 0;
            int pass = Math.Min(length, _early + settings.Bucket.Take(length - _early, _worker.NowMicros));
            _early = 0;
            if (pass > 0) settings.SetAllowed(_worker, pass);
            if (pass < length)
            {
                _worker.Timers.Arm(_timer, settings.FillMicros);
                if (pass > 0) _filter.Stream.PassOn(_filter, _response, pass, null);
                return;
            }
            _holds = false;
            _worker.Stats.Decrement(settings.Pending);
            if (_ended) Finish(settings);
            if (_response) _filter.ContinueResponse(); else _filter.ContinueRequest();
        }

        private void Finish(BandwidthDirection settings)
        {
            if (_began > 0) _worker.Stats.Record(settings.Duration, (_worker.NowMicros - _began) / 1000);
            _began = 0;
        }
    }
}
