using System.Globalization;
using System.Net;
using Managed.Filters;
using Managed.Proxy.Core;
using Managed.Proxy.Http.Filters.Native.Plugins;
using Managed.Proxy.Streams;
using Managed.Proxy.Upstream;
using Contract = Managed.Filters;

namespace Managed.Proxy.Http.Filters.Native;

/// <summary>A stream as a plug-in's filter has it, and what that filter asks for.</summary>
internal sealed class NativeStream : NativeHost
{
    private NativeFilter _home = null!;
    private readonly View _view;
    private HttpStream? _stream;
    private NativeHeaders? _requestHeaders, _requestTrailers, _responseHeaders, _responseTrailers;

    public NativeStream(NativePlugin plugin, WorkerContext worker, Contract.HttpFilter? filter) : base(plugin, worker)
    {
        Filter = filter ?? throw new InvalidOperationException("CreateFilter gave null");
        _view = new View(this);
        Filter.Host = this;
        Filter.StreamOfHost = _view;
    }

    public Contract.HttpFilter Filter { get; }
    public override string Subject => _stream is { } s ? $"{s.NameOf(_home)}, request {s.Info.StreamId}" : Plugin.Name;
    protected override IReadOnlyDictionary<string, Cluster> Clusters => Stream.Generation.Clusters;

    public NativeHeaders RequestHeaders => _requestHeaders ??= new(Stream.RequestHeaders, isRequest: true, areTrailers: false,
        () => IsOver || _stream is null, () => { if (Stream.ResponseHeaders.Count == 0) Stream.ClearRouteCache(); });
    public NativeHeaders RequestTrailers => _requestTrailers ??= new(Stream.RequestTrailers, isRequest: true, areTrailers: true,
        () => IsOver || _stream is null, null);
    public NativeHeaders ResponseHeaders => _responseHeaders ??= new(Stream.ResponseHeaders, isRequest: false, areTrailers: false,
        () => IsOver || _stream is null, null);
    public NativeHeaders ResponseTrailers => _responseTrailers ??= new(Stream.ResponseTrailers, isRequest: false, areTrailers: true,
        () => IsOver || _stream is null, null);

    private HttpStream Stream => _stream ?? throw new InvalidOperationException("the stream is over");

    public void Begin(NativeFilter home)
    {
        _home = home;
        _stream = home.Stream;
        IsOver = false;
    }

    /// <summary>The stream is over. True: all of this may serve another.</summary>
    public bool TryReuse()
    {
        bool failed = IsOver;
        End();
        bool fresh = false;
        try
        {
            fresh = !failed && Filter.Reset();
        }
        catch (Exception e)
        {
            Plugin.OnFailure(Worker, e);
        }
        _stream = null;
        _home = null!;
        // The maps are the stream's, and another stream has others.
        _requestHeaders = _requestTrailers = _responseHeaders = _responseTrailers = null;
        return fresh;
    }

    public override void Continue(bool response)
    {
        if (!IsOver) _home.Resume(response);
    }

    public override void Close() => Stream.Cut();

    protected override void OnFailed() => _home.OnFailed();

    private sealed class View(NativeStream on) : Contract.HttpStream
    {
        private HttpStream Stream => on.Stream;
        private StreamInfo Info => on.Stream.Info;

        public override IPEndPoint? RemoteAddress => Info.RemoteAddress;
        public override IPEndPoint? LocalAddress => Info.LocalAddress;
        public override IPEndPoint? DirectRemoteAddress => Info.DirectRemoteAddress;
        public override string? ServerName => Info.RequestedServerName is { Length: > 0 } name ? name : null;
        public override string ListenerName => Info.ListenerName ?? "";
        public override Contract.Headers RequestHeaders => on.RequestHeaders;
        public override Contract.Headers ResponseHeaders => on.ResponseHeaders;
        public override string Protocol => Info.Protocol switch
        {
            HttpProtocol.Http10 => "HTTP/1.0",
            HttpProtocol.Http2 => "HTTP/2",
            _ => "HTTP/1.1",
        };
        public override string? RouteName => Stream.Route?.Name;
        public override long ConfigurationVersion => Stream.Generation.Version;
        public override int ResponseCode => Info.ResponseCode;
        public override (long Received, long Sent) Bytes => (Info.BytesReceived, Info.BytesSent);
        public override FilterConfiguration? RouteConfiguration => (Stream.RouteConfig(on._home.Index) as NativeRoute)?.Configuration;
        public override void ClearRouteCache() => Stream.ClearRouteCache();

        public override object? Metadata(string space, string key)
            => Info.DynamicMetadata is { } all && all.TryGetValue(space, out var values) ? values.GetValueOrDefault(key) : null;

        // An object of the plug-in's own would keep its assembly wherever metadata goes.
        public override void SetMetadata(string space, string key, object? value) => Info.MetadataOf(space)[key] = value switch
        {
            null or string or bool or double => value,
            sbyte or byte or short or ushort or int or uint or long or ulong or float or decimal =>
                Convert.ToDouble(value, CultureInfo.InvariantCulture),
            _ => value.ToString(),
        };

        public override void SendLocalReply(int status, ReadOnlySpan<byte> body, string details, Action<Contract.Headers>? headers)
        {
            if (status is < 200 or > 599) throw new ArgumentOutOfRangeException(nameof(status), "200 to 599");
            if (details.Length is 0 or > 256 || details.Any(c => c is <= ' ' or > '~'))
                throw new ArgumentException("1 to 256 printable characters without white space", nameof(details));
            Stream.SendLocalReply(status, body, details, ResponseFlags.None, headers is null ? null : static (map, state) =>
            {
                var (on, headers) = ((NativeStream, Action<Contract.Headers>))state!;
                on.Run(() => headers(new NativeHeaders(map, isRequest: false, areTrailers: false, () => on.IsOver, null)));
            }, headers is null ? null : (on, headers));
        }
    }
}
