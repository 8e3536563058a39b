using System.Diagnostics;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http;

/// <summary>
/// One direction of one stream through its HTTP filters [5]: who has seen what, who holds it up, what came out at the end. Knows
/// nothing of codecs. Input: <see cref="Headers"/>, <see cref="Data"/>, <see cref="Trailers"/>, <see cref="Continue"/>; output: the
/// fields below, which the owner of the direction reads after each of them. Any number of filters may hold the pass at different places;
/// each keeps what it stopped.
/// </summary>
internal sealed class FilterPass(HttpStream stream, bool response)
{
    private struct Slot
    {
        public HttpFilter Filter;
        public bool HasHeaders, HasBody, HasTrailers;
        public bool Held, HeldHeaders, HeadersOnly, HeldEnd, HeldTrailers, StopAll, LimitFails;
        public ByteWriter? Buffer;
        public Histogram Time;
        public long Ticks;
    }

    private Slot[] _slots = new Slot[8];
    private int _count, _held, _inHook = -1;
    private long _clock; // when the last hook of this move through the filters ended: the next one's begin, for a look at it costs 20 ns
    private bool _continueAsked, _anyBody, _anyTrailers;
    private readonly BufferPool _pool = stream.Worker.Loop.Buffers;
    private ByteWriter _piece = new(stream.Worker.Loop.Buffers);
    private ByteWriter _out = new(stream.Worker.Loop.Buffers), _spare = new(stream.Worker.Loop.Buffers);

    /// <summary>The headers have passed all filters.</summary>
    public bool HeadersOut { get; private set; }
    /// <summary>The end has passed all filters.</summary>
    public bool EndOut { get; private set; }
    public bool TrailersOut { get; private set; }
    /// <summary>Body bytes that have passed all filters and were not taken yet.</summary>
    public bool HasOut => OutLength > 0;
    public int OutLength => _out.Length;
    /// <summary>Nobody looks at bodies or trailers and nobody holds anything: body bytes need not come by here.</summary>
    public bool BypassesBody => !_anyBody && _held == 0 && _out.Length == 0;
    public bool HasTrailerHooks => _anyTrailers;
    public bool IsHeld => _held > 0;

    /// <summary>The filter whose hook runs, else the first of those that hold the pass; null: none does anything.</summary>
    public HttpFilter? Acting
    {
        get
        {
            if (_inHook >= 0) return _slots[_inHook].Filter;
            for (int i = 0; _held > 0 && i < _count; i++)
                if (_slots[i].Held) return _slots[i].Filter;
            return null;
        }
    }

    /// <summary>The peer is not to be read: a filter stopped everything, or what is kept reached the limit.</summary>
    public bool PausesReading { get; private set; }
    public int BufferLimit { get; set; } = 1 << 20;

    public void Begin()
    {
        RecordTimes();
        _count = _held = 0;
        _inHook = -1;
        HeadersOut = EndOut = TrailersOut = _anyBody = _anyTrailers = PausesReading = false;
        _piece.Clear();
        _out.Clear();
    }

    /// <summary>The stream is over: gives all buffers back, those of an earlier pass (before a local reply) with them.</summary>
    public void End()
    {
        RecordTimes();
        _piece.Release();
        _out.Release();
        _spare.Release();
        for (int i = 0; i < _slots.Length; i++) _slots[i].Buffer?.Release();
    }

    // Of a stream, not of a hook: a body in a hundred pieces is one value.
    private void RecordTimes()
    {
        for (int i = 0; i < _count; i++)
        {
            ref var slot = ref _slots[i];
            if (slot.Ticks == 0) continue;
            stream.Worker.Stats.Record(slot.Time, slot.Ticks); // a tick is a nanosecond on Linux
            slot.Ticks = 0;
        }
    }

    /// <summary>Adds the filters in the order of this pass.</summary>
    public void Add(HttpFilter filter, FilterHooks hooks, Histogram time = default)
    {
        if (_count == _slots.Length) Array.Resize(ref _slots, _count * 2);
        if (response) hooks = (FilterHooks)((int)hooks >> 3);
        ref var slot = ref _slots[_count++];
        var buffer = slot.Buffer;
        buffer?.Clear();
        slot = new Slot
        {
            Filter = filter, Buffer = buffer, Time = time,
            HasHeaders = (hooks & FilterHooks.RequestHeaders) != 0,
            HasBody = (hooks & FilterHooks.RequestBody) != 0,
            HasTrailers = (hooks & FilterHooks.RequestTrailers) != 0,
        };
        _anyBody |= slot.HasBody;
        _anyTrailers |= slot.HasTrailers;
    }

    /// <summary>A filter gives its place to another one, with what it holds; from its next hook on that one is called.</summary>
    public void Replace(HttpFilter filter, HttpFilter by, FilterHooks hooks)
    {
        if (response) hooks = (FilterHooks)((int)hooks >> 3);
        _anyBody = _anyTrailers = false;
        for (int i = 0; i < _count; i++)
        {
            ref var slot = ref _slots[i];
            if (ReferenceEquals(slot.Filter, filter))
            {
                slot.Filter = by;
                slot.HasHeaders = (hooks & FilterHooks.RequestHeaders) != 0;
                slot.HasBody = (hooks & FilterHooks.RequestBody) != 0;
                slot.HasTrailers = (hooks & FilterHooks.RequestTrailers) != 0;
            }
            _anyBody |= slot.HasBody;
            _anyTrailers |= slot.HasTrailers;
        }
    }

    public void Headers(bool end) => Advance(0, 0, headers: true, end, trailers: false);

    public void Data(ReadOnlySpan<byte> data, bool end)
    {
        _piece.Clear();
        _piece.Write(data);
        Advance(0, int.MaxValue, headers: false, end, trailers: false);
    }

    /// <summary>The end, with trailers.</summary>
    public void Trailers()
    {
        _piece.Clear();
        Advance(0, int.MaxValue, headers: false, end: true, trailers: true);
    }

    /// <summary>A filter resumes what it stopped. Within its own hook: as if the hook returned Continue.</summary>
    /// <param name="filter">Which.</param>
    /// <param name="withBody">The headers go on with the first piece of the body, which the filter is still to see; without a body at
    /// once.</param>
    public void Continue(HttpFilter filter, bool withBody = false)
    {
        int i = 0;
        while (i < _count && !ReferenceEquals(_slots[i].Filter, filter)) i++;
        if (i == _count) return;
        if (i == _inHook) { _continueAsked = true; return; }
        ref var slot = ref _slots[i];
        if (!slot.Held) return;
        if (withBody && slot.HeldHeaders && !slot.HeldEnd && slot.Buffer is not { Length: > 0 })
        {
            slot.StopAll = false;
            UpdateReading();
            return;
        }
        bool headers = slot.HeldHeaders, end = slot.HeldEnd, trailers = slot.HeldTrailers, unseen = slot.StopAll && !slot.HeadersOnly;
        _piece.Clear();
        LetGo(ref slot);
        if (!unseen)
        {
            PutInFront(ref slot);
            Advance(i + 1, i + 1, headers, end, trailers);
            return;
        }
        // What came while everything was stopped this filter has not seen, and it may stop that again: the headers go on all the same.
        Advance(i + 1, i + 1, headers, end: false, trailers: false);
        if (stream.IsOver(response)) return;
        PutInFront(ref _slots[i]);
        if (_piece.Length > 0 || end) Advance(i, int.MaxValue, headers: false, end, trailers);
    }

    /// <summary>
    /// A filter has seen enough: its body and trailer hooks are not called any more, and bodies that nobody else looks at go by at full
    /// speed.
    /// </summary>
    public void SkipRest(HttpFilter filter)
    {
        _anyBody = _anyTrailers = false;
        for (int i = 0; i < _count; i++)
        {
            ref var slot = ref _slots[i];
            if (ReferenceEquals(slot.Filter, filter)) slot.HasBody = slot.HasTrailers = false;
            _anyBody |= slot.HasBody;
            _anyTrailers |= slot.HasTrailers;
        }
    }

    /// <summary>
    /// A filter that holds the pass gives something on and goes on to hold what is left: its headers, if it holds those, and bytes in place
    /// of the first that it has stopped. Not within a hook.
    /// </summary>
    /// <param name="filter">Which.</param>
    /// <param name="count">So many of the bytes that it has stopped are over.</param>
    /// <param name="instead">Given on in their place; null: they themselves.</param>
    public void PassOn(HttpFilter filter, int count, ReadOnlyMemory<byte>? instead)
    {
        int i = 0;
        while (i < _count && !ReferenceEquals(_slots[i].Filter, filter)) i++;
        if (i == _count || !_slots[i].Held || _inHook >= 0) return;
        ref var slot = ref _slots[i];
        count = Math.Min(count, slot.Buffer?.Length ?? 0);
        _piece.Clear();
        _piece.Write(instead is { } other ? other.Span : count > 0 ? slot.Buffer!.Written[..count] : default);
        if (count > 0) slot.Buffer!.RemoveFront(count);
        bool headers = slot.HeldHeaders;
        slot.HeldHeaders = false;
        UpdateReading();
        Advance(i + 1, i + 1, headers, end: false, trailers: false);
    }

    /// <summary>The first bytes that a filter has stopped are over.</summary>
    public void Drop(HttpFilter filter, int count)
    {
        if (BufferOf(filter) is not { } kept) return;
        kept.RemoveFront(Math.Min(count, kept.Length));
        UpdateReading();
    }

    /// <summary>Takes the bytes that came out; valid until the second next call.</summary>
    public ReadOnlyMemory<byte> TakeOut()
    {
        (_out, _spare) = (_spare, _out);
        _out.Clear();
        return _spare.WrittenMemory;
    }

    private void Advance(int from, int headersFrom, bool headers, bool end, bool trailers)
    {
        _clock = 0;
        for (int i = from; i < _count; i++)
        {
            ref var slot = ref _slots[i];
            if (slot.Held && slot.StopAll) { Keep(ref slot, false, end, trailers); return; }

            bool headersOnly = false;
            if (headers && i >= headersFrom)
            {
                headersOnly = end && !trailers && _piece.Length == 0;
                if (slot.HasHeaders)
                {
                    var status = CallHeaders(i, headersOnly);
                    if (stream.IsOver(response)) return;
                    slot = ref _slots[i];
                    if (status != HeadersStatus.Continue && !_continueAsked)
                    {
                        Hold(ref slot, true, status == HeadersStatus.StopAllIterationAndWatermark);
                        slot.HeadersOnly = headersOnly;
                        if (slot.StopAll || headersOnly) { Keep(ref slot, true, end, trailers); return; }
                    }
                }
            }

            if (_piece.Length > 0 || (end && !headersOnly && !trailers))
            {
                if (slot.HasBody)
                {
                    var status = CallBody(i, end && !trailers);
                    if (stream.IsOver(response)) return;
                    slot = ref _slots[i];
                    if (status == BodyStatus.Continue || _continueAsked)
                    {
                        if (slot.Held) { headers |= slot.HeldHeaders; headersFrom = Math.Min(headersFrom, i + 1); Release(ref slot); }
                    }
                    else
                    {
                        if (!slot.Held) Hold(ref slot, false, false);
                        slot.LimitFails = status == BodyStatus.StopIterationAndBuffer;
                        if (status == BodyStatus.StopIterationNoBuffer) _piece.Clear();
                        Keep(ref slot, headers, end, trailers);
                        if (!trailers) return;
                        slot = ref _slots[i];
                    }
                }
                else if (slot.Held) { Keep(ref slot, headers, end, trailers); if (!trailers) return; }
            }

            if (trailers && slot.HasTrailers)
            {
                var status = CallTrailers(i);
                if (stream.IsOver(response)) return;
                slot = ref _slots[i];
                if (status == TrailersStatus.Continue || _continueAsked)
                {
                    if (slot.Held) { headers |= slot.HeldHeaders; headersFrom = Math.Min(headersFrom, i + 1); Release(ref slot); }
                }
                else if (!slot.Held) Hold(ref slot, false, false);
            }
            if (slot.Held) { Keep(ref slot, headers, end, trailers); return; }
        }
        HeadersOut |= headers;
        _out.Write(_piece.Written);
        _piece.Clear();
        EndOut |= end;
        TrailersOut |= trailers;
    }

    private void Hold(ref Slot slot, bool headers, bool all)
    {
        slot.Held = true;
        slot.HeldHeaders = headers;
        slot.StopAll = all;
        _held++;
        if (all) PausesReading = true;
    }

    private void Keep(ref Slot slot, bool headers, bool end, bool trailers)
    {
        slot.HeldHeaders |= headers;
        slot.HeldEnd |= end;
        slot.HeldTrailers |= trailers;
        if (_piece.Length == 0) return;
        if (_pool.Budget.IsSpent)
        {
            // Free at once, for those who come next: of this stream nobody will see more.
            slot.Buffer?.Release();
            _piece.Release();
            stream.OnMemoryShort();
            return;
        }
        if (slot.Buffer is { Length: > 0 } kept)
        {
            kept.Write(_piece.Written);
            _piece.Clear();
        }
        else (slot.Buffer, _piece) = (_piece, slot.Buffer ?? new ByteWriter(_pool));
        bool over = slot.Buffer!.Length > BufferLimit;
        if (!over) return;
        if (slot.LimitFails) stream.OnBufferLimit(response); else PausesReading = true;
    }

    // What the slot kept goes in front of the current piece.
    private void Release(ref Slot slot)
    {
        LetGo(ref slot);
        PutInFront(ref slot);
    }

    private void LetGo(ref Slot slot)
    {
        slot.Held = slot.HeldHeaders = slot.HeadersOnly = slot.HeldEnd = slot.HeldTrailers = slot.StopAll = slot.LimitFails = false;
        _held--;
        UpdateReading();
    }

    private void UpdateReading()
    {
        PausesReading = false;
        for (int i = 0; i < _count; i++) PausesReading |= _slots[i].Held && (_slots[i].StopAll || _slots[i].Buffer?.Length > BufferLimit);
    }

    private void PutInFront(ref Slot slot)
    {
        if (slot.Buffer is not { Length: > 0 } kept) return;
        kept.Write(_piece.Written);
        slot.Buffer = _piece;
        slot.Buffer.Clear();
        _piece = kept;
    }

    /// <summary>
    /// Within the filter's body hook: what it has stopped so far goes in front of the piece. The whole, in place of the hook's argument.
    /// </summary>
    public ByteWriter Join(HttpFilter filter)
    {
        if (_inHook >= 0 && ReferenceEquals(_slots[_inHook].Filter, filter)) PutInFront(ref _slots[_inHook]);
        return _piece;
    }

    /// <summary>All that a filter has stopped so far and its current piece may be seen as one: for whole-body readers.</summary>
    public ByteWriter? BufferOf(HttpFilter filter)
    {
        for (int i = 0; i < _count; i++) if (ReferenceEquals(_slots[i].Filter, filter)) return _slots[i].Buffer;
        return null;
    }

    /// <summary>The place for a body that the filter adds.</summary>
    public ByteWriter WritableOf(HttpFilter filter)
    {
        int i = 0;
        while (i < _count && !ReferenceEquals(_slots[i].Filter, filter)) i++;
        return i == _inHook || i == _count ? _piece : _slots[i].Buffer ??= new ByteWriter(_pool);
    }

    private HeadersStatus CallHeaders(int i, bool end)
    {
        Enter(i);
        var filter = _slots[i].Filter;
        try
        {
            stream.Trace?.Begin(stream.NameOf(filter), response ? "OnResponseHeaders" : "OnRequestHeaders", Map, null, end);
            var status = response ? filter.OnResponseHeaders(stream.ResponseHeaders, end)
                : filter.OnRequestHeaders(stream.RequestHeaders, end);
            stream.Trace?.End(status.ToString(), Map, null);
            return status;
        }
        catch (Exception e)
        {
            stream.OnFilterFailure(filter, e);
            return HeadersStatus.Continue;
        }
        finally
        {
            Leave();
        }
    }

    private BodyStatus CallBody(int i, bool end)
    {
        Enter(i);
        var filter = _slots[i].Filter;
        try
        {
            stream.Trace?.Begin(stream.NameOf(filter), response ? "OnResponseBody" : "OnRequestBody", Map, _piece, end);
            var status = response ? filter.OnResponseBody(_piece, end) : filter.OnRequestBody(_piece, end);
            stream.Trace?.End(status.ToString(), Map, _piece);
            return status;
        }
        catch (Exception e)
        {
            stream.OnFilterFailure(filter, e);
            return BodyStatus.Continue;
        }
        finally
        {
            Leave();
        }
    }

    private TrailersStatus CallTrailers(int i)
    {
        Enter(i);
        var filter = _slots[i].Filter;
        try
        {
            stream.Trace?.Begin(stream.NameOf(filter), response ? "OnResponseTrailers" : "OnRequestTrailers",
                response ? stream.ResponseTrailers : stream.RequestTrailers, null, true);
            var status = response ? filter.OnResponseTrailers(stream.ResponseTrailers) : filter.OnRequestTrailers(stream.RequestTrailers);
            stream.Trace?.End(status.ToString(), response ? stream.ResponseTrailers : stream.RequestTrailers, null);
            return status;
        }
        catch (Exception e)
        {
            stream.OnFilterFailure(filter, e);
            return TrailersStatus.Continue;
        }
        finally
        {
            Leave();
        }
    }

    private HeaderMap Map => response ? stream.ResponseHeaders : stream.RequestHeaders;

    private void Enter(int i)
    {
        _inHook = i;
        if (_clock == 0) _clock = Stopwatch.GetTimestamp();
        _continueAsked = false;
        stream.Worker.Loop.Within = _slots[i].Filter; // for the watchdog
    }

    private void Leave()
    {
        long now = Stopwatch.GetTimestamp();
        _slots[_inHook].Ticks += now - _clock;
        _clock = now;
        _inHook = -1;
        stream.Worker.Loop.Within = null;
    }
}
