using Managed.Proxy.Core;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Core.Timers;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Router;
using Managed.Proxy.Streams;

namespace Managed.Proxy.Http.Filters.Cache;

/// <summary>
/// One request at the cache: given what is kept, or followed to its response, which is kept when it is whole. The numbers are of RFC 9111.
/// </summary>
internal sealed class CacheFilter : HttpFilter
{
    // A request that found a file waits so long for the disk; then it is as if there were none.
    private const long ReadMicros = FileThreads.Patience * 1000;
    private const int MostReads = 2; // of the URL, and of what it varies by

    private enum Doing : byte { Nothing, Waiting, Reading, Asking, Validating, Writing, Given }

    private readonly CacheSettings _settings;
    private readonly CacheStore _store;
    private readonly CacheStats _stats;
    private readonly WorkerContext _worker;
    private readonly WheelTimer _timer;
    private readonly ByteWriter _key = new(0), _body;
    private Doing _doing;
    private CacheEntry? _entry; // being given, asked for, or made
    private CacheFlight? _flight; // our own
    private byte[]? _flightKey;
    private CacheControl _request;
    private readonly HeaderMap _sent = new(); // the request as it was looked up: what comes behind changes it
    private byte[]? _asks; // the body that is asked for: whoever throws the entry out meanwhile takes it from there
    private string? _range;
    private long _turn, _asked, _entered;
    private int _urlLength; // of the key; what follows is of a variant
    private bool _records, _waitsNoMore;
    private int _reads; // of files, for this request

    public CacheFilter(CacheSettings settings, CacheStore store, CacheStats stats, WorkerContext worker)
    {
        (_settings, _store, _stats, _worker) = (settings, store, stats, worker);
        _body = new ByteWriter(worker.Loop.Buffers);
        _timer = new WheelTimer(static f => ((CacheFilter)f!).OnLate(), this);
    }

    private long Now => _worker.WallMicros / 1_000_000;

    public override HeadersStatus OnRequestHeaders(HeaderMap headers, bool endStream)
    {
        var method = headers.Get(HeaderId.Method);
        bool get = method.SequenceEqual("GET"u8);
        if (!get && !method.SequenceEqual("HEAD"u8))
        {
            // 4.4: what is written makes what is kept of it wrong.
            if (method.SequenceEqual("OPTIONS"u8) || method.SequenceEqual("TRACE"u8) || method.SequenceEqual("CONNECT"u8))
                return HeadersStatus.Continue;
            _doing = Doing.Writing;
            WriteKey(headers);
            return HeadersStatus.Continue;
        }
        if (!endStream || Stream.Down.AsksUpgrade || headers.Has(HeaderId.Authorization) || Stream.Route is not { Kind: RouteKind.Route }
            || headers.TryGet("if-match"u8, out _) || headers.TryGet("if-unmodified-since"u8, out _)) return HeadersStatus.Continue;
        if (_store.Files?.TakeCounts() is { } news)
            for (int i = 0; i < news.Length; i++) _worker.Stats.Add(_stats.Files[i], news[i]);
        _request = _settings.IgnoresRequest ? new CacheControl() : CacheControl.Of(headers, request: true);
        WriteKey(headers);
        return Look(headers, get);
    }

    private void WriteKey(HeaderMap headers)
    {
        _settings.WriteKey(headers, Stream.Route?.ResolveCluster(headers)?.Name, _key);
        _urlLength = _key.Length;
    }

    private HeadersStatus Look(HeaderMap headers, bool get)
    {
        var entry = _store.Find(_key.Written);
        if (entry is { Varies: { } names })
        {
            WriteVariant(entry, names, headers);
            entry = _store.Find(_key.Written);
        }
        // Read once: whoever throws it out takes its body.
        if (entry?.Body is { } body && CachePolicy.IsFresh(entry, _request, Now))
        {
            Count(_stats.Hit);
            Give(entry, body, headers);
            return HeadersStatus.StopIteration;
        }
        if (entry is null && _store.Files is { } files && _reads < MostReads && files.TryRead(_key.Written, this, _turn, _worker))
        {
            _reads++;
            _doing = Doing.Reading;
            _worker.Timers.Arm(_timer, ReadMicros);
            return HeadersStatus.StopIteration;
        }
        if (_request.OnlyIfCached)
        {
            _doing = Doing.Given;
            Stream.SendLocalReply(504, default, "cache_only_if_cached");
            return HeadersStatus.StopIteration;
        }
        bool conditional = headers.TryGet("if-none-match"u8, out _) || headers.TryGet("if-modified-since"u8, out _);
        Count(_stats.Miss);
        if (conditional || headers.Has(HeaderId.Range) || _request.NoStore || !get) return HeadersStatus.Continue;
        if (_settings.WaitMicros > 0 && _flight is null && !_waitsNoMore && MustWait()) return HeadersStatus.StopIteration;
        _asked = Now;
        _doing = Doing.Asking;
        _sent.CopyFrom(headers);
        if (entry is not { HasValidator: true, Body: { } kept }) return HeadersStatus.Continue;
        // 4.3.1
        (_doing, _entry, _asks) = (Doing.Validating, entry, kept);
        if (entry.TryGet("etag"u8, out var etag)) headers.Set("if-none-match"u8, etag);
        if (entry.TryGet("last-modified"u8, out var modified)) headers.Set("if-modified-since"u8, modified);
        return HeadersStatus.Continue;
    }

    // The first asks, the others wait until it has an answer.
    private bool MustWait()
    {
        byte[] key = _key.Written.ToArray();
        var own = new CacheFlight();
        if (_store.Join(key, own) is not { } other)
        {
            (_flight, _flightKey) = (own, key);
            return false;
        }
        if (!other.Wait(this, _turn, _worker)) return false;
        _doing = Doing.Waiting;
        Count(_stats.Waited);
        _worker.Timers.Arm(_timer, _settings.WaitMicros);
        return true;
    }

    /// <summary>What this waited for has ended; nothing if it waits no more.</summary>
    public void OnLanded(long turn)
    {
        if (turn != _turn || _doing != Doing.Waiting) return;
        _worker.Timers.Cancel(_timer);
        GoOn();
    }

    /// <summary>A file has been read, or could not be; whoever asked for it may be gone.</summary>
    public void OnRead(long turn, CacheEntry? entry, KeptFile file)
    {
        if (entry is not null && _store.PutBack(entry, file) is > 0 and var gone) _worker.Stats.Add(_stats.Evicted, gone);
        if (turn != _turn || _doing != Doing.Reading) return;
        _worker.Timers.Cancel(_timer);
        GoOn();
    }

    private void OnLate()
    {
        if (_doing == Doing.Reading)
        {
            _reads = MostReads;
            Count(_stats.Files[(int)FileEvent.Late]);
        }
        else if (_doing != Doing.Waiting) return;
        else _waitsNoMore = true;
        GoOn();
    }

    private void GoOn()
    {
        _doing = Doing.Nothing;
        _turn++;
        WriteKey(Stream.RequestHeaders);
        bool get = Stream.RequestHeaders.Get(HeaderId.Method).SequenceEqual("GET"u8);
        if (Look(Stream.RequestHeaders, get) == HeadersStatus.Continue) ContinueRequest();
    }

    public override HeadersStatus OnResponseHeaders(HeaderMap headers, bool endStream)
    {
        int status = Stream.Info.ResponseCode;
        switch (_doing)
        {
            case Doing.Writing when status is >= 200 and < 400 && Stream.Info.Details == "via_upstream":
                _store.Remove(_key.Written);
                Count(_stats.Invalidated);
                break;
            case Doing.Validating when status == 304 && Stream.Info.Details == "via_upstream":
                return TakeRenewed(_entry!, _asks!, headers);
            case Doing.Asking or Doing.Validating:
                Record(headers, status);
                if (_records && endStream) Store();
                break;
        }
        if (!_records)
        {
            EndFlight();
            Stream.SkipRest(this, response: true);
        }
        return HeadersStatus.Continue;
    }

    private HeadersStatus TakeRenewed(CacheEntry entry, byte[] body, HeaderMap headers)
    {
        // 4.3.3 and 4.3.4: the client gets the whole, as if it had come.
        var renewed = CachePolicy.Renew(entry, body, headers, _asked, Now);
        if (renewed is not null) Put(renewed);
        else _store.Remove(entry.Key);
        EndFlight();
        Count(_stats.Validated);
        _doing = Doing.Given;
        headers.Clear();
        _entry = renewed ?? entry;
        Stream.Info.ResponseCode = _entry.Status;
        WriteHead(headers, _entry, _entry.Status == 204 ? -1 : body.Length);
        headers.Set(HeaderId.Status, "200"u8);
        if (_entry.Status != 200) WriteNumber(headers, HeaderId.Status, _entry.Status);
        if (body.Length > 0) Stream.WritableBody(this, response: true).Write(body);
        Stream.SkipRest(this, response: true);
        return HeadersStatus.Continue;
    }

    private void Record(HeaderMap headers, int status)
    {
        if (Stream.Info.Details != "via_upstream" || !VaryIsAllowed(headers)) return;
        long length = headers.Has(HeaderId.ContentLength) ? FieldSyntax.ParseLength(headers.Get(HeaderId.ContentLength)) : 0;
        if (length > _settings.MostBody) return;
        _entry = CachePolicy.Keep(headers, status, _asked, Now, KeyFor(headers));
        _records = _entry is not null;
        _body.Clear();
    }

    public override BodyStatus OnResponseBody(ByteWriter body, bool endStream)
    {
        if (!_records) return BodyStatus.Continue;
        if (_body.Length + body.Length > _settings.MostBody || !_store.TryEnter(body.Length))
        {
            StopRecording();
            return BodyStatus.Continue;
        }
        _entered += body.Length;
        _body.Write(body.Written);
        if (endStream) Store();
        return BodyStatus.Continue;
    }

    public override TrailersStatus OnResponseTrailers(HeaderMap trailers)
    {
        StopRecording(); // trailers are not kept, and without them it is not whole
        return TrailersStatus.Continue;
    }

    public override void OnDestroy()
    {
        _turn++;
        _worker.Timers.Cancel(_timer);
        StopRecording();
        _doing = Doing.Nothing;
        _key.Release(keep: 4096);
        _sent.Shrink();
        _request = default;
        _waitsNoMore = false;
        _reads = 0;
        _asked = _urlLength = 0;
        _range = null;
    }

    private void StopRecording()
    {
        _records = false;
        _entry = null;
        _asks = null;
        _body.Release();
        if (_entered > 0) _store.Leave(_entered);
        _entered = 0;
        EndFlight();
    }

    private void EndFlight()
    {
        if (_flight is not { } flight) return;
        _flight = null;
        _store.End(_flightKey!, flight);
    }

    private void Store()
    {
        _entry!.Body = _body.Written.ToArray();
        Put(_entry.Measured());
        Count(_stats.Stored);
        StopRecording();
    }

    private void Put(CacheEntry entry)
    {
        int gone = _store.Put(entry);
        if (gone > 0) _worker.Stats.Add(_stats.Evicted, gone);
    }

    private void Give(CacheEntry entry, byte[] body, HeaderMap request)
    {
        (_doing, _entry) = (Doing.Given, entry);
        bool whole = !ByteRange.TryRead(request, body.Length, out int from, out int length) || entry.Status != 200
            || (request.TryGet("if-range"u8, out var range) && !CachePolicy.IsSame(entry, range));
        if (CachePolicy.IsKnown(entry, request)) Reply(304, default, null);
        else if (whole) Reply(entry.Status, body, null);
        else if (length == 0) Reply(416, default, $"bytes */{body.Length}");
        else Reply(206, body.AsSpan(from, length), $"bytes {from}-{from + length - 1}/{body.Length}");
    }

    private void Reply(int status, ReadOnlySpan<byte> body, string? range)
    {
        _range = range;
        Stream.SendStoredReply(status, body, "response_from_cache_filter", ResponseFlags.ResponseFromCacheFilter,
            static (headers, filter) =>
        {
            var self = (CacheFilter)filter!;
            self.WriteHead(headers, self._entry!, -1);
            if (self._range is { } part) headers.Set("content-range"u8, System.Text.Encoding.ASCII.GetBytes(part));
        }, this);
    }

    private void WriteHead(HeaderMap headers, CacheEntry entry, int length)
    {
        foreach (var (name, value) in entry.Headers) headers.Add(name, value);
        if (length >= 0) WriteNumber(headers, HeaderId.ContentLength, length);
        var scratch = _worker.Scratch;
        scratch.Clear();
        scratch.Write(entry.Age(Now)); // 5.1
        headers.Set("age"u8, scratch.Written);
    }

    private void WriteNumber(HeaderMap headers, HeaderId name, long number)
    {
        var scratch = _worker.Scratch;
        scratch.Clear();
        scratch.Write(number);
        headers.Set(name, scratch.Written);
    }

    private bool VaryIsAllowed(HeaderMap headers)
    {
        Span<byte> lower = stackalloc byte[64];
        for (int i = 0; headers.TryGetAt("vary"u8, i, out var list); i++)
            while (FieldSyntax.NextMember(ref list, out var name))
            {
                if (name is [(byte)'*'] || name.Length > lower.Length) return false;
                System.Text.Ascii.ToLower(name, lower, out int length);
                if (length != name.Length || !_settings.MayVaryBy(lower[..length])) return false;
            }
        return true;
    }

    // 4.1: of responses that vary the URL's entry has the names, and each has a key of its own.
    private byte[] KeyFor(HeaderMap response)
    {
        _key.Truncate(_urlLength);
        if (!response.Has(HeaderId.Vary)) return _key.Written.ToArray();
        var names = new SortedSet<string>(StringComparer.Ordinal);
        for (int i = 0; response.TryGetAt("vary"u8, i, out var list); i++)
            while (FieldSyntax.NextMember(ref list, out var name))
                names.Add(System.Text.Encoding.ASCII.GetString(name).ToLowerInvariant());
        byte[][] wanted = [.. names.Select(System.Text.Encoding.ASCII.GetBytes)];
        var there = _store.Find(_key.Written);
        if (there is not { Varies: { } known } || !known.Select(Convert.ToHexString).SequenceEqual(wanted.Select(Convert.ToHexString)))
        {
            there = new CacheEntry(_key.Written.ToArray()) { Varies = wanted, Number = _store.NextNumber(), Body = [] }.Measured();
            Put(there);
        }
        WriteVariant(there, wanted, _sent);
        return _key.Written.ToArray();
    }

    private void WriteVariant(CacheEntry entry, byte[][] names, HeaderMap request)
    {
        _key.Write((byte)0);
        _key.Write(entry.Number);
        foreach (byte[] name in names)
        {
            _key.Write((byte)0);
            for (int i = 0; request.TryGetAt(name, i, out var value); i++)
            {
                _key.Write((byte)1);
                _key.Write(value);
            }
        }
    }

    private void Count(Core.Telemetry.Counter counter) => _worker.Stats.Increment(counter);
}
